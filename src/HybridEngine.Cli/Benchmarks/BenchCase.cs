using HybridEngine.Models;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>What is timed.</summary>
/// <param name="What">generate, prefill, train or rlhf.</param>
/// <param name="Batch">Sequences.</param>
/// <param name="Prompt">Tokens of each prompt (of each sequence, for prefill and train).</param>
/// <param name="New">Tokens generated for each.</param>
/// <param name="Repetitions">Timed runs, after one that is not.</param>
internal sealed record BenchCase(string What, int Batch, int Prompt, int New, int Repetitions)
{
    /// <summary>Tokens that a run is credited with: new ones (generate), else all.</summary>
    public long Tokens => (long)Batch * (What switch { "generate" => New, "rlhf" => Prompt + New, _ => Prompt });

    /// <summary>Random ids, the same for every run of a case.</summary>
    public int[][] Prompts(DecoderConfig config)
    {
        Random random = new(0);
        int[][] prompts = new int[Batch][];
        for (int i = 0; i < Batch; i++)
        {
            prompts[i] = new int[Prompt];
            for (int j = 0; j < Prompt; j++) { prompts[i][j] = random.Next(config.VocabularySize); }
        }

        return prompts;
    }

    /// <summary>Operations and bytes that no implementation can do without: two operations a weight and token (six in training), weights read once a pass, keys and values read once a step.</summary>
    /// <param name="c">The model.</param>
    /// <param name="weightBytes">Bytes of all matrices as they lie in memory.</param>
    /// <param name="keyValueBytes">Of one element of the cache.</param>
    public (double Flops, double Bytes) Floor(DecoderConfig c, double weightBytes, int keyValueBytes)
    {
        double qkv = (double)c.HiddenSize * (c.QueryHeads + 2 * c.KeyHeads) * c.HeadSize;
        double output = (double)c.HiddenSize * c.QueryHeads * c.HeadSize;
        double mlp = (double)c.HiddenSize * c.IntermediateSize * (c.GatedMlp ? 3 : 2);
        double blocks = c.Layers * (qkv + output + mlp), head = (double)c.VocabularySize * c.EmbeddingSize;
        double keyBytes = 2.0 * c.Layers * c.KeyHeads * c.HeadSize * keyValueBytes;
        double attention = 4.0 * c.Layers * c.QueryHeads * c.HeadSize;   // operations a query and key
        double Pairs(double from, double count) => count * from + count * (count + 1) / 2;

        double generateFlops = Batch * ((Prompt + New) * 2 * blocks + New * 2 * head + attention * Pairs(0, Prompt + New));
        double generateBytes = New * weightBytes + Batch * keyBytes * Pairs(Prompt, New);
        double forward = Batch * (Prompt * 2 * blocks + attention * Pairs(0, Prompt)), sequence = Prompt + New;
        double whole = Batch * (sequence * 2 * blocks + attention * Pairs(0, sequence));
        return What switch
        {
            "generate" => (generateFlops, generateBytes),
            "prefill" => (forward + Batch * 2 * head, weightBytes),
            "train" => (3 * (forward + Batch * Prompt * 2 * head), (blocks + head) * 4 * 7),
            // The rollout; reference (with head), critic and reward forward; actor (with head) and critic forward and backward.
            _ => (generateFlops + 3 * whole + 2 * head * Batch * New + 6 * whole + 6 * head * Batch * New, generateBytes),
        };
    }
}
