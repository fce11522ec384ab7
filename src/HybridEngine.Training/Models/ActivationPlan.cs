using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>How many blocks of a batch keep their activations, and how many are computed again.</summary>
/// <remarks>
/// A block's input always stays (hidden floats a token); the rest of it is some ten times that, and computing it again costs the block's forward without its last product, about a quarter of its
/// share of a step. The bits are the same either way, so the choice is only one of memory against time.
/// </remarks>
internal static class ActivationPlan
{
    // With the head's rows, one block's gradients and the runtime beside it this stays under 1 GiB.
    private const long LeastBytes = 768L << 20;

    /// <summary>What activations may take when nobody says: as much as float32 weights do, and not less than 768 MiB; in bf16 the compute copies are part of it, so that training needs no more memory for being faster.</summary>
    public static long Automatic(Decoder decoder)
    {
        long copies = 0;
        foreach (Parameter p in decoder.Parameters) { copies += p.Form.Arithmetic == Arithmetic.BFloat16 ? p.DType.Bytes((long)p.Rows * p.Columns) : 0; }
        return Math.Max(LeastBytes, decoder.ParameterCount * sizeof(float)) - copies;
    }

    /// <summary>The first block that is kept whole (<see cref="ForwardTape.FirstWhole"/>): as many from the end on as fit.</summary>
    /// <param name="config">The model.</param>
    /// <param name="tokens">Of the batch.</param>
    /// <param name="bytes">For all that the forward keeps.</param>
    public static int FirstWhole(DecoderConfig config, long tokens, long bytes)
    {
        long left = bytes - config.Layers * InputBytes(config, tokens);
        int layer = config.Layers;
        while (layer > 0 && (left -= BlockBytes(config, layer - 1, tokens)) >= 0) { layer--; }
        return layer;
    }

    /// <summary>What a block keeps in either case.</summary>
    public static long InputBytes(DecoderConfig config, long tokens) => tokens * config.HiddenSize * sizeof(float);

    /// <summary>What a whole block keeps beyond its input (<see cref="BlockTape"/>).</summary>
    public static long BlockBytes(DecoderConfig config, int layer, long tokens)
    {
        long fused = config.QueryWidth + 2L * config.KeyWidth, attention = fused + config.QueryWidth + config.QueryHeads;
        long sums = config.BlockOrder == BlockOrder.Serial ? config.HiddenSize : 0, statistics = 4;
        long outputs = config.HasOutputNorms ? 2L * (config.HiddenSize + 2) : 0;
        long mlp = (config.GatedMlp ? 2L : 1L) * config.IntermediateSize;
        if (config.HasExperts(layer))
        {
            ExpertConfig experts = config.Experts!;
            long choice = (config.GatedMlp ? 2L : 1L) * experts.IntermediateSize + config.HiddenSize + 4;
            mlp = experts.Count + experts.PerToken * choice;
        }

        return tokens * (attention + sums + statistics + outputs + mlp) * sizeof(float);
    }
}
