using HybridEngine.Core;

namespace HybridEngine.Models;

// The MLP branch, plain or with experts.
public sealed partial class DecoderForward
{
    // Empty while a block is computed again, unless its backward reads the result.
    private Tensor RunMlp(int layer, Tensor x, BlockTape tape)
    {
        MlpParameters parameters = _decoder.Blocks[layer].Mlp;
        Tensor result = parameters.Experts is { } experts ? RunExperts(experts, x, tape) : RunDense(parameters, x, tape);
        if (parameters.OutputNorm is { } norm) { (result, tape.MlpOutput) = NormOutput(norm, result, _keep); }
        return result;
    }

    private Tensor RunDense(MlpParameters parameters, Tensor x, BlockTape tape)
    {
        tape.Up = Project(parameters.Up!, x);
        tape.Activated = Activate(tape.Up, _config.IntermediateSize);
        Free(tape.Up);
        if (_recomputing && parameters.OutputNorm is null) { return default; }
        Tensor result = Project(parameters.Down!, tape.Activated);
        DropActivated(tape);
        return result;
    }

    private void DropActivated(BlockTape tape)
    {
        if (_recomputing) { return; }
        _pool.Return(tape.Activated);
        tape.Activated = default;
    }

    private Tensor Activate(Tensor up, int width)
    {
        Tensor y = _pool.Rent(DType.Float32, up.Shape[0], width);
        if (_config.GatedMlp) { _kernels.Gate(_config.Activation, up.Slice(1, 0, width), up.Slice(1, width, width), y); }
        else { _kernels.Activate(_config.Activation, up, y); }
        return y;
    }
}
