using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Whole sequences one after another, without padding: what training and scoring read. On the host.</summary>
public sealed class PackedBatch
{
    /// <param name="ids">Tokens of all sequences.</param>
    /// <param name="offsets">[sequences + 1]: sequence s holds tokens offsets[s] to offsets[s+1].</param>
    public PackedBatch(int[] ids, int[] offsets)
    {
        if (offsets.Length == 0 || offsets[0] != 0 || offsets[^1] != ids.Length)
        {
            throw new ArgumentException($"Offsets must run from 0 to {ids.Length}.", nameof(offsets));
        }

        Positions = new int[ids.Length];
        for (int s = 0; s + 1 < offsets.Length; s++)
        {
            if (offsets[s + 1] < offsets[s]) { throw new ArgumentException($"Offset {s + 1} is {offsets[s + 1]}, less than the one before.", nameof(offsets)); }
            for (int t = offsets[s]; t < offsets[s + 1]; t++) { Positions[t] = t - offsets[s]; }
        }

        (Ids, Offsets) = (ids, offsets);
    }

    /// <summary>Tokens of all sequences.</summary>
    public int[] Ids { get; }

    /// <summary>[sequences + 1]: sequence s holds tokens Offsets[s] to Offsets[s+1].</summary>
    public int[] Offsets { get; }

    /// <summary>Position of every token in its sequence.</summary>
    public int[] Positions { get; }

    /// <summary>Number of tokens.</summary>
    public int Tokens => Ids.Length;

    /// <summary>Number of sequences.</summary>
    public int Sequences => Offsets.Length - 1;

    /// <summary>Tokens of one sequence.</summary>
    public int Length(int sequence) => Offsets[sequence + 1] - Offsets[sequence];

    /// <summary>Packs sequences in the order given.</summary>
    public static PackedBatch Pack(params IReadOnlyList<int[]> sequences)
    {
        int[] offsets = new int[sequences.Count + 1];
        for (int s = 0; s < sequences.Count; s++) { offsets[s + 1] = offsets[s] + sequences[s].Length; }
        int[] ids = new int[offsets[^1]];
        for (int s = 0; s < sequences.Count; s++) { sequences[s].CopyTo(ids, offsets[s]); }
        return new PackedBatch(ids, offsets);
    }

    /// <summary>Refuses ids outside the vocabulary and sequences beyond the longest context.</summary>
    /// <exception cref="InvalidInputException">Names the sequence and position.</exception>
    public void Validate(DecoderConfig config)
    {
        for (int s = 0; s < Sequences; s++)
        {
            config.RequireContext(Length(s), $"sequence {s}");
            config.RequireIds(Ids.AsSpan(Offsets[s], Length(s)), $"sequence {s}");
        }
    }

    /// <summary>Copies ids, positions and offsets to a model's device, into tensors of the pool.</summary>
    public PackedTokens Upload(Decoder decoder, TensorPool pool)
    {
        IKernels kernels = decoder.Kernels;
        PackedTokens tokens = new(pool.Rent(DType.Int32, Tokens), pool.Rent(DType.Int32, Tokens), pool.Rent(DType.Int32, Offsets.Length));
        kernels.Upload<int>(Ids, tokens.Ids);
        kernels.Upload<int>(PositionRows(decoder.Config), tokens.Positions);
        kernels.Upload<int>(Offsets, tokens.Offsets);
        return tokens;
    }

    private int[] PositionRows(DecoderConfig config)
    {
        if (config.LongFrom == 0) { return Positions; }
        int[] rows = [.. Positions];
        for (int s = 0; s < Sequences; s++)
        {
            int shift = config.PositionShift(Length(s));
            foreach (ref int row in rows.AsSpan(Offsets[s], Length(s))) { row += shift; }
        }

        return rows;
    }
}

/// <summary>A <see cref="PackedBatch"/> on the device.</summary>
/// <param name="Ids">[tokens] int32.</param>
/// <param name="Positions">[tokens] int32, from 0 in every sequence (from <see cref="DecoderConfig.PositionShift"/> in long ones).</param>
/// <param name="Offsets">[sequences + 1] int32.</param>
public readonly record struct PackedTokens(Tensor Ids, Tensor Positions, Tensor Offsets)
{
    /// <summary>Gives the tensors back to the pool they came from.</summary>
    public void Return(TensorPool pool)
    {
        pool.Return(Ids);
        pool.Return(Positions);
        pool.Return(Offsets);
    }
}
