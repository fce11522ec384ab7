using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Rotary frequencies and their scalings, by transformers' names (<c>rope_theta</c> with <c>rope_scaling</c>, or <c>rope_parameters</c>).</summary>
public static class RotaryFrequencies
{
    private const string Supported = "default, linear, dynamic, llama3, yarn, longrope";

    /// <summary>Reads the keys of transformers 4 or 5 and computes the frequencies.</summary>
    /// <param name="config">The model's configuration.</param>
    /// <param name="headSize">Elements of a head.</param>
    /// <param name="maxPositions">The model's longest context.</param>
    /// <param name="partial">The part of a head that is rotated where the file does not say; null for families that rotate all of it.</param>
    /// <param name="theta">Base where the file does not say.</param>
    public static RotarySpec Read(ConfigReader config, int headSize, int maxPositions, double? partial = null, double theta = 10000)
    {
        ConfigReader? scaling = config.Section("rope_parameters") ?? config.Section("rope_scaling");
        if (scaling is not null && (scaling.Has("full_attention") || scaling.Has("sliding_attention"))) { throw config.Unsupported("rope_parameters", "one set for all layers"); }
        return Read(config, scaling, headSize, maxPositions, partial, theta);
    }

    /// <summary>As <see cref="Read(ConfigReader, int, int, double?, double)"/> for families whose windowed layers have frequencies of their own: those of global and those of local layers.</summary>
    public static (RotarySpec Global, RotarySpec Local) ReadByKind(ConfigReader config, int headSize, int maxPositions, double theta)
    {
        if (config.Section("rope_parameters") is { } sets && (sets.Has("full_attention") || sets.Has("sliding_attention")))
        {
            return (Read(config, sets.Section("full_attention"), headSize, maxPositions, null, theta), Read(config, sets.Section("sliding_attention"), headSize, maxPositions, null, 10000));
        }

        return (Read(config, headSize, maxPositions, theta: theta), new RotarySpec(headSize, Plain(headSize, config.Positive("rope_local_base_freq", 10000))));
    }

    private static RotarySpec Read(ConfigReader config, ConfigReader? scaling, int headSize, int maxPositions, double? partial, double absent)
    {
        // transformers 5 moved rope_theta into rope_parameters; a top-level one still counts when that has none.
        double theta = scaling is not null && scaling.Has("rope_theta") ? scaling.Positive("rope_theta") : config.Positive(config.Has("rotary_emb_base") ? "rotary_emb_base" : "rope_theta", absent);
        string kind = scaling?.Text("rope_type") ?? scaling?.Text("type") ?? "default";
        // The names that LongRoPE had before its own.
        if (kind is "su" || (kind is "yarn" && scaling!.Has("short_factor"))) { kind = "longrope"; }
        int rotarySize = ReadRotarySize(config, scaling, headSize, partial);
        double[] plain = Plain(rotarySize, theta);
        return kind switch
        {
            // Dynamic NTK changes nothing up to the longest context, beyond which sequences are refused.
            "default" or "dynamic" => new RotarySpec(rotarySize, plain),
            "linear" => new RotarySpec(rotarySize, Linear(plain, scaling!.Positive("factor"))),
            "llama3" => new RotarySpec(rotarySize, Llama3(plain, scaling!)),
            "yarn" => ReadYarn(scaling!, rotarySize, theta, maxPositions),
            "longrope" => ReadLong(config, scaling!, plain, maxPositions),
            _ => throw scaling!.Unsupported(scaling.Has("rope_type") ? "rope_type" : "type", Supported),
        };
    }

    private static int ReadRotarySize(ConfigReader config, ConfigReader? scaling, int headSize, double? partial)
    {
        if (partial is null)
        {
            if (scaling is not null && scaling.Number("partial_rotary_factor", 1) != 1) { throw scaling.Unsupported("partial_rotary_factor", "1"); }
            return headSize;
        }

        (ConfigReader file, string key) = scaling is not null && scaling.Has("partial_rotary_factor") ? (scaling, "partial_rotary_factor")
            : (config, config.Has("rotary_pct") ? "rotary_pct" : "partial_rotary_factor");
        double part = file.Positive(key, partial);
        return part <= 1 ? (int)(headSize * part) : throw new InvalidInputException($"{file.Source}: {key}", $"{part}", "at most 1");
    }

    /// <summary><c>theta^(-2i/d)</c>, i = 0 .. d/2 - 1.</summary>
    public static double[] Plain(int rotarySize, double theta)
    {
        double[] frequencies = new double[rotarySize / 2];
        for (int i = 0; i < frequencies.Length; i++) { frequencies[i] = Math.Pow(theta, -2.0 * i / rotarySize); }
        return frequencies;
    }

    /// <summary>Positions divided by a factor (Chen et al. 2023).</summary>
    public static double[] Linear(double[] plain, double factor) => Array.ConvertAll(plain, f => f / factor);

    /// <summary>YaRN (Peng et al. 2023): low frequencies are interpolated, high ones kept, with a ramp between two numbers of rotations.</summary>
    /// <param name="rotarySize">Rotated elements of a head.</param>
    /// <param name="theta">Base.</param>
    /// <param name="factor">Context extension.</param>
    /// <param name="originalPositions">Context of the original training.</param>
    /// <param name="betaFast">Rotations from which a frequency is kept.</param>
    /// <param name="betaSlow">Rotations below which a frequency is divided by the factor.</param>
    /// <param name="truncate">Round the ramp's ends outwards to whole dimensions.</param>
    public static double[] Yarn(int rotarySize, double theta, double factor, double originalPositions, double betaFast = 32, double betaSlow = 1, bool truncate = true)
    {
        double low = DimensionOf(betaFast), high = DimensionOf(betaSlow);
        if (truncate) { (low, high) = (Math.Floor(low), Math.Ceiling(high)); }
        (low, high) = (Math.Max(low, 0), Math.Min(high, rotarySize - 1));
        if (low == high) { high += 0.001; }
        double[] frequencies = Plain(rotarySize, theta);
        for (int i = 0; i < frequencies.Length; i++)
        {
            double interpolated = Math.Clamp((i - low) / (high - low), 0, 1);
            frequencies[i] = frequencies[i] / factor * interpolated + frequencies[i] * (1 - interpolated);
        }

        return frequencies;

        double DimensionOf(double rotations) => rotarySize * Math.Log(originalPositions / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta));
    }

    /// <summary>YaRN's attention factor: <c>0.1 * weight * ln(factor) + 1</c>, 1 when nothing is extended.</summary>
    public static double YarnAttentionFactor(double factor, double weight = 1) => factor <= 1 ? 1 : 0.1 * weight * Math.Log(factor) + 1;

    private static double[] Llama3(double[] plain, ConfigReader scaling)
    {
        double factor = scaling.Positive("factor"), low = scaling.Positive("low_freq_factor"), high = scaling.Positive("high_freq_factor");
        double original = scaling.Positive("original_max_position_embeddings");
        if (high <= low) { throw new InvalidInputException($"{scaling.Source}: high_freq_factor", $"{high}", $"more than low_freq_factor, which is {low}"); }
        return Array.ConvertAll(plain, f =>
        {
            double wavelength = 2 * Math.PI / f;
            if (wavelength < original / high) { return f; }
            if (wavelength > original / low) { return f / factor; }
            double smooth = (original / wavelength - low) / (high - low);
            return (1 - smooth) * f / factor + smooth * f;
        });
    }

    private static RotarySpec ReadLong(ConfigReader config, ConfigReader scaling, double[] plain, int maxPositions)
    {
        const string Original = "original_max_position_embeddings";
        bool own = config.Has(Original);
        int original = own ? config.Size(Original) : scaling.Size(Original, maxPositions);
        double factor = own || !scaling.Has("factor") ? (double)maxPositions / original : scaling.Positive("factor");
        double attention = scaling.Has("attention_factor") ? scaling.Positive("attention_factor") : factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(original));
        return new RotarySpec(2 * plain.Length, Divided("short_factor"), attention, LongFrom: original, LongInverseFrequencies: Divided("long_factor"));

        double[] Divided(string key)
        {
            IReadOnlyList<double> factors = scaling.Numbers(key);
            if (factors.Count != plain.Length) { throw new InvalidInputException($"{scaling.Source}: {key}", $"{factors.Count} numbers", $"{plain.Length}, half the rotated elements of a head"); }
            if (factors.FirstOrDefault(f => !(f > 0), 1) is var bad and <= 0) { throw new InvalidInputException($"{scaling.Source}: {key}", $"{bad}", "numbers greater than 0"); }
            return [.. plain.Select((f, i) => f / factors[i])];
        }
    }

    private static RotarySpec ReadYarn(ConfigReader scaling, int rotarySize, double theta, int maxPositions)
    {
        double original = scaling.Positive("original_max_position_embeddings", maxPositions);
        double factor = scaling.Positive("factor", maxPositions / original);
        double[] frequencies = Yarn(rotarySize, theta, factor, original, scaling.Positive("beta_fast", 32), scaling.Positive("beta_slow", 1), scaling.Flag("truncate", true));
        double attention = YarnAttentionFactor(factor);
        if (scaling.Has("attention_factor")) { attention = scaling.Positive("attention_factor"); }
        else if (scaling.Number("mscale", 0) is > 0 and double weight && scaling.Number("mscale_all_dim", 0) is > 0 and double all)
        {
            attention = YarnAttentionFactor(factor, weight) / YarnAttentionFactor(factor, all);
        }

        return new RotarySpec(rotarySize, frequencies, attention);
    }
}
