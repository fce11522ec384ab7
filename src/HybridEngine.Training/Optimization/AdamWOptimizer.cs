using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>AdamW over the parameters' own layout, with clipping by the norm of all gradients together. The same bits for any number of threads.</summary>
public sealed class AdamWOptimizer : IDisposable
{
    private readonly IKernels _kernels;
    private readonly AdamWOptions _options;
    private readonly Tensor _squaredNorm;
    private readonly Tensor _clip;
    private Moments[] _moments = [];

    /// <param name="kernels">Where the parameters live.</param>
    /// <param name="groups">Every trained parameter once.</param>
    /// <param name="options">Constants.</param>
    public AdamWOptimizer(IKernels kernels, IReadOnlyList<ParameterGroup> groups, AdamWOptions options)
    {
        (_kernels, _options, Groups) = (kernels, options, groups);
        _squaredNorm = kernels.Allocate(DType.Float64, 1);
        _clip = kernels.Allocate(DType.Float32, 1);
    }

    /// <summary>What is trained.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>Steps taken.</summary>
    public long StepCount { get; set; }

    /// <summary>Moments of every parameter, in the order of <see cref="Groups"/>; allocated (zero) by the first use.</summary>
    public IReadOnlyList<Moments> State => Allocate();

    /// <summary>True once moments exist.</summary>
    public bool HasState => _moments.Length > 0;

    /// <summary>Norm, clip, AdamW; then sets the gradients to zero.</summary>
    /// <param name="learningRate">Of this step, before the groups' scales.</param>
    public StepResult Step(double learningRate)
    {
        Moments[] moments = [.. Allocate().Where(m => !m.Parameter.Gradient.IsEmpty)];
        if (moments.Length == 0) { throw new InvalidOperationException("An optimizer step needs a backward before it."); }
        Tensor[] gradients = [.. moments.Select(m => m.Parameter.Gradient)];
        double[] squared = new double[1];
        _kernels.SquaredNorm(gradients, _squaredNorm);
        _kernels.ClipCoefficient(_squaredNorm, _options.MaxGradientNorm, _clip);
        _kernels.Download(_squaredNorm, squared.AsSpan());
        bool finite = double.IsFinite(squared[0]);
        if (finite)
        {
            StepCount++;
            foreach (Moments m in moments)
            {
                AdamWStep step = new(learningRate * m.Group.LearningRateScale, _options.Beta1, _options.Beta2, _options.Epsilon, m.Group.WeightDecay, StepCount);
                _kernels.AdamW(m.Parameter.Value, m.Parameter.Gradient, m.First, m.Second, step, _clip, m.Parameter.Master is null ? null : m.Parameter.Matrix);
            }
        }

        foreach (Tensor gradient in gradients) { _kernels.Zero(gradient); }
        return new StepResult(Math.Sqrt(squared[0]), finite);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (Moments m in _moments)
        {
            m.First.Memory?.Dispose();
            m.Second.Memory?.Dispose();
        }

        _moments = [];
        _squaredNorm.Memory?.Dispose();
        _clip.Memory?.Dispose();
    }

    private Moments[] Allocate()
    {
        if (_moments.Length == 0) { _moments = [.. Groups.SelectMany(g => g.Parameters.Select(p => new Moments(p, g)))]; }
        return _moments;
    }

    /// <summary>First and second moment of one parameter, in its layout.</summary>
    public sealed class Moments
    {
        internal Moments(Parameter parameter, ParameterGroup group)
        {
            (Parameter, Group) = (parameter, group);
            (FirstMatrix, First) = parameter.Create();
            (SecondMatrix, Second) = parameter.Create();
        }

        /// <summary>Whose.</summary>
        public Parameter Parameter { get; }

        /// <summary>Its group.</summary>
        public ParameterGroup Group { get; }

        /// <summary>Running mean of gradients, flat.</summary>
        public Tensor First { get; }

        /// <summary>The same as a matrix; null for vectors.</summary>
        public WeightMatrix? FirstMatrix { get; }

        /// <summary>Running mean of squared gradients, flat.</summary>
        public Tensor Second { get; }

        /// <summary>The same as a matrix; null for vectors.</summary>
        public WeightMatrix? SecondMatrix { get; }
    }
}
