namespace HybridEngine.Training.Tests;

/// <summary>Asking for the hidden states of some rows alone changes none of their bits, and no gradient.</summary>
public sealed class SelectedRowsTests
{
    // Fewer than 64 tokens in all: every sum over rows is one chain (docs/numerics.md), in which a row whose gradient is zero changes no bit.
    private static readonly int[] _lengths = [9, 1, 30, 17];

    [SkippableTheory, ClassData(typeof(BackendsAndModels))]
    public void Packed_SomeRows_SameBitsAsOfAll(string backend, string model)
    {
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, model);
        int[] rows = [3, 56, 9, 8, 39, 3];   // in no order, and one twice
        (float[] all, _) = Run(kernels, decoder, Sequences(1), [], null, int.MaxValue);
        (float[] some, _) = Run(kernels, decoder, Sequences(1), rows, null, int.MaxValue);
        Expect.SameBits(Pick(decoder, all, rows), some, "selected rows");
    }

    [SkippableTheory, ClassData(typeof(BackendsAndModels))]
    public void Gradients_SomeRows_SameBitsAsZerosForTheOthers(string backend, string model)
    {
        int seed = Environment.TickCount & 0xFFFF;
        Random random = new(seed);
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, model, (ulong)seed);
        int[][] sequences = Sequences(seed);
        int tokens = sequences.Sum(s => s.Length), width = decoder.Config.EmbeddingSize;
        int[] rows = [.. Enumerable.Range(0, tokens).OrderBy(_ => random.Next()).Take(20).Order()];
        float[] some = [.. Enumerable.Range(0, rows.Length * width).Select(_ => random.NextSingle() - 0.5f)], all = new float[tokens * width];
        for (int i = 0; i < rows.Length; i++) { some.AsSpan(i * width, width).CopyTo(all.AsSpan(rows[i] * width)); }
        (_, float[][] expected) = Run(kernels, decoder, sequences, [], all, 0);
        foreach (int firstWhole in (int[])[0, 1, int.MaxValue])
        {
            (_, float[][] gradients) = Run(kernels, decoder, sequences, rows, some, firstWhole);
            for (int p = 0; p < expected.Length; p++) { Expect.SameBits(expected[p], gradients[p], $"{decoder.Parameters[p].Name} (seed {seed}), whole from {firstWhole}"); }
        }
    }

    [SkippableTheory, ClassData(typeof(BackendsAndModels))]
    public void Paged_SomeRows_SameBitsAsOfAll(string backend, string model)
    {
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, model);
        int[] ids = Sequences(2)[2], rows = [29, 0, 7];
        using PagedSession one = new(decoder, ids.Length), two = new(decoder, ids.Length);
        Expect.SameBits(Pick(decoder, one.Append(ids), rows), two.Append(ids, rows), "selected rows");
        Assert.Equal(0, two.BytesInUse);
    }

    private static int[][] Sequences(int seed)
    {
        Random random = new(seed);
        return [.. _lengths.Select(n => TinyModels.Sequence(random, n))];
    }

    private static float[] Pick(Models.Decoder decoder, float[] all, int[] rows)
    {
        int width = decoder.Config.EmbeddingSize;
        return [.. rows.SelectMany(r => all[(r * width)..((r + 1) * width)])];
    }

    // Hidden states, and, where upstream gradients are given, every parameter's gradient.
    private static (float[] Hidden, float[][] Gradients) Run(IKernels kernels, Models.Decoder decoder, int[][] sequences, int[] rows, float[]? upstream, int firstWhole)
    {
        using TensorPool pool = new(kernels);
        DecoderForward forward = new(decoder, pool);
        ForwardTape? tape = upstream is null ? null : new ForwardTape(decoder.Config.Layers, firstWhole);
        PackedTokens tokens = PackedBatch.Pack(sequences).Upload(decoder, pool);
        Tensor selected = rows.Length == 0 ? default : pool.Rent(DType.Int32, rows.Length);
        if (rows.Length > 0) { kernels.Upload<int>(rows, selected); }
        Tensor hidden = forward.Run(tokens, tape, selected);
        float[] values = new float[hidden.Count];
        kernels.Download(hidden, values.AsSpan());
        float[][] gradients = [];
        if (tape is null) { pool.Return(hidden); }
        else
        {
            foreach (Parameter parameter in decoder.Parameters)
            {
                parameter.AllocateGradient();
                kernels.Zero(parameter.Gradient);
            }

            Tensor dHidden = pool.Rent(DType.Float32, hidden.Shape[0], hidden.Shape[1]);
            kernels.Upload<float>(upstream, dHidden);
            new DecoderBackward(decoder, pool, forward).Run(tokens, tape, dHidden);
            gradients = [.. decoder.Parameters.Select(p => p.GradientToArray())];
        }

        pool.Return(selected);
        tokens.Return(pool);
        Assert.Equal(0, pool.BytesInUse);
        return (values, gradients);
    }
}
