using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

// A mixture of experts: back through the weighted sum, the two products by expert, the gathering of rows and the router.
public sealed partial class DecoderBackward
{
    /// <summary>Derivative of a load-balancing loss by the summed router probabilities (<see cref="ExpertLoad.Gradient"/>), [experts]; empty: none.</summary>
    public Tensor BalanceGradient { get; set; }

    private void ExpertsBackward(ExpertParameters experts, BlockTape tape, Tensor x, Tensor dOutput, Tensor dx, bool accumulate)
    {
        ExpertTape route = tape.Experts;
        Tensor dGrouped = _pool.Rent(DType.Float32, route.Outputs.Shape[0], route.Outputs.Shape[1]);
        Tensor dWeights = _pool.Rent(DType.Float32, route.Weights.Shape[0], route.Weights.Shape[1]);
        _kernels.CombineChoicesBackward(route.Outputs, route.Slots, route.Weights, dOutput, dGrouped, dWeights);

        Tensor dActivated = _pool.Rent(DType.Float32, tape.Activated.Shape[0], tape.Activated.Shape[1]);
        ProjectGroupedBackward(experts.Down, tape.Activated, dGrouped, route.Offsets, dActivated);
        ProjectGroupedBackward(experts.Up, route.Inputs, ActivationBackward(tape.Up, dActivated), route.Offsets, dGrouped);
        _pool.Return(dActivated);

        // A token's row was copied to each of its experts: its gradients are added in order of expert.
        if (!accumulate) { _kernels.Zero(dx); }
        _kernels.ScatterAddRows(dGrouped, route.Tokens, dx);
        _pool.Return(dGrouped);
        RouterBackward(experts.Router, route, x, dWeights, dx);
        _pool.Return(dWeights);
    }

    private void RouterBackward(LinearParameters router, ExpertTape route, Tensor x, Tensor dWeights, Tensor dx)
    {
        Tensor dLogits = _pool.Rent(DType.Float32, route.Logits.Shape[0], route.Logits.Shape[1]);
        _kernels.RouteExpertsBackward(route.Logits, _config.Experts!.NormalizeWeights, route.Chosen, route.Weights, dWeights, dLogits);
        if (!BalanceGradient.IsEmpty) { _kernels.ExpertLoadBackward(route.Logits, BalanceGradient, dLogits); }
        ProjectBackward(router, x, dLogits, dx, accumulate: true);
        _pool.Return(dLogits);
    }

    // Every projection of experts passes here, as in the forward's ProjectGrouped.
    private void ProjectGroupedBackward(ExpertWeights weights, Tensor grouped, Tensor dy, Tensor offsets, Tensor dGrouped) =>
        _kernels.GroupedLinearBackward(grouped, dy, offsets, weights.Matrices(), dGrouped, weights.Gradients());
}
