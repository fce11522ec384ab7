using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Rotary scaling between GGUF (keys, or a tensor of factors) and transformers' <c>rope_scaling</c>.</summary>
internal static class GgufRotary
{
    // Relative: the factors are float32.
    private const double Tolerance = 1e-5;

    private const string Llama3Factors = "rope_freqs.weight", LongFactors = "rope_factors_long.weight", ShortFactors = "rope_factors_short.weight";

    /// <summary>Tensors of rotary factors: formulas or lists of a configuration elsewhere, no parameters of the model.</summary>
    public static IReadOnlyList<string> Tables { get; } = [Llama3Factors, LongFactors, ShortFactors];

    /// <summary>Adds what a family reads of rotary positions: base, rotated part of a head, scaling, layers without.</summary>
    public static void AddTo(JsonObject json, IGgufContents file, GgufArchitecture a, int headSize)
    {
        if (a.Name is "gpt2" or "bloom") { return; }
        GgufMetadata m = file.Metadata;
        string prefix = a.Name + ".";
        int rotarySize = m.Integer(prefix + "rope.dimension_count") ?? headSize;
        double theta = m.Number(prefix + "rope.freq_base") ?? 10000;
        switch (a.Name)
        {
            case "gptj":
                if (theta != 10000) { throw new UnsupportedException(file.Path, $"{prefix}rope.freq_base = {theta}", "10000"); }
                json["rotary_dim"] = rotarySize;
                return;
            case "gptneox": json["rotary_pct"] = Part(rotarySize, headSize); break;
            case "phi2" or "phi3": json["partial_rotary_factor"] = Part(rotarySize, headSize); break;
            default:
                if (rotarySize != headSize) { throw new UnsupportedException(file.Path, $"{prefix}rope.dimension_count = {rotarySize}", $"the head size, {headSize}"); }
                break;
        }

        // GGUF stores float32: its shortest decimal form is what the original configuration said.
        json[a.Name == "gptneox" ? "rotary_emb_base" : "rope_theta"] = (float)theta;
        if (a.Name == "gemma3") { json["rope_local_base_freq"] = (float)(m.Number(prefix + "rope.freq_base_swa") ?? 10000); }
        if (a.Name == "phi3") { json["original_max_position_embeddings"] = m.Integer(prefix + "rope.scaling.original_context_length") ?? m.Integer(prefix + "context_length"); }
        if (a.Name == "smollm3")
        {
            int layers = Math.Clamp(m.Integer(prefix + "block_count") ?? 0, 0, 4096);
            int[] rotary = m.Integers(GgufConfig.RotaryLayers) ?? [.. Enumerable.Range(0, layers).Select(i => HasRotary(i) ? 1 : 0)];
            json["no_rope_layers"] = new JsonArray([.. rotary.Select(r => JsonValue.Create(r))]);
        }

        if (ReadScaling(file, prefix, rotarySize) is { } scaling) { json["rope_scaling"] = scaling; }
    }

    // SmolLM3 in llama.cpp: every fourth layer is without.
    private static bool HasRotary(int layer) => (layer + 1) % 4 != 0;

    // The number whose product with the head size is cut to the rotated elements.
    private static double Part(int rotarySize, int headSize)
    {
        double part = (double)rotarySize / Math.Max(1, headSize);
        return (int)(headSize * part) == rotarySize ? part : Math.BitIncrement(part);
    }

    private static JsonObject? ReadScaling(IGgufContents file, string prefix, int rotarySize)
    {
        GgufMetadata m = file.Metadata;
        double theta = m.Number(prefix + "rope.freq_base") ?? 10000;
        if (file.Table(Llama3Factors) is { } factors) { return Llama3(file, factors, rotarySize, theta); }
        if (file.Table(LongFactors) is { } far) { return Long(file, prefix, far, rotarySize); }
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

    /// <summary>Writes what <see cref="AddTo"/> reads; factors that GGUF holds as tensors go to <paramref name="tensors"/>.</summary>
    public static void Write(ConfigReader config, DecoderConfig decoder, GgufMetadata m, GgufArchitecture a, ICollection<TensorToWrite> tensors, ICollection<string> notes)
    {
        if (decoder.Rotary is not { } rotary) { return; }
        string prefix = a.Name + ".";
        ConfigReader? sets = config.Section("rope_parameters") ?? config.Section("rope_scaling"), local = sets?.Section("sliding_attention"), scaling = sets?.Section("full_attention") ?? sets;
        m[prefix + "rope.dimension_count"] = (uint)rotary.RotarySize;
        double theta = scaling is not null && scaling.Has("rope_theta") ? scaling.Positive("rope_theta") : config.Positive(config.Has("rotary_emb_base") ? "rotary_emb_base" : "rope_theta", 10000);
        m[prefix + "rope.freq_base"] = (float)theta;
        if (a.Name == "gemma3") { m[prefix + "rope.freq_base_swa"] = (float)(local?.Positive("rope_theta", 10000) ?? config.Positive("rope_local_base_freq", 10000)); }
        bool[] layers = [.. decoder.LayerRotary.Select(r => r is not null)];
        if (layers.Contains(false) && !layers.SequenceEqual(Enumerable.Range(0, decoder.Layers).Select(HasRotary)))
        {
            m[GgufConfig.RotaryLayers] = layers;
            notes.Add($"{config.Source}: llama.cpp takes every fourth layer of {a.Name} to be without rotary positions, whatever the file says");
        }

        if (Kind(scaling) == "llama3") { AddTable(tensors, Llama3Factors, Factors(RotaryFrequencies.Plain(rotary.RotarySize, theta), rotary.InverseFrequencies)); }
        else if (Kind(scaling) is "longrope" or "su") { WriteLong(config, scaling!, decoder, m, prefix, tensors); }
        else { WriteScaling(config, scaling, m, prefix); }
    }

    private static void WriteScaling(ConfigReader config, ConfigReader? scaling, GgufMetadata m, string prefix)
    {
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

    // Two lists of divisors, for contexts up to the original one and beyond, and a factor of the attention scores that follows from the extension unless it is given.
    private static void WriteLong(ConfigReader config, ConfigReader scaling, DecoderConfig decoder, GgufMetadata m, string prefix, ICollection<TensorToWrite> tensors)
    {
        double original = (scaling.Has("original_max_position_embeddings") ? scaling : config).Positive("original_max_position_embeddings", decoder.MaxPositions);
        m[prefix + "rope.scaling.original_context_length"] = (uint)original;
        double factor = scaling.Positive("factor", decoder.MaxPositions / original);
        m[prefix + "rope.scaling.attn_factor"] = (float)scaling.Positive("attention_factor", LongAttentionFactor(factor, original));
        AddTable(tensors, LongFactors, Numbers(scaling, "long_factor"));
        AddTable(tensors, ShortFactors, Numbers(scaling, "short_factor"));
    }

    // The family has checked that they are numbers when it read the configuration.
    private static float[] Numbers(ConfigReader scaling, string key) => [.. JsonNode.Parse(scaling.Raw(key) ?? "[]")!.AsArray().Select(n => n!.GetValue<float>())];

    private static JsonObject Long(IGgufContents file, string prefix, float[] far, int rotarySize)
    {
        float[] near = file.Table(ShortFactors) ?? throw new InvalidInputException(file.Path, $"{LongFactors} without {ShortFactors}", "both");
        if (far.Length != rotarySize / 2 || near.Length != rotarySize / 2) { throw new InvalidInputException(file.Path, $"{far.Length} and {near.Length} rotary factors", $"{rotarySize / 2}, one a rotary pair"); }
        GgufMetadata m = file.Metadata;
        double positions = m.Integer(prefix + "context_length") ?? 0, original = m.Integer(prefix + "rope.scaling.original_context_length") ?? positions;
        JsonObject scaling = new()
        {
            ["rope_type"] = "longrope",
            ["long_factor"] = new JsonArray([.. far.Select(f => JsonValue.Create(f))]),
            ["short_factor"] = new JsonArray([.. near.Select(f => JsonValue.Create(f))]),
            ["original_max_position_embeddings"] = (int)original,
        };
        double expected = LongAttentionFactor(positions / Math.Max(1, original), original);
        if (m.Number(prefix + "rope.scaling.attn_factor") is { } given && Math.Abs(given - expected) > Tolerance) { scaling["attention_factor"] = (float)given; }
        return scaling;
    }

    private static double LongAttentionFactor(double factor, double original) => factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(original));

    private static void AddTable(ICollection<TensorToWrite> tensors, string name, float[] values) => tensors.Add(new TensorToWrite(name, StoredType.F32, [values.Length], target => values.CopyTo(target, 0)));

    private static float[] Factors(double[] plain, double[] scaled)
    {
        float[] factors = new float[plain.Length];
        for (int i = 0; i < plain.Length; i++) { factors[i] = (float)(plain[i] / scaled[i]); }
        return factors;
    }

    private static string Kind(ConfigReader? scaling) => scaling?.Text("rope_type") ?? scaling?.Text("type") ?? "default";

    // The tensor holds numbers where transformers has a formula with four parameters. All published models use low 1 and high 4; the factor is the largest
    // number, and the original context is the power of two for which the formula gives the tensor. Anything else is refused, as it could not be saved again.
    private static JsonObject Llama3(IGgufContents file, float[] factors, int rotarySize, double theta)
    {
        if (factors.Length != rotarySize / 2) { throw new InvalidInputException($"{file.Path}: tensor {Llama3Factors}", $"{factors.Length} factors", $"{rotarySize / 2}, one a rotary pair"); }
        if (!factors.All(f => float.IsFinite(f) && f > 0)) { throw new InvalidInputException($"{file.Path}: tensor {Llama3Factors}", "factors that are not positive numbers", "positive numbers"); }
        double factor = factors.Max();
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
            double[] scaled = RotaryFrequencies.Read(new ConfigReader(file.Path, JsonInput.Parse(file.Path, System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()))), rotarySize, original).InverseFrequencies;
            float[] expected = Factors(RotaryFrequencies.Plain(rotarySize, theta), scaled);
            if (factors.Zip(expected).All(p => Math.Abs(p.First - p.Second) <= Tolerance * p.Second)) { return candidate; }
        }

        throw new UnsupportedException(file.Path, $"a tensor {Llama3Factors} that is not Llama 3's scaling", "Llama 3's formula with low_freq_factor 1 and high_freq_factor 4");
    }
}
