using HybridEngine.Core;

namespace HybridEngine.Models;

// How the parameters are made from the bindings.
public sealed partial class Decoder
{
    private readonly Dictionary<ParameterBinding, Parameter> _byBinding = [];
    private readonly List<Parameter> _parameters = [];
    private readonly Dictionary<(ParameterRole Role, int Layer, bool IsBias, int Expert), ParameterBinding> _byRole = [];

    private DecoderBlock CreateBlock(int layer) => new(CreateAttention(layer), CreateMlp(layer));

    private AttentionParameters CreateAttention(int layer)
    {
        bool queryKeyNorms = Config.QueryKeyNorm != QueryKeyNorm.None;
        return new AttentionParameters(
            Config.NormPlacement != NormPlacement.Output ? Norm(ParameterRole.AttentionNorm, layer) : null,
            Linear(layer, Config.QueryKeyValueBias, ParameterRole.Query, ParameterRole.Key, ParameterRole.Value),
            queryKeyNorms ? Norm(ParameterRole.QueryNorm, layer) : null,
            queryKeyNorms ? Norm(ParameterRole.KeyNorm, layer) : null,
            Linear(layer, Config.AttentionOutputBias, ParameterRole.AttentionOutput),
            Config.HasOutputNorms ? Norm(ParameterRole.AttentionOutputNorm, layer) : null);
    }

    private MlpParameters CreateMlp(int layer)
    {
        bool experts = Config.HasExperts(layer), norm = Config.NormPlacement != NormPlacement.Output && Config.BlockOrder != BlockOrder.ParallelOneNorm;
        return new MlpParameters(
            norm ? Norm(ParameterRole.MlpNorm, layer) : null,
            experts ? null : Linear(layer, Config.MlpBias, GateAndUp),
            experts ? null : Linear(layer, Config.MlpBias, ParameterRole.Down),
            experts ? CreateExperts(layer) : null,
            Config.HasOutputNorms ? Norm(ParameterRole.MlpOutputNorm, layer) : null);
    }

    private ExpertParameters CreateExperts(int layer)
    {
        int count = Config.Experts!.Count;
        return new ExpertParameters(
            Linear(layer, bias: false, ParameterRole.Router),
            new ExpertWeights([.. Enumerable.Range(0, count).Select(e => Add(layer, bias: false, e, GateAndUp))]),
            new ExpertWeights([.. Enumerable.Range(0, count).Select(e => Add(layer, bias: false, e, ParameterRole.Down))]));
    }

    private ReadOnlySpan<ParameterRole> GateAndUp => Config.GatedMlp ? [ParameterRole.Gate, ParameterRole.Up] : [ParameterRole.Up];

    private NormParameters Norm(ParameterRole role, int layer) => new(Add(layer, bias: false, role), Config.NormBias ? Add(layer, bias: true, role) : null);

    private LinearParameters Linear(int layer, bool bias, params ReadOnlySpan<ParameterRole> roles) =>
        new(Add(layer, bias: false, roles), bias ? Add(layer, bias: true, roles) : null);

    private Parameter Add(int layer, bool bias, params ReadOnlySpan<ParameterRole> roles) => Add(layer, bias, -1, roles);

    private Parameter Add(int layer, bool bias, int expert, params ReadOnlySpan<ParameterRole> roles)
    {
        ParameterBinding[] parts = new ParameterBinding[roles.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = _byRole.TryGetValue((roles[i], layer, bias, expert), out ParameterBinding? part) ? part
                : throw new ArgumentException($"The bindings have no {(bias ? "bias" : "weight")} for {roles[i]} of layer {layer}.", nameof(roles));
        }

        Parameter parameter = new(Kernels, parts);
        _parameters.Add(parameter);
        foreach (ParameterBinding part in parts) { _byBinding[part] = parameter; }
        return parameter;
    }
}
