using System.Text.Json;
using System.Text.RegularExpressions;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>PEFT's <c>adapter_config.json</c> of a low-rank adapter: <c>W' x = W x + s B A x</c> (Hu et al. 2021).</summary>
public sealed record LoraConfig
{
    // What describes how the adapter came to be, or is read below; none of it changes the result. (The base's layout, fan_in_fan_out, is known from the base.)
    private static readonly HashSet<string> _harmless =
    [
        "auto_mapping", "base_model_name_or_path", "corda_config", "ensure_weight_tying", "eva_config", "exclude_modules", "fan_in_fan_out", "inference_mode", "layers_pattern",
        "layers_to_transform", "loftq_config", "lora_dropout", "lora_ga_config", "megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config", "task_type",
        "alpha_pattern", "bias", "init_lora_weights", "lora_alpha", "lora_bias", "modules_to_save", "peft_type", "r", "rank_pattern", "target_modules", "use_dora", "use_rslora",
    ];

    // Starts that leave the base as it is. The others (pissa, olora, loftq, corda, lora_ga) take something out of the base weights, which an adapter alone does not tell.
    private static readonly string[] _initializations = ["true", "false", "\"gaussian\"", "\"eva\"", "\"orthogonal\""];

    private static readonly TimeSpan _patternLimit = TimeSpan.FromSeconds(1);

    /// <summary>Rank where <see cref="RankPattern"/> does not say otherwise.</summary>
    public required int Rank { get; init; }

    /// <summary>Numerator of the scale where <see cref="AlphaPattern"/> does not say otherwise.</summary>
    public required double Alpha { get; init; }

    /// <summary>The scale is alpha / sqrt(rank) instead of alpha / rank (Kalajdzievski 2023).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>Weight-decomposed: the sum of weight and change is normalised by output row and multiplied with a learned magnitude (Liu et al. 2024).</summary>
    public bool WeightDecomposed { get; init; }

    /// <summary>B has a bias.</summary>
    public bool HasBias { get; init; }

    /// <summary>Ends of the names of the adapted modules; empty when they are given by a pattern or "all-linear".</summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];

    /// <summary>Modules that the adapter holds whole.</summary>
    public IReadOnlyList<string> SavedModules { get; init; } = [];

    /// <summary>Ranks of modules by regular expressions over the end of their names; the first that fits counts.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> RankPattern { get; init; } = [];

    /// <summary>Alphas of modules, likewise.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> AlphaPattern { get; init; } = [];

    /// <summary>The model that it was trained on, as the file says; null when it does not.</summary>
    public string? BaseModel { get; init; }

    /// <summary>The file, for messages.</summary>
    public string Source { get; init; } = "adapter_config.json";

    /// <summary>Reads and checks a configuration.</summary>
    /// <exception cref="UnsupportedException">An option that changes the result and that the engine does not have; the message names it.</exception>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    public static LoraConfig Read(string path)
    {
        JsonElement root = JsonInput.ReadFile(path);
        ConfigReader config = new(path, root);
        if (config.Text("peft_type") is not { } kind) { throw new InvalidInputException(path, "no peft_type", "LORA"); }
        if (kind != "LORA") { throw config.Unsupported("peft_type", "LORA"); }
        foreach (JsonProperty option in root.EnumerateObject())
        {
            if (!_harmless.Contains(option.Name) && !IsOff(option.Value)) { throw config.Unsupported(option.Name, "LoRA without it"); }
        }

        if (config.Text("bias") is not (null or "none")) { throw config.Unsupported("bias", "none"); }
        if (config.Raw("init_lora_weights") is { } start && !_initializations.Contains(start)) { throw config.Unsupported("init_lora_weights", "starts that leave the base weights as they are: " + string.Join(", ", _initializations)); }
        return new LoraConfig
        {
            Source = path,
            Rank = config.Size("r"),
            Alpha = config.Positive("lora_alpha"),
            RankStabilized = config.Flag("use_rslora", false),
            WeightDecomposed = config.Flag("use_dora", false),
            HasBias = config.Flag("lora_bias", false),
            TargetModules = root.TryGetProperty("target_modules", out JsonElement targets) && targets.ValueKind == JsonValueKind.Array ? config.Texts("target_modules") : [],
            SavedModules = config.Texts("modules_to_save"),
            RankPattern = ReadPattern(config, root, "rank_pattern"),
            AlphaPattern = ReadPattern(config, root, "alpha_pattern"),
            BaseModel = config.Text("base_model_name_or_path"),
        };
    }

    /// <summary>The rank that the configuration gives a module.</summary>
    public int RankOf(string module) => (int)Find(RankPattern, "rank_pattern", module, Rank);

    /// <summary>What multiplies B A of a module.</summary>
    public double ScaleOf(string module)
    {
        double alpha = Find(AlphaPattern, "alpha_pattern", module, Alpha), rank = RankOf(module);
        return alpha / (RankStabilized ? Math.Sqrt(rank) : rank);
    }

    private double Find(IReadOnlyList<KeyValuePair<string, double>> pattern, string option, string module, double otherwise)
    {
        foreach ((string key, double value) in pattern)
        {
            try
            {
                // As PEFT matches them: the whole name, or its end after a dot. Without backtracking, so that no expression takes long.
                if (Regex.IsMatch(module, $"^(.*\\.)?({key})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, _patternLimit)) { return value; }
            }
            catch (ArgumentException e)
            {
                throw new InvalidInputException($"{Source}: {option}", $"'{key}' ({e.Message})", "a regular expression");
            }
            catch (Exception e) when (e is NotSupportedException or RegexMatchTimeoutException)
            {
                throw new UnsupportedException($"{Source}: {option}", $"'{key}'", "regular expressions of moderate size, without look-around and back-references");
            }
        }

        return otherwise;
    }

    private static List<KeyValuePair<string, double>> ReadPattern(ConfigReader config, JsonElement root, string option)
    {
        if (config.Section(option) is not { } section) { return []; }
        List<KeyValuePair<string, double>> pattern = [];
        foreach (JsonProperty entry in root.GetProperty(option).EnumerateObject())
        {
            double value = option == "rank_pattern" ? section.Size(entry.Name) : section.Positive(entry.Name);
            pattern.Add(KeyValuePair.Create(entry.Name, value));
        }

        return pattern;
    }

    // An option of a PEFT that is newer than this reader is off when its value is nothing.
    private static bool IsOff(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Number => value.TryGetDouble(out double number) && number == 0,
        JsonValueKind.String => value.GetString()!.Length == 0,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        _ => false,
    };
}
