using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using HybridEngine.Training;
using SafetensorsFile = HybridEngine.Testing.SafetensorsFile;

namespace HybridEngine.Rlhf.Tests;

/// <summary>A recorded training run: batches, value of every step, final weights, and the tiny model it starts from.</summary>
internal sealed class Trajectory
{
    private readonly SafetensorsFile _arrays;
    private readonly JsonElement _json;

    public Trajectory(string name)
    {
        string? reason = SharedData.WhyMissing("golden", "rlhf");
        Skip.If(reason is not null, reason);
        _arrays = new SafetensorsFile(SharedData.At("golden", "rlhf", $"traj_{name}.safetensors"));
        _json = JsonDocument.Parse(File.ReadAllText(SharedData.At("golden", "rlhf", $"traj_{name}.json"))).RootElement;
    }

    public double Number(string name) => _json.GetProperty("hyperparameters").GetProperty(name) is { ValueKind: JsonValueKind.Number } e ? e.GetDouble() : 0;

    public int[] Ints(string name) => _arrays.Integers("in/" + name);

    public float[] Floats(string name) => _arrays.Floats("in/" + name);

    public T Common<T>(T options) where T : TrainerOptions
    {
        JsonElement q = _json.GetProperty("hyperparameters");
        options.Steps = q.GetProperty("steps").GetInt32();
        options.LearningRate = Number("lr");
        options.AdamBeta1 = q.GetProperty("betas")[0].GetDouble();
        options.AdamBeta2 = q.GetProperty("betas")[1].GetDouble();
        options.AdamEpsilon = Number("eps");
        options.WeightDecay = Number("weight_decay");
        options.GradientClip = Number("max_grad_norm");
        options.Schedule = q.GetProperty("schedule").GetString()!;
        options.WarmupSteps = (int)Number("warmup");
        return options;
    }

    /// <summary>The recorded tolerance: 1e-4 relative or 1e-5 absolute, whichever is larger.</summary>
    public void Check(string name, int step, double actual)
    {
        double expected = _json.GetProperty("per_step").GetProperty(name)[step].GetDouble();
        Assert.True(Math.Abs(actual - expected) <= Math.Max(1e-4 * Math.Abs(expected), 1e-5), $"{name}[{step}]: expected {expected}, actual {actual}");
    }

    public void CheckWeights(Decoder decoder, string prefix = "")
    {
        int compared = 0;
        foreach (ParameterBinding binding in decoder.Bindings)
        {
            string name = "final/" + prefix + binding.TensorName;
            if (!_arrays.Names.Contains(name)) { continue; }
            float[] actual = new float[binding.Rows * binding.Columns];
            decoder.Read(binding, actual);
            Compare.Close(_arrays.Floats(name), actual, 1e-4, 0, name);
            compared++;
        }

        Assert.True(compared > 10, $"{compared} tensors compared");
    }

    public void CheckHead(ScalarHead head, string prefix = "") =>
        Compare.Close(_arrays.Floats($"final/{prefix}{ScalarHead.TensorName}"), head.Weight.ToArray(), 1e-4, 0, "head");

    public static Decoder Load(IKernels kernels, string model) => Open(kernels, model, out _);

    public static TrainableScalarModel LoadCritic(IKernels kernels, TrainingOptions options)
    {
        Decoder body = Open(kernels, "critic", out SafetensorsFile file);
        ScalarHead head = new(kernels, body.Config.EmbeddingSize);
        head.Weight.Set(file.Floats(ScalarHead.TensorName));
        return new TrainableScalarModel(body, head, options);
    }

    private static Decoder Open(IKernels kernels, string model, out SafetensorsFile file)
    {
        string folder = SharedData.At("golden", "rlhf", "models", model), path = Path.Combine(folder, "config.json");
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(path));
        DecoderConfig config = ModelFamilies.ReadConfig(new ConfigReader(path, json.RootElement.Clone()));
        file = new SafetensorsFile(Path.Combine(folder, "model.safetensors"));
        return Decoder.Load(kernels, config, ModelFamilies.Bind(config), new Source(file));
    }

    // The critic's file has no vocabulary head: it is never read.
    private sealed class Source(SafetensorsFile file) : IParameterSource
    {
        public void Read(ParameterBinding binding, Span<float> destination)
        {
            if (file.Names.Contains(binding.TensorName)) { file.Floats(binding.TensorName).CopyTo(destination); }
            else { Assert.Equal(ParameterRole.Head, binding.Role); }
        }
    }
}
