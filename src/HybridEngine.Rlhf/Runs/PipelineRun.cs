using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>One stage of a pipeline.</summary>
/// <param name="Name">Its folder: number and kind, such as <c>1-sft</c>.</param>
/// <param name="Kind"><c>sft</c>, <c>reward</c> or <c>ppo</c>.</param>
/// <param name="Options">Its options.</param>
public sealed record PipelineStage(string Name, string Kind, TrainerOptions Options);

/// <summary>Several runs in a row, each continuing from the former ones: <c>{"stages": [{"kind": "sft", ...}, {"kind": "reward", ...}, {"kind": "ppo", ...}]}</c>.</summary>
/// <remarks>
/// A stage without <c>model</c> and <c>init</c> starts from the last sft or ppo stage before it; a ppo stage without <c>reward_model</c> and <c>reward</c> takes the last reward stage.
/// Every stage is a complete run folder of its own; a finished one is not run again with <see cref="RunContext.Resume"/>.
/// </remarks>
public static class PipelineRun
{
    /// <summary>Reads a pipeline and connects its stages.</summary>
    /// <param name="path">The configuration.</param>
    /// <param name="settings">Each <c>kind.key=value</c>, on top of the file, for every stage of that kind.</param>
    /// <param name="output">The pipeline's folder.</param>
    /// <exception cref="InvalidInputException">The file has no stages, a kind is unknown, or a key is wrong.</exception>
    public static IReadOnlyList<PipelineStage> Load(string path, IEnumerable<string> settings, string output)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using JsonDocument document = RunConfiguration.Read(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("stages", out JsonElement stages) || stages.ValueKind != JsonValueKind.Array || stages.GetArrayLength() == 0)
        {
            throw new InvalidInputException(path, "no list \"stages\"", "{\"stages\": [{\"kind\": \"sft\", ...}, ...]}");
        }

        foreach (JsonProperty p in document.RootElement.EnumerateObject())
        {
            if (p.Name != "stages") { throw new InvalidInputException(path, $"unknown key \"{p.Name}\"", "\"stages\" alone"); }
        }

        string[] set = [.. settings];
        List<PipelineStage> result = [];
        string policy = "", reward = "";
        foreach (JsonElement e in stages.EnumerateArray())
        {
            string where = $"{path}: stages[{result.Count}]";
            string kind = e.ValueKind == JsonValueKind.Object && e.TryGetProperty("kind", out JsonElement k) && k.ValueKind == JsonValueKind.String ? k.GetString()! : "";
            TrainerOptions options = kind switch
            {
                "sft" => new SftOptions(),
                "reward" => new RewardOptions(),
                "ppo" => new PpoOptions(),
                _ => throw new InvalidInputException(where, kind.Length == 0 ? "no \"kind\"" : $"kind \"{kind}\"", "sft, reward or ppo"),
            };
            RunConfiguration.Apply(options, e, where, "kind");
            RunConfiguration.Set(options, set.Where(s => s.StartsWith(kind + ".", StringComparison.Ordinal)).Select(s => s[(kind.Length + 1)..]));
            if (options.Model.Length == 0 && options.Init.Length == 0) { options.Model = policy; }
            if (options is PpoOptions { RewardModel: "", Reward: "" } ppo) { ppo.RewardModel = reward; }
            string name = $"{result.Count + 1}-{kind}", model = Path.Combine(output, name, "model");
            (policy, reward) = kind == "reward" ? (policy, model) : (model, reward);
            result.Add(new PipelineStage(name, kind, options));
        }

        string? stray = set.FirstOrDefault(s => !result.Any(r => s.StartsWith(r.Kind + ".", StringComparison.Ordinal)));
        return stray is null ? result : throw new InvalidInputException("--set", $"\"{stray}\"", "kind.key=value with a kind of the pipeline, such as sft.steps=100");
    }

    /// <summary>Runs the stages in order.</summary>
    /// <param name="stages">From <see cref="Load"/>.</param>
    /// <param name="context">The pipeline's folder, backend, progress.</param>
    public static void Execute(IReadOnlyList<PipelineStage> stages, RunContext context)
    {
        ArgumentNullException.ThrowIfNull(stages);
        ArgumentNullException.ThrowIfNull(context);
        foreach (PipelineStage stage in stages)
        {
            RunContext inner = context with { Output = Path.Combine(context.Output, stage.Name) };
            if (context.Resume && Directory.Exists(Path.Combine(inner.Output, "model")))
            {
                context.Note?.Invoke($"{stage.Name}: finished before, not run again");
                continue;
            }

            switch (stage.Options)
            {
                case SftOptions sft: SftRun.Execute(sft, inner); break;
                case RewardOptions reward: RewardRun.Execute(reward, inner); break;
                case PpoOptions ppo: PpoRun.Execute(ppo, inner); break;
                default: throw new InvalidOperationException($"no run for {stage.Options.GetType().Name}");
            }
        }
    }
}
