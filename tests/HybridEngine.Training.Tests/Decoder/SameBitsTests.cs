namespace HybridEngine.Training.Tests;

/// <summary>A token's hidden state does not depend on what else is in the batch, on how its prompt is cut, or on which form of attention ran.</summary>
public sealed class SameBitsTests
{
    private static readonly int[] _lengths = [1, 9, 70, 131, 16];

    [SkippableTheory, ClassData(typeof(BackendsAndModels))]
    public void Packed_AloneTogetherAndReversed_SameBits(string backend, string model)
    {
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, model);
        int[][] sequences = Sequences();
        float[][] together = Hidden.Packed(decoder, sequences);
        float[][] reversed = Hidden.Packed(decoder, [.. sequences.Reverse()]);
        for (int s = 0; s < sequences.Length; s++)
        {
            float[] alone = Hidden.Packed(decoder, sequences[s])[0];
            Expect.SameBits(alone, together[s], $"sequence {s} packed");
            Expect.SameBits(alone, reversed[^(s + 1)], $"sequence {s} reversed");
        }
    }

    [SkippableTheory, ClassData(typeof(BackendsAndModels))]
    public void Paged_AtOnceInChunksAndByToken_SameBitsAsPacked(string backend, string model)
    {
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, model);
        int[] ids = Sequences()[3];
        float[] packed = Hidden.Packed(decoder, ids)[0];
        Expect.SameBits(packed, Hidden.Paged(decoder, ids, ids.Length), "at once");
        Expect.SameBits(packed, Hidden.Paged(decoder, ids, 1, 63, 17, 50), "in chunks");
        Expect.SameBits(packed, Hidden.Paged(decoder, ids, Enumerable.Repeat(1, ids.Length)), "token by token");
    }

    [SkippableTheory, ClassData(typeof(BackendsAndModels))]
    public void Tape_FullOrBlockInputs_SameHiddenStatesAndGradients(string backend, string model)
    {
        using IKernels kernels = Backends.Open(backend);
        (float[] hidden, float[][] gradients) = Gradients(kernels, model, TapeMode.Full);
        (float[] again, float[][] recomputed) = Gradients(kernels, model, TapeMode.BlockInputs);
        Expect.SameBits(hidden, again, "hidden states");
        for (int p = 0; p < gradients.Length; p++) { Expect.SameBits(gradients[p], recomputed[p], $"gradient of parameter {p}"); }
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void Decode_AfterWarmUp_AllocatesNothing(string backend)
    {
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, "head-norms");
        using PagedSession session = new(decoder, 100);
        session.Append(Sequences()[1]);
        session.Append([3]);
        long inUse = session.BytesInUse, allocated = HostMemory.TotalAllocated;
        for (int i = 0; i < 20; i++) { session.Append([i]); }
        Assert.Equal(0, inUse);
        Assert.Equal(0, session.BytesInUse);
        Assert.Equal(allocated, HostMemory.TotalAllocated);
    }

    private static (float[] Hidden, float[][] Gradients) Gradients(IKernels kernels, string model, TapeMode mode)
    {
        using Models.Decoder decoder = TinyModels.Create(kernels, model);
        foreach (Parameter parameter in decoder.Parameters) { parameter.AllocateGradient(); }
        using TensorPool pool = new(kernels);
        DecoderForward forward = new(decoder, pool);
        ForwardTape tape = new(decoder.Config.Layers, mode);
        PackedTokens tokens = PackedBatch.Pack(Sequences()).Upload(kernels, pool);
        Tensor hidden = forward.Run(tokens, tape);
        float[] values = new float[hidden.Count];
        kernels.Download(hidden, values.AsSpan());
        Random random = new(5);
        float[] upstream = [.. values.Select(_ => (float)(random.NextDouble() - 0.5))];
        Tensor dHidden = pool.Rent(DType.Float32, hidden.Shape[0], hidden.Shape[1]);
        kernels.Upload(upstream, dHidden);
        new DecoderBackward(decoder, pool, forward).Run(tokens, tape, dHidden);
        tokens.Return(pool);
        Assert.Equal(0, pool.BytesInUse);
        return (values, [.. decoder.Parameters.Select(p => p.GradientToArray())]);
    }

    private static int[][] Sequences()
    {
        Random random = new(42);
        return [.. _lengths.Select(n => TinyModels.Sequence(random, n))];
    }
}
