using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>Whole sequences through a cache of their own: for keys and values in 8 bits, which attention over packed sequences does not round. So scores are, bit for bit, what generation records.</summary>
internal static class CachedSequences
{
    private const int BlockSize = 16;   // no bit depends on it

    /// <summary>Hidden states [tokens, embedding] after the final norm; rented from the pool.</summary>
    public static Tensor Run(DecoderForward forward, Decoder decoder, TensorPool pool, PackedBatch batch, PackedTokens tokens, AdapterRows adapters)
    {
        int blocks = 0, widest = 0;
        int[] lengths = new int[batch.Sequences];
        for (int s = 0; s < lengths.Length; s++)
        {
            lengths[s] = batch.Length(s);
            blocks += Blocks(lengths[s]);
            widest = Math.Max(widest, Blocks(lengths[s]));
        }

        // Each sequence has the blocks behind those of the one before.
        int[] slots = new int[batch.Tokens], tables = new int[lengths.Length * widest];
        for (int s = 0, first = 0; s < lengths.Length; first += Blocks(lengths[s++]))
        {
            for (int b = 0; b < Blocks(lengths[s]); b++) { tables[(s * widest) + b] = first + b; }
            for (int t = 0; t < lengths[s]; t++) { slots[batch.Offsets[s] + t] = (first * BlockSize) + t; }
        }

        IKernels kernels = decoder.Kernels;
        using KvCache cache = new(kernels, decoder.Config, blocks, BlockSize, decoder.Precision.KeyValueType);
        Tensor slot = Upload(slots, slots.Length), length = Upload(lengths, lengths.Length), table = Upload(tables, lengths.Length, widest);
        Tensor hidden = forward.Run(new DecodeBatch(tokens.Ids, tokens.Positions, slot, tokens.Offsets, length, table), cache, adapters);
        kernels.Synchronize();
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[slot, length, table]) { pool.Return(t); }
        return hidden;

        Tensor Upload(int[] values, params ReadOnlySpan<long> extents)
        {
            Tensor tensor = pool.Rent(DType.Int32, extents);
            kernels.Upload<int>(values, tensor);
            return tensor;
        }
    }

    private static int Blocks(int tokens) => (tokens + BlockSize - 1) / BlockSize;
}
