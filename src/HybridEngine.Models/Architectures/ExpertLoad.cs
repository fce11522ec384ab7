using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>How evenly a forward used its experts, over all layers that have them: what a load-balancing loss is made of (Fedus et al. 2022).</summary>
/// <remarks>
/// With N choices of experts to make (tokens times layers), f_e how often expert e was chosen by N and P_e the mean of its router probability, the loss is <c>experts * sum of f_e * P_e</c>,
/// as transformers computes it: <c>perToken</c> when everything is even, more when it is not.
/// </remarks>
public sealed class ExpertLoad : IDisposable
{
    private readonly IKernels _kernels;
    private readonly Tensor _counts;         // [experts] float64
    private readonly Tensor _probabilities;  // [experts] float64
    private readonly double[] _host;
    private long _choices;

    /// <param name="kernels">Where the router runs.</param>
    /// <param name="experts">Experts of a layer.</param>
    public ExpertLoad(IKernels kernels, int experts)
    {
        _kernels = kernels;
        (_counts, _probabilities) = (kernels.Allocate(DType.Float64, experts), kernels.Allocate(DType.Float64, experts));
        _host = new double[experts];
        Clear();
    }

    /// <summary>Forgets what was added.</summary>
    public void Clear()
    {
        _kernels.Zero(_counts);
        _kernels.Zero(_probabilities);
        _choices = 0;
    }

    /// <summary>Adds one layer's routing.</summary>
    /// <param name="logits">[tokens, experts].</param>
    /// <param name="chosen">[tokens, perToken] int32.</param>
    public void Add(Tensor logits, Tensor chosen)
    {
        _kernels.ExpertLoad(logits, chosen, _counts, _probabilities);
        _choices += logits.Shape[0];
    }

    /// <summary>The share of tokens that chose each expert, [experts].</summary>
    public double[] Shares()
    {
        _kernels.Download(_counts, _host.AsSpan());
        return Array.ConvertAll(_host, count => _choices == 0 ? 0 : count / _choices);
    }

    /// <summary>The loss; 0 when nothing was added.</summary>
    public double Loss()
    {
        if (_choices == 0) { return 0; }
        double[] shares = Shares();
        _kernels.Download(_probabilities, _host.AsSpan());
        double sum = 0;
        for (int e = 0; e < shares.Length; e++) { sum += shares[e] * _host[e] / _choices; }
        return shares.Length * sum;
    }

    /// <summary>The loss's derivative by the summed router probabilities, times a weight; the choices themselves have none. [experts].</summary>
    public float[] Gradient(double weight)
    {
        double[] shares = Shares();
        return Array.ConvertAll(shares, share => _choices == 0 ? 0 : (float)(weight * shares.Length * share / _choices));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _counts.Memory!.Dispose();
        _probabilities.Memory!.Dispose();
    }
}
