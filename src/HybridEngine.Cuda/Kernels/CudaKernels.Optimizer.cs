using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private const int OptimizerThreads = 256, AdamWElements = 4 * OptimizerThreads, NormElements = 4096, SumSharedBytes = OptimizerThreads / 32 * sizeof(double);

    private static readonly Kernel _adamw = new("optimizer.optimizer", "adamw", OptimizerThreads), _squaredNorm = new("optimizer.optimizer", "squared_norm", OptimizerThreads),
        _sumPartials = new("optimizer.optimizer", "sum_partials", OptimizerThreads), _clip = new("optimizer.optimizer", "clip_coefficient", 32);

    /// <inheritdoc />
    public void SquaredNorm(IReadOnlyList<Tensor> tensors, Tensor result)
    {
        Contract.SquaredNorm(Device, tensors, result);
        long chunks = 0;
        for (int i = 0; i < tensors.Count; i++) { chunks += Grid.Pieces(tensors[i].Count, NormElements); }
        Tensor partial = _scratch.Rent(DType.Float64, Math.Max(chunks, 1));
        nint at = At(partial);
        for (int i = 0; i < tensors.Count; i++)
        {
            Grid grid = new(Grid.Pieces(tensors[i].Count, NormElements));
            if (grid.X == 0) { continue; }
            _device.Launch(_squaredNorm, grid, new SquaredNormArguments { X = At(tensors[i]), Partial = at, Count = tensors[i].Count }, SumSharedBytes);
            at += (nint)grid.X * sizeof(double);
        }

        _device.Launch(_sumPartials, new Grid(1), new SumPartialsArguments { Partial = At(partial), Result = At(result), Count = chunks }, SumSharedBytes);
        _scratch.Return(partial);
    }

    /// <inheritdoc />
    public void ClipCoefficient(Tensor squaredNorm, double maxNorm, Tensor coefficient)
    {
        Contract.ClipCoefficient(Device, squaredNorm, maxNorm, coefficient);
        _device.Launch(_clip, new Grid(1), new ClipArguments { SquaredNorm = At(squaredNorm), Coefficient = At(coefficient), MaxNorm = maxNorm });
    }

    /// <inheritdoc />
    public void AdamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step, Tensor gradientScale, WeightMatrix? copy = null)
    {
        Contract.AdamW(Device, parameter, gradient, m, v, step, gradientScale, copy);
        if (copy is not null && copy.Storage.Count != parameter.Count) { throw new ArgumentException($"parameter is {parameter}, expected {copy.Storage.Count} elements, the storage of a float32 weight of the size of copy, {copy}.", nameof(parameter)); }
        double correction1 = 1 - Math.Pow(step.Beta1, step.Step), correction2 = 1 - Math.Pow(step.Beta2, step.Step);
        _device.Launch(_adamw, new Grid(Grid.Pieces(parameter.Count, AdamWElements)), new AdamWArguments
        {
            Parameter = At(parameter), M = At(m), V = At(v), Gradient = At(gradient), GradientScale = At(gradientScale), Copy = copy is null ? 0 : At(copy.Storage), Count = parameter.Count,
            Decay = (float)(1 - step.LearningRate * step.WeightDecay), Blend1 = (float)(1 - step.Beta1), Keep2 = (float)step.Beta2, Blend2 = (float)(1 - step.Beta2),
            Step = (float)(step.LearningRate / correction1), RootScale = (float)(1 / Math.Sqrt(correction2)), Epsilon = (float)step.Epsilon,
        });
    }
}
