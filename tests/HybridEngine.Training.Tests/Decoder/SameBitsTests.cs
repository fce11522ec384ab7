using HybridEngine.Native;

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
    public void Tape_WhicheverBlocksAreWhole_SameHiddenStatesAndGradients(string backend, string model)
    {
        using IKernels kernels = Backends.Open(backend);
        (float[] hidden, float[][] gradients) = Gradients(kernels, model, 0, Sequences());
        foreach (int firstWhole in (int[])[1, int.MaxValue])
        {
            (float[] again, float[][] recomputed) = Gradients(kernels, model, firstWhole, Sequences());
            Expect.SameBits(hidden, again, "hidden states");
            for (int p = 0; p < gradients.Length; p++) { Expect.SameBits(gradients[p], recomputed[p], $"gradient of parameter {p}, whole from {firstWhole}"); }
        }
    }

    [SkippableTheory, ClassData(typeof(BackendsAndModels))]
    public void ActivationGradients_AloneTogetherAndReversed_SameBits(string backend, string model)
    {
        // Every id occurs once, so a row of the embedding's gradient is the gradient of one token's activation.
        int[] ids = [.. Enumerable.Range(0, 83).Select(i => i * 31 % 83)];
        int[][] sequences = [ids[..1], ids[1..10], ids[10..80], ids[80..]];
        using IKernels kernels = Backends.Open(backend);
        float[] together = Gradients(kernels, model, 0, sequences).Gradients[0], reversed = Gradients(kernels, model, 0, [.. sequences.Reverse()]).Gradients[0];
        Expect.SameBits(together, reversed, "reversed");
        float[] alone = new float[together.Length];
        foreach (int[] sequence in sequences)
        {
            float[] one = Gradients(kernels, model, 0, sequence).Gradients[0];
            for (int i = 0; i < alone.Length; i++) { alone[i] += one[i]; }
        }

        Expect.SameBits(alone, together, "packed");
        Assert.Contains(together, g => g != 0);
    }

    [SkippableTheory]
    [InlineData("llama")]
    [InlineData("gpt2")]
    [InlineData("gemma2")]
    [InlineData("bloom")]
    [InlineData("gpt-neox")]
    [InlineData("experts")]
    public void Native_AnyThreadsAndInstructionSet_SameHiddenStatesAndGradients(string model)
    {
        using IKernels one = Backends.Open("native", threads: 1);
        (float[] hidden, float[][] gradients) = Gradients(one, model, 0, Sequences());
        foreach ((string isa, int threads) in NativeLibraryReport.Current.InstructionSets.Select(isa => (isa, 1)).Append((NativeLibraryReport.Current.InstructionSets[^1], 3)))
        {
            using IKernels other = new NativeKernels(new NativeOptions { InstructionSet = isa, Threads = threads });
            (float[] otherHidden, float[][] otherGradients) = Gradients(other, model, 0, Sequences());
            Expect.SameBits(hidden, otherHidden, $"hidden states, {other.Description}");
            for (int p = 0; p < gradients.Length; p++) { Expect.SameBits(gradients[p], otherGradients[p], $"gradient of parameter {p}, {other.Description}"); }
        }
    }

    private static (float[] Hidden, float[][] Gradients) Gradients(IKernels kernels, string model, int firstWhole, params int[][] sequences)
    {
        using Models.Decoder decoder = TinyModels.Create(kernels, model);
        foreach (Parameter parameter in decoder.Parameters) { parameter.AllocateGradient(); }
        using TensorPool pool = new(kernels);
        DecoderForward forward = new(decoder, pool);
        ForwardTape tape = new(decoder.Config.Layers, firstWhole);
        PackedTokens tokens = PackedBatch.Pack(sequences).Upload(decoder, pool);
        Tensor hidden = forward.Run(tokens, tape);
        float[] values = new float[hidden.Count];
        kernels.Download(hidden, values.AsSpan());
        // A function of the token, so that it moves with its sequence.
        int width = decoder.Config.EmbeddingSize;
        int[] ids = [.. sequences.SelectMany(q => q)];
        float[] upstream = [.. values.Select((_, i) => MathF.Sin(ids[i / width] * 1.7f + i % width))];
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
