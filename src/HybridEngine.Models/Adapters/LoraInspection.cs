using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>What a LoRA adapter on disk is, as <c>inspect</c> shows it.</summary>
/// <param name="BaseModel">The model that it was trained on, as its configuration says; or null.</param>
/// <param name="Rank">Of most modules.</param>
/// <param name="Alpha">Numerator of the scale.</param>
/// <param name="Kind">In words: LoRA, rank-stabilized, weight-decomposed, with biases.</param>
/// <param name="Modules">How many modules of each kind (the end of their name) are adapted.</param>
/// <param name="Saved">Tensors that it holds whole.</param>
public sealed record LoraInspection(string? BaseModel, int Rank, double Alpha, string Kind, IReadOnlyDictionary<string, int> Modules, IReadOnlyList<string> Saved)
{
    // An adapter that the engine does not apply is still shown, with the reason; damaged files are an error as everywhere.
    internal static ModelInspection Inspect(string folder, Func<IEnumerable<StoredTensor>, List<InspectedTensor>> list)
    {
        string configPath = Path.Combine(folder, LoraFiles.ConfigName);
        JsonElement json = JsonInput.ReadFile(configPath);
        try
        {
            using LoraFiles files = LoraFiles.Open(folder);
            LoraConfig c = files.Config;
            string kind = (c.RankStabilized ? "rank-stabilized " : "") + (c.WeightDecomposed ? "weight-decomposed " : "") + "LoRA" + (c.HasBias ? " with biases" : "");
            SortedDictionary<string, int> modules = new(StringComparer.Ordinal);
            foreach (IGrouping<string, StoredLoraModule> group in files.Modules.GroupBy(m => m.Name[(m.Name.LastIndexOf('.') + 1)..])) { modules[group.Key] = group.Count(); }
            LoraInspection adapter = new(c.BaseModel, c.Rank, c.Alpha, kind, modules, [.. files.Saved.Keys.Order(StringComparer.Ordinal)]);
            return Result(null, list(files.Tensors.Values), adapter);
        }
        catch (UnsupportedException e)
        {
            return Result(e.Message, [], null);
        }

        ModelInspection Result(string? problem, IReadOnlyList<InspectedTensor> tensors, LoraInspection? adapter) =>
            new(folder, "LoRA adapter (PEFT)", null, null, problem, json.GetRawText(), [], tensors, "that of its base") { Adapter = adapter };
    }
}
