using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>One row without bias that turns a final hidden state into a score or a value: the head of reward models and critics.</summary>
public sealed class ScalarHead : IDisposable
{
    /// <summary>The name in a checkpoint.</summary>
    public const string TensorName = "v_head.weight";

    /// <summary>A head of zeros.</summary>
    /// <param name="kernels">Where it lives.</param>
    /// <param name="width">Width of the decoder's hidden states (<see cref="DecoderConfig.EmbeddingSize"/>).</param>
    public ScalarHead(IKernels kernels, int width) =>
        Weight = new Parameter(kernels, new ParameterBinding(ParameterRole.ScalarHead, -1, false, TensorName, 1, width));

    /// <summary>[1, width].</summary>
    public Parameter Weight { get; }

    /// <summary>A second head with the same weights.</summary>
    public ScalarHead Clone(IKernels kernels)
    {
        ScalarHead copy = new(kernels, Weight.Columns);
        kernels.Copy(Weight.Value, copy.Weight.Value);
        return copy;
    }

    /// <inheritdoc />
    public void Dispose() => Weight.Dispose();
}
