using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>One request of a serving benchmark.</summary>
/// <param name="Request">What is asked.</param>
/// <param name="Arrival">It comes before this forward, counted from 0.</param>
/// <param name="CancelAfter">Its client goes away after so many tokens; 0: never.</param>
internal sealed record ServeRequest(GenerationRequest Request, int Arrival, int CancelAfter);

/// <summary>Requests of mixed length at random times, the same for the same seed: prompts and answers follow exponential distributions cut at the given lengths, arrivals a Poisson process counted in
/// forwards (so that the load does not depend on the machine).</summary>
internal static class ServeWorkload
{
    public static ServeRequest[] Create(ServeCase test, int vocabulary, IReadOnlyList<LoraAdapter> adapters, TokenConstraint? constraint)
    {
        Random random = new(test.Seed);
        ServeRequest[] requests = new ServeRequest[test.Requests];
        double arrival = 0;
        for (int i = 0; i < requests.Length; i++)
        {
            int prompt = Length(random, test.MaxPrompt), fresh = Length(random, test.MaxNew);
            bool leaves = random.NextDouble() < test.Cancelled, constrained = random.NextDouble() < test.Constrained;
            int adapter = random.Next(adapters.Count + 1) - 1;
            int[] ids = new int[prompt];
            for (int j = 0; j < prompt; j++) { ids[j] = random.Next(vocabulary); }
            requests[i] = new ServeRequest(new GenerationRequest
            {
                Prompt = ids,
                RequestId = i,
                DecodeText = false,
                Adapter = adapter < 0 ? null : adapters[adapter],
                Sampling = new SamplingOptions { MaxTokens = fresh, Seed = test.Seed, IgnoreEos = true, Constraint = constrained ? constraint : null },
            }, (int)arrival, leaves ? random.Next(1, fresh + 1) : 0);
            arrival -= Math.Log(1 - random.NextDouble()) / test.ArrivalsPerStep;
        }

        return requests;
    }

    private static int Length(Random random, int most) => (int)Math.Clamp(-Math.Log(1 - random.NextDouble()) * most / 3, Math.Min(8, most), most);
}
