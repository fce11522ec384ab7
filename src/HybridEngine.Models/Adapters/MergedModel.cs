using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A base with an adapter added into its weights, as a source to save or load from: <c>W' = W + s B A</c>, sums in float64, each element rounded once.</summary>
/// <remarks>The engine itself never merges what it runs; this is for handing a model on to programs that know no adapters.</remarks>
public sealed class MergedModel : IParameterSource
{
    private readonly IParameterSource _base;
    private readonly IReadOnlyList<ParameterBinding> _baseBindings;
    private readonly LoraWeights _adapter;
    private readonly bool _untied;

    /// <param name="source">The base's values.</param>
    /// <param name="config">The base.</param>
    /// <param name="bindings">Its parameters.</param>
    /// <param name="adapter">Read for this base.</param>
    /// <exception cref="UnsupportedException">A bias of the adapter stands on a layer that has none in the base.</exception>
    public MergedModel(IParameterSource source, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings, LoraWeights adapter)
    {
        (_base, _baseBindings, _adapter) = (source, bindings, adapter);
        foreach (LoraDelta change in adapter.Changes)
        {
            if (change.Bias is not null && !bindings.Any(b => IsBiasOf(b, change.Target)))
            {
                throw new UnsupportedException(change.Module, "merging lora_bias into a layer without a bias", "layers that have one");
            }
        }

        // A tied head follows the table; once one of the two changes alone, both must be stored.
        _untied = config.TiedEmbeddings && (adapter.Changes.Any(c => IsTableOrHead(c.Target)) || adapter.Replaced.Keys.Any(IsTableOrHead));
        Bindings = _untied ? [.. bindings, LoraFit.TiedHead(config)] : bindings;
        Config = _untied ? config with { TiedEmbeddings = false } : config;
    }

    /// <summary>The parameters of the merged model: the base's, and its head where that is tied no longer.</summary>
    public IReadOnlyList<ParameterBinding> Bindings { get; }

    /// <summary>The adapter's scalar head [width], or null.</summary>
    public float[]? Score => _adapter.Score;

    /// <summary>The merged model.</summary>
    public DecoderConfig Config { get; }

    /// <summary>The base's configuration as it is for the merged model.</summary>
    public string ConfigJson(string ofBase)
    {
        if (!_untied) { return ofBase; }
        JsonObject config = JsonNode.Parse(ofBase)!.AsObject();
        config["tie_word_embeddings"] = false;
        return config.ToJsonString(SavedJson.Indented) + "\n";
    }

    /// <inheritdoc />
    public void Read(ParameterBinding binding, Span<float> destination)
    {
        if (binding.IsBias) { ReadBias(binding, destination); return; }
        ReadWhole(binding, destination);
        foreach (LoraDelta change in _adapter.Changes)
        {
            if (change.Target == binding) { change.MergeInto(destination); }
        }
    }

    // Before the low-rank changes.
    private void ReadWhole(ParameterBinding binding, Span<float> destination)
    {
        if (_adapter.Replaced.TryGetValue(binding, out float[]? whole)) { whole.CopyTo(destination); }
        else if (_untied && binding.Role == ParameterRole.Head) { _base.Read(_baseBindings.First(b => b.Role == ParameterRole.Embedding), destination); }
        else { _base.Read(binding, destination); }
    }

    private void ReadBias(ParameterBinding binding, Span<float> destination)
    {
        _base.Read(binding, destination);
        foreach (LoraDelta change in _adapter.Changes)
        {
            if (change.Bias is not { } bias || !IsBiasOf(binding, change.Target)) { continue; }
            float[]? factors = null;
            if (change.Magnitude is not null)
            {
                float[] weight = new float[(long)change.Target.Rows * change.Target.Columns];
                ReadWhole(change.Target, weight);
                factors = change.RowFactors(weight);
            }

            for (int r = 0; r < bias.Length; r++) { destination[r] = (float)(destination[r] + (factors?[r] ?? 1.0) * change.Scale * bias[r]); }
        }
    }

    private static bool IsBiasOf(ParameterBinding binding, ParameterBinding weight) => binding.IsBias && binding.Role == weight.Role && binding.Layer == weight.Layer && binding.Expert == weight.Expert;

    private static bool IsTableOrHead(ParameterBinding binding) => binding.Role is ParameterRole.Embedding or ParameterRole.Head;
}
