using HybridEngine.Models;

namespace HybridEngine.Inference.Tests;

/// <summary>Random requests and their answers, alone.</summary>
internal static class Requests
{
    public static int[] Prompt(Random random, int length) => [.. Enumerable.Range(0, length).Select(_ => random.Next(3, TinyModel.Vocabulary))];

    /// <summary>A request as an engine holds it.</summary>
    public static Generation Submitted(GenerationRequest request) => new(request, new SamplingPlan(request, [], TinyModel.Vocabulary, null));

    /// <summary>Any filters, any length, prompts that sometimes begin alike.</summary>
    public static GenerationRequest Any(Random random, long id, int maxPrompt, int maxTokens)
    {
        int[] prompt = Prompt(new Random(7), random.Next(1, maxPrompt));
        for (int i = random.Next(prompt.Length + 1); i < prompt.Length; i++) { prompt[i] = random.Next(3, TinyModel.Vocabulary); }
        return new GenerationRequest
        {
            Prompt = prompt,
            RequestId = id,
            Choices = random.Next(4) == 0 ? random.Next(2, 5) : 1,
            Sampling = new SamplingOptions
            {
                Temperature = random.Next(4) == 0 ? 0 : 0.5f + random.NextSingle(),
                TopK = random.Next(3) == 0 ? random.Next(1, 50) : 0,
                TopP = random.Next(3) == 0 ? 0.5f + random.NextSingle() / 2 : 1,
                MinP = random.Next(3) == 0 ? random.NextSingle() / 10 : 0,
                RepetitionPenalty = random.Next(3) == 0 ? 1 + random.NextSingle() : 1,
                TypicalP = random.Next(5) == 0 ? 0.3f + random.NextSingle() / 2 : 1,
                EpsilonCutoff = random.Next(5) == 0 ? random.NextSingle() / 20 : 0,
                EtaCutoff = random.Next(5) == 0 ? random.NextSingle() / 20 : 0,
                TopNSigma = random.Next(5) == 0 ? 0.5f + 2 * random.NextSingle() : 0,
                FrequencyPenalty = random.Next(4) == 0 ? random.NextSingle() : 0,
                PresencePenalty = random.Next(4) == 0 ? random.NextSingle() : 0,
                NoRepeatNgram = random.Next(4) == 0 ? random.Next(1, 4) : 0,
                LogitBias = random.Next(4) == 0 ? new Dictionary<int, float> { [random.Next(TinyModel.Vocabulary)] = 3, [2] = -1 } : new Dictionary<int, float>(),
                BadWordIds = random.Next(4) == 0 ? [[random.Next(TinyModel.Vocabulary)], Prompt(random, 2)] : [],
                MinTokens = random.Next(4) == 0 ? 1 : 0,
                MaxTokens = random.Next(1, maxTokens),
                TopLogProbs = random.Next(3) == 0 ? random.Next(1, 5) : 0,
                Seed = random.NextInt64(),
                IgnoreEos = random.Next(2) == 0,
            },
        };
    }

    /// <summary>The answers when nothing else runs and every prompt is read at once.</summary>
    public static GenerationResult[] Alone(Decoder decoder, GenerationRequest request)
    {
        using GenerationEngine engine = new(decoder, new EngineOptions { PrefixCache = false });
        return Alone(engine, request);
    }

    /// <summary>The same with an engine that has nothing else to do.</summary>
    public static GenerationResult[] Alone(GenerationEngine engine, GenerationRequest request)
    {
        GenerationResult[] results = new GenerationResult[request.Choices];
        for (int c = 0; c < results.Length; c++)
        {
            Generation g = engine.Submit(request with { Choices = 1, Choice = request.Choice + c });
            engine.Run();
            results[c] = g.Results()[0];
        }

        return results;
    }
}
