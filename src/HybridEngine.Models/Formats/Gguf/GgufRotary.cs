using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Rotary scaling between GGUF (keys, or a tensor of factors) and transformers' <c>rope_scaling</c>.</summary>
internal static class GgufRotary
{
    // Relative: the factors are float32.
    private const double Tolerance = 1e-5;

    /// <summary>The scaling in transformers' keys, or null when there is none.</summary>
    public static JsonObject? ReadScaling(GgufFile file, string prefix, int headSize)
    {
        GgufMetadata m = file.Metadata;
        double theta = m.Number(prefix + "rope.freq_base") ?? 10000;
        if (file.Tensors.TryGetValue(GgufNames.RotaryFactors, out StoredTensor? factors)) { return Llama3(file, factors, headSize, theta); }
        string kind = m.Text(prefix + "rope.scaling.type") ?? (m.Number(prefix + "rope.scale_linear") is { } old and not 1 ? "linear" : "none");
        float factor = (float)(m.Number(prefix + "rope.scaling.factor") ?? m.Number(prefix + "rope.scale_linear") ?? 1);
        switch (kind)
        {
            case "none": return null;
            case "linear": return new JsonObject { ["rope_type"] = "linear", ["factor"] = factor };
            case "yarn":
                JsonObject yarn = new() { ["rope_type"] = "yarn", ["factor"] = factor };
                if (m.Integer(prefix + "rope.scaling.original_context_length") is { } original) { yarn["original_max_position_embeddings"] = original; }
                // llama.cpp multiplies the formula's factor by this one; transformers gives the product.
                if (m.Number(prefix + "rope.scaling.attn_factor") is { } attention and not 1) { yarn["attention_factor"] = attention * RotaryFrequencies.YarnAttentionFactor(factor); }
                if (m.Number(prefix + "rope.scaling.yarn_beta_fast") is { } fast) { yarn["beta_fast"] = (float)fast; }
                if (m.Number(prefix + "rope.scaling.yarn_beta_slow") is { } slow) { yarn["beta_slow"] = (float)slow; }
                if (m.Number(prefix + "rope.scaling.yarn_ext_factor") is { } mix and not (1 or -1)) { throw new UnsupportedException(file.Path, $"{prefix}rope.scaling.yarn_ext_factor = {mix}", "1"); }
                return yarn;
            default: throw new UnsupportedException(file.Path, $"{prefix}rope.scaling.type = {kind}", "none, linear, yarn");
        }
    }

    /// <summary>Writes base and scaling as keys; Llama 3's scaling goes into a tensor (<see cref="FactorsOf"/>).</summary>
    public static void WriteScaling(ConfigReader config, GgufMetadata m, string prefix)
    {
        ConfigReader? scaling = config.Section("rope_parameters") ?? config.Section("rope_scaling");
        m[prefix + "rope.freq_base"] = (float)(scaling is not null && scaling.Has("rope_theta") ? scaling.Positive("rope_theta") : config.Positive("rope_theta", 10000));
        string kind = Kind(scaling);
        if (kind is not ("linear" or "yarn")) { return; }
        double original = scaling!.Number("original_max_position_embeddings", 0);
        double factor = kind == "linear" || original == 0 ? scaling.Positive("factor") : scaling.Positive("factor", config.Positive("max_position_embeddings") / original);
        m[prefix + "rope.scaling.type"] = kind;
        m[prefix + "rope.scaling.factor"] = (float)factor;
        if (kind == "linear") { return; }
        if (!scaling.Flag("truncate", true) || scaling.Has("mscale")) { throw new UnsupportedException(scaling.Source, scaling.Has("mscale") ? "mscale in GGUF" : "truncate = false in GGUF", "plain YaRN"); }
        if (original > 0) { m[prefix + "rope.scaling.original_context_length"] = (uint)original; }
        if (scaling.Has("attention_factor")) { m[prefix + "rope.scaling.attn_factor"] = (float)(scaling.Positive("attention_factor") / RotaryFrequencies.YarnAttentionFactor(factor)); }
        if (scaling.Has("beta_fast")) { m[prefix + "rope.scaling.yarn_beta_fast"] = (float)scaling.Positive("beta_fast"); }
        if (scaling.Has("beta_slow")) { m[prefix + "rope.scaling.yarn_beta_slow"] = (float)scaling.Positive("beta_slow"); }
    }

    /// <summary>The values of <c>rope_freqs.weight</c> for Llama 3's scaling; null for every other.</summary>
    public static float[]? FactorsOf(ConfigReader config, DecoderConfig decoder)
    {
        ConfigReader? scaling = config.Section("rope_parameters") ?? config.Section("rope_scaling");
        if (decoder.Rotary is not { } rotary || Kind(scaling) != "llama3") { return null; }
        double theta = scaling!.Has("rope_theta") ? scaling.Positive("rope_theta") : config.Positive("rope_theta", 10000);
        return Factors(RotaryFrequencies.Plain(rotary.RotarySize, theta), rotary.InverseFrequencies);
    }

    private static float[] Factors(double[] plain, double[] scaled)
    {
        float[] factors = new float[plain.Length];
        for (int i = 0; i < plain.Length; i++) { factors[i] = (float)(plain[i] / scaled[i]); }
        return factors;
    }

    private static string Kind(ConfigReader? scaling) => scaling?.Text("rope_type") ?? scaling?.Text("type") ?? "default";

    // The tensor holds numbers where transformers has a formula with four parameters. All published models use low 1 and high 4; the factor is the largest
    // number, and the original context is the power of two for which the formula gives the tensor. Anything else is refused, as it could not be saved again.
    private static JsonObject Llama3(GgufFile file, StoredTensor tensor, int headSize, double theta)
    {
        if (tensor.Count != headSize / 2 || tensor.Type != StoredType.F32) { throw new InvalidInputException($"{file.Path}: tensor {tensor}", $"{tensor.Count} factors", $"{headSize / 2} in F32, one a rotary pair"); }
        float[] factors = tensor.ToArray();
        double factor = factors.Max();
        if (!factors.All(f => float.IsFinite(f) && f > 0)) { throw new InvalidInputException($"{file.Path}: tensor {tensor}", "factors that are not positive numbers", "positive numbers"); }
        for (int original = 16; original <= 1 << 24; original *= 2)
        {
            JsonObject candidate = new()
            {
                ["rope_type"] = "llama3",
                ["factor"] = (float)factor,
                ["low_freq_factor"] = 1.0,
                ["high_freq_factor"] = 4.0,
                ["original_max_position_embeddings"] = original,
            };
            JsonObject config = new() { ["rope_theta"] = theta, ["rope_scaling"] = candidate.DeepClone() };
            double[] scaled = RotaryFrequencies.Read(new ConfigReader(file.Path, JsonInput.Parse(file.Path, System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()))), headSize, original).InverseFrequencies;
            float[] expected = Factors(RotaryFrequencies.Plain(headSize, theta), scaled);
            if (factors.Zip(expected).All(p => Math.Abs(p.First - p.Second) <= Tolerance * p.Second)) { return candidate; }
        }

        throw new UnsupportedException(file.Path, $"a tensor {GgufNames.RotaryFactors} that is not Llama 3's scaling", "Llama 3's formula with low_freq_factor 1 and high_freq_factor 4");
    }
}
