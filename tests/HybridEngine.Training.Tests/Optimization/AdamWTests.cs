using System.Text.Json;

namespace HybridEngine.Training.Tests;

/// <summary>Thirty steps with recorded gradients against PyTorch (golden/optim), clipping and averages.</summary>
public sealed class AdamWTests
{
    private static readonly string[] _names = ["w1", "w2", "b", "s"];

    public static TheoryData<string, string> Cases() => new() { { "reference", "adamw" }, { "reference", "adamw_b095" }, { "native", "adamw" }, { "native", "adamw_b095" } };

    [SkippableTheory, MemberData(nameof(Cases))]
    public void Step_ThirtyRecordedGradients_ParametersOfPyTorch(string backend, string name)
    {
        using IKernels kernels = Backends.Open(backend);
        using SafetensorsFile file = SafetensorsFile.Open(GoldenFiles.Find("optim/optim.safetensors"));
        JsonElement q = GoldenFiles.Json(GoldenFiles.Find("optim/optim.json")).GetProperty("cases").EnumerateArray().First(c => c.GetProperty("name").GetString() == name).GetProperty("params");
        List<Parameter> parameters = Create(kernels, file, "in/param");
        AdamWOptions options = new()
        {
            Beta1 = q.GetProperty("betas")[0].GetDouble(), Beta2 = q.GetProperty("betas")[1].GetDouble(), Epsilon = q.GetProperty("eps").GetDouble(),
            WeightDecay = q.GetProperty("weight_decay").GetDouble(), DecayVectors = true, MaxGradientNorm = 0,
        };
        using AdamWOptimizer optimizer = new(kernels, ParameterGroup.ByShape(parameters, options), options);
        Dictionary<string, float[]> gradients = _names.ToDictionary(n => n, n => file.Floats($"in/grad/{n}")), expected = _names.ToDictionary(n => n, n => file.Floats($"out/{name}/{n}"));
        for (int t = 0; t < 30; t++)
        {
            foreach (Parameter p in parameters) { SetGradient(p, Row(gradients[p.Name], t, 30)); }
            Assert.True(optimizer.Step(q.GetProperty("lr").GetDouble()).Applied);
            foreach (Parameter p in parameters) { Expect.Close(Row(expected[p.Name], t, 30), p.ToArray(), 2e-5, $"{p.Name} after step {t}"); }
        }

        Assert.All(parameters, p => Assert.All(p.GradientToArray(), g => Assert.Equal(0, g)));
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void Step_RecordedNorms_ClippedAsPyTorch(string backend)
    {
        using IKernels kernels = Backends.Open(backend);
        using SafetensorsFile file = SafetensorsFile.Open(GoldenFiles.Find("optim/optim.safetensors"));
        foreach (JsonElement c in GoldenFiles.Json(GoldenFiles.Find("optim/optim.json")).GetProperty("clipping").EnumerateArray())
        {
            string name = c.GetProperty("name").GetString()!;
            List<Parameter> parameters = Create(kernels, file, "in/param");
            AdamWOptions options = new() { MaxGradientNorm = c.GetProperty("max_norm").GetDouble(), Beta1 = 0 };
            using AdamWOptimizer optimizer = new(kernels, ParameterGroup.ByShape(parameters, options), options);
            foreach (Parameter p in parameters) { SetGradient(p, file.Floats($"in/{name}/{p.Name}")); }
            StepResult result = optimizer.Step(0);
            Expect.Close(c.GetProperty("norm").GetDouble(), result.GradientNorm, 1e-6, 0, $"{name} norm");
            // With beta1 = 0 the first moment is the clipped gradient itself.
            foreach (AdamWOptimizer.Moments m in optimizer.State)
            {
                float[] expected = file.Floats($"out/{name}/{m.Parameter.Name}");
                Expect.Close(expected, m.Parameter.ToArray(m.FirstMatrix, m.First), 1e-6 * expected.Max(Math.Abs) + 1e-12, $"{name} {m.Parameter.Name}");
            }
        }
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void Step_GradientNotFinite_WeightsAndMomentsUntouched(string backend)
    {
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, "llama");
        foreach (Parameter p in decoder.Parameters) { p.AllocateGradient(); }
        float[][] before = [.. decoder.Parameters.Select(p => p.ToArray())];
        AdamWOptions options = new();
        using AdamWOptimizer optimizer = new(kernels, ParameterGroup.ByShape(decoder.Parameters, options), options);
        float[] bad = decoder.Parameters[3].GradientToArray();
        bad[^1] = float.NaN;
        SetGradient(decoder.Parameters[3], bad);
        StepResult result = optimizer.Step(0.1);
        Assert.False(result.Applied);
        Assert.Equal(0, optimizer.StepCount);
        for (int i = 0; i < before.Length; i++) { Expect.SameBits(before[i], decoder.Parameters[i].ToArray(), decoder.Parameters[i].Name); }
        Assert.All(decoder.Parameters[3].GradientToArray(), g => Assert.Equal(0, g));
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void WeightAverage_RecordedWeights_FollowsThem(string backend)
    {
        using IKernels kernels = Backends.Open(backend);
        double decay = GoldenFiles.Json(GoldenFiles.Find("optim/optim.json")).GetProperty("ema").GetProperty("beta").GetDouble();
        using SafetensorsFile file = SafetensorsFile.Open(GoldenFiles.Find("optim/optim.safetensors"));
        float[] start = file.Floats("in/param/w1"), values = file.Floats("in/ema/w1"), expected = file.Floats("out/ema/w1");
        using Models.Decoder decoder = TinyModels.Create(kernels, "llama");
        Parameter watched = decoder.Parameters[2];
        float[] all = watched.ToArray();
        start.CopyTo(all, 0);
        watched.Set(all);
        using WeightAverage average = new(decoder, decay);
        for (int t = 0; t < 30; t++)
        {
            Row(values, t, 30).CopyTo(all, 0);
            watched.Set(all);
            average.Update();
            Expect.Close(Row(expected, t, 30), average.Average.Parameters[2].ToArray().AsSpan(0, start.Length), 2e-5, $"average after step {t}");
        }
    }

    private static List<Parameter> Create(IKernels kernels, SafetensorsFile file, string prefix)
    {
        List<Parameter> parameters = [];
        foreach (string name in _names)
        {
            IReadOnlyList<long> shape = file[$"{prefix}/{name}"].Shape;
            Parameter p = new(kernels, new ParameterBinding(ParameterRole.Up, 0, shape.Count == 1, name, (int)shape[0], shape.Count == 1 ? 1 : (int)shape[1]));
            p.Set(file.Floats($"{prefix}/{name}"));
            parameters.Add(p);
        }

        return parameters;
    }

    private static void SetGradient(Parameter parameter, ReadOnlySpan<float> values)
    {
        parameter.AllocateGradient();
        parameter.Set(parameter.GradientMatrix, parameter.Gradient, values);
    }

    private static float[] Row(float[] rows, int row, int count) => rows[(row * (rows.Length / count))..((row + 1) * (rows.Length / count))];
}
