using HybridEngine.Core;

namespace HybridEngine.Models;

// A mixture of experts: route, group the rows by expert, two products a group, back in the order of tokens. Which experts a token goes through, and every sum on the way, depends on its row alone.
public sealed partial class DecoderForward
{
    /// <summary>Where forwards add how they used the experts; null: nowhere.</summary>
    public ExpertLoad? ExpertLoad { get; set; }

    private Tensor RunExperts(ExpertParameters experts, Tensor x, BlockTape tape)
    {
        ExpertConfig config = _config.Experts!;
        long tokens = x.Shape[0], choices = tokens * config.PerToken;
        ExpertTape route = new()
        {
            Logits = Project(experts.Router, x),
            Chosen = _pool.Rent(DType.Int32, tokens, config.PerToken),
            Weights = _pool.Rent(DType.Float32, tokens, config.PerToken),
            Offsets = _pool.Rent(DType.Int32, config.Count + 1),
            Tokens = _pool.Rent(DType.Int32, choices),
            Slots = _pool.Rent(DType.Int32, tokens, config.PerToken),
            Inputs = _pool.Rent(DType.Float32, choices, _config.HiddenSize),
        };
        _kernels.RouteExperts(route.Logits, config.NormalizeWeights, route.Chosen, route.Weights);
        if (!_recomputing) { ExpertLoad?.Add(route.Logits, route.Chosen); }
        _kernels.GroupChoices(route.Chosen, route.Offsets, route.Tokens, route.Slots);
        _kernels.GatherRows(x, route.Tokens, route.Inputs);

        tape.Up = ProjectGrouped(experts.Up, route.Inputs, route);
        if (!_recomputing)
        {
            _pool.Return(route.Inputs);
            route = route with { Inputs = default };
        }

        tape.Activated = Activate(tape.Up, config.IntermediateSize);
        Free(tape.Up);
        route = route with { Outputs = ProjectGrouped(experts.Down, tape.Activated, route) };
        DropActivated(tape);

        Tensor result = _pool.Rent(DType.Float32, tokens, _config.HiddenSize);
        _kernels.CombineChoices(route.Outputs, route.Slots, route.Weights, result);
        tape.Experts = route;
        foreach (Tensor tensor in (ReadOnlySpan<Tensor>)[route.Logits, route.Chosen, route.Weights, route.Offsets, route.Tokens, route.Slots, route.Outputs]) { Free(tensor); }
        return result;
    }

    // Every projection of experts passes here.
    private Tensor ProjectGrouped(ExpertWeights weights, Tensor grouped, ExpertTape route)
    {
        Tensor y = _pool.Rent(DType.Float32, grouped.Shape[0], weights.Outputs);
        _kernels.GroupedLinear(grouped, route.Offsets, weights.Matrices(), y);
        _adapters?.ApplyExperts(weights, _kernels, _pool, route, grouped, y);
        return y;
    }
}
