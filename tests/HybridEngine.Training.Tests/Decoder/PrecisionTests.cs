namespace HybridEngine.Training.Tests;

/// <summary>A decoder in bf16: compute copies of float32 masters, the promises of float32 in its own arithmetic, and gradients near those of float32.</summary>
public sealed class PrecisionTests
{
    private static readonly Precision _bf16 = Precision.BFloat16 with { KeyValueType = DType.Float32 };

    public static TheoryData<string, DType> BackendsAndCaches
    {
        get
        {
            TheoryData<string, DType> cases = [];
            foreach (string backend in Backends.Names)
            {
                foreach (DType type in (DType[])[DType.Float32, DType.BFloat16]) { cases.Add(backend, type); }
            }

            return cases;
        }
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void Create_BFloat16_RoundsMatricesAndNothingElse(string backend)
    {
        using IKernels kernels = Open(backend);
        using Models.Decoder wide = TinyModels.Create(kernels, "llama-tied-biases"), narrow = TinyModels.Create(kernels, "llama-tied-biases", precision: _bf16);
        for (int p = 0; p < wide.Parameters.Count; p++)
        {
            float[] expected = wide.Parameters[p].ToArray();
            if (!wide.Parameters[p].IsVector)
            {
                Assert.Equal(new WeightForm(DType.BFloat16, Arithmetic.BFloat16), narrow.Parameters[p].Form);
                expected = [.. expected.Select(Rounded)];
            }

            Expect.SameBits(expected, narrow.Parameters[p].ToArray(), wide.Parameters[p].Name);
        }
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void MakeTrainable_OfValuesOrOfTheirSource_MastersHoldThem(string backend)
    {
        using IKernels kernels = Open(backend);
        using Models.Decoder wide = TinyModels.Create(kernels, "llama"), narrow = TinyModels.Create(kernels, "llama", precision: _bf16), read = TinyModels.Create(kernels, "llama", precision: _bf16);
        narrow.MakeTrainable();
        read.MakeTrainable(wide);
        for (int p = 0; p < wide.Parameters.Count; p++)
        {
            float[] exact = wide.Parameters[p].ToArray();
            bool vector = wide.Parameters[p].IsVector;
            Assert.Equal(!vector, narrow.Parameters[p].Form.HasMaster);
            Expect.SameBits(vector ? exact : [.. exact.Select(Rounded)], narrow.Parameters[p].ToArray(), $"{wide.Parameters[p].Name}, widened");
            Expect.SameBits(exact, read.Parameters[p].ToArray(), $"{wide.Parameters[p].Name}, read again");
        }

        // Either way products read the same copies; given back, masters leave them.
        int[] ids = TinyModels.Sequence(new Random(1), 20);
        float[] hidden = Hidden.Packed(narrow, ids)[0];
        Expect.SameBits(hidden, Hidden.Packed(read, ids)[0], "hidden states");
        read.Freeze();
        Assert.All(read.Parameters, p => Assert.False(p.Form.HasMaster));
        Expect.SameBits(hidden, Hidden.Packed(read, ids)[0], "hidden states without masters");
    }

    [SkippableTheory, MemberData(nameof(BackendsAndCaches))]
    public void Hidden_AloneTogetherPagedAndByToken_SameBits(string backend, DType keyValues)
    {
        using IKernels kernels = Open(backend, keyValues);
        foreach (string model in (string[])["llama", "head-norms", "gpt-neox", "opt-after-norm"])
        {
            using Models.Decoder decoder = TinyModels.Create(kernels, model, precision: _bf16 with { KeyValueType = keyValues });
            int[][] sequences = [.. ((int[])[1, 9, 70, 131]).Select(n => TinyModels.Sequence(new Random(n), n))];
            float[][] together = Hidden.Packed(decoder, sequences);
            for (int s = 0; s < sequences.Length; s++) { Expect.SameBits(Hidden.Packed(decoder, sequences[s])[0], together[s], $"{model}, sequence {s}"); }
            int[] ids = sequences[^1];
            Expect.SameBits(together[^1], Hidden.Paged(decoder, ids, ids.Length), $"{model}, paged at once");
            Expect.SameBits(together[^1], Hidden.Paged(decoder, ids, 1, 63, 17, 50), $"{model}, in chunks");
            Expect.SameBits(together[^1], Hidden.Paged(decoder, ids, Enumerable.Repeat(1, ids.Length)), $"{model}, token by token");
        }
    }

    [SkippableTheory, MemberData(nameof(BackendsAndCaches))]
    public void Gradients_BFloat16_PointWhereThoseOfFloat32Do(string backend, DType keyValues)
    {
        using IKernels kernels = Open(backend, keyValues);
        foreach (string model in (string[])["llama", "gpt2", "experts"])
        {
            using Models.Decoder wide = TinyModels.Create(kernels, model), narrow = TinyModels.Create(kernels, model, precision: _bf16 with { Masters = true, KeyValueType = keyValues });
            (float[][] exact, float[][] rounded) = (Gradients(wide), Gradients(narrow));
            (double dot, double a, double b) = (0, 0, 0);
            for (int p = 0; p < exact.Length; p++)
            {
                for (int i = 0; i < exact[p].Length; i++) { (dot, a, b) = (dot + (double)exact[p][i] * rounded[p][i], a + (double)exact[p][i] * exact[p][i], b + (double)rounded[p][i] * rounded[p][i]); }
            }

            // bf16 keeps 8 bits: relative errors of 2^-9 an operand through a few layers, each entry's with its own sign.
            Assert.True(dot / Math.Sqrt(a * b) > 0.98, $"{model}: cosine {dot / Math.Sqrt(a * b)}");
            Assert.InRange(Math.Sqrt(b / a), 0.9, 1.1);
        }
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void Step_BFloat16_CopiesFollowTheirMasters(string backend)
    {
        using IKernels kernels = Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, "llama", precision: _bf16 with { Masters = true });
        float[] before = decoder.Embedding.ToArray();
        using TrainableLanguageModel model = new(decoder);
        PackedBatch batch = PackedBatch.Pack(TinyModels.Sequence(new Random(2), 40));
        TokenSelection targets = TokenSelection.NextTokens(batch);
        model.TrainForward(batch, targets);
        float[] gradient = new float[targets.Count];
        gradient.AsSpan().Fill(-1f / targets.Count);
        model.TrainBackward(gradient);
        model.Step(1e-3);
        Assert.NotEqual(before, decoder.Embedding.ToArray());
        foreach (Parameter p in decoder.Parameters.Where(p => !p.IsVector)) { Expect.SameBits([.. p.ToArray().Select(Rounded)], p.ToArray(p.Matrix, p.Matrix!.Storage), $"copy of {p.Name}"); }

        // The copy, the clone and what is left without masters compute the same.
        int[] ids = TinyModels.Sequence(new Random(3), 12);
        using Models.Decoder clone = decoder.Clone();
        clone.Freeze();
        Expect.SameBits(Hidden.Packed(decoder, ids)[0], Hidden.Packed(clone, ids)[0], "clone");
        // Values that come from elsewhere reach masters and copies.
        clone.MakeTrainable(decoder);
        clone.Set(TinyModels.Create(kernels, "llama", seed: 9));
        decoder.Set(TinyModels.Create(kernels, "llama", seed: 9));
        Expect.SameBits(Hidden.Packed(decoder, ids)[0], Hidden.Packed(clone, ids)[0], "new weights");
        Assert.True(decoder.Embedding.Form.HasMaster);
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void Training_BFloat16_LossFallsAsInFloat32(string backend)
    {
        using IKernels kernels = Open(backend);
        double wide = Losses(kernels, Precision.Float32), narrow = Losses(kernels, _bf16 with { Masters = true });
        // The same course within the noise of bf16; both learn.
        Assert.InRange(narrow, wide * 0.93, wide * 1.07);
        Assert.True(wide < 0.5 * Math.Log(83), $"loss {wide} after training");
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void NumericVariant_NamesEveryArithmetic(string backend)
    {
        using IKernels kernels = Open(backend);
        using Models.Decoder wide = TinyModels.Create(kernels, "llama"), narrow = TinyModels.Create(kernels, "llama", precision: _bf16);
        Assert.Equal(kernels.NumericVariant, wide.NumericVariant);
        Assert.Equal($"{kernels.NumericVariant}+{kernels.VariantOf(Arithmetic.BFloat16)}", narrow.NumericVariant);
    }

    // The mean loss of the last steps on a text that repeats.
    private static double Losses(IKernels kernels, Precision precision)
    {
        using Models.Decoder decoder = TinyModels.Create(kernels, "llama", seed: 5, precision: precision);
        using TrainableLanguageModel model = new(decoder, new TrainingOptions { Optimizer = new AdamWOptions { MaxGradientNorm = 1 } });
        PackedBatch batch = PackedBatch.Pack([.. Enumerable.Range(0, 4).Select(s => Enumerable.Range(0, 24).Select(i => (s * 7 + i * i) % 13 + 1).ToArray())]);
        TokenSelection targets = TokenSelection.NextTokens(batch);
        float[] gradient = new float[targets.Count];
        gradient.AsSpan().Fill(-1f / targets.Count);
        double last = 0;
        for (int step = 0; step < 60; step++)
        {
            TokenScores scores = model.TrainForward(batch, targets);
            if (step >= 50) { last -= scores.LogProbs.Average() / 10; }
            model.TrainBackward(gradient);
            model.Step(3e-3);
        }

        return last;
    }

    private static float[][] Gradients(Models.Decoder decoder)
    {
        using TrainableLanguageModel model = new(decoder);
        PackedBatch batch = PackedBatch.Pack([.. Enumerable.Range(0, 3).Select(s => TinyModels.Sequence(new Random(s), 30))]);
        TokenSelection targets = TokenSelection.NextTokens(batch);
        model.TrainForward(batch, targets);
        model.TrainBackward([.. Enumerable.Range(0, targets.Count).Select(i => MathF.Cos(i))]);
        return [.. decoder.Parameters.Select(p => p.GradientToArray())];
    }

    private static IKernels Open(string backend, DType keyValues = DType.Float32)
    {
        Narrow.Require(backend, keyValues);
        return Backends.Open(backend);
    }

    private static float Rounded(float value) => BitConverter.UInt32BitsToSingle((uint)((BitConverter.SingleToUInt32Bits(value) + 0x7FFFul + ((BitConverter.SingleToUInt32Bits(value) >> 16) & 1)) & 0xFFFF0000ul));
}
