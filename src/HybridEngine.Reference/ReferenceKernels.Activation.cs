using HybridEngine.Core;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void Activate(ActivationKind kind, Tensor x, Tensor y)
    {
        Contract.Activate(Device, kind, x, y);
        FloatRows xs = new(x), ys = new(y);
        for (long r = 0; r < xs.Count; r++)
        {
            Span<float> from = xs[r], to = ys[r];
            for (int i = 0; i < to.Length; i++) { to[i] = (float)Activations.Value(kind, from[i]); }
        }
    }

    /// <inheritdoc />
    public void ActivateBackward(ActivationKind kind, Tensor x, Tensor dy, Tensor dx)
    {
        Contract.ActivateBackward(Device, kind, x, dy, dx);
        FloatRows xs = new(x), dys = new(dy), dxs = new(dx);
        for (long r = 0; r < xs.Count; r++)
        {
            Span<float> from = xs[r], d = dys[r], to = dxs[r];
            for (int i = 0; i < to.Length; i++) { to[i] = (float)(d[i] * Activations.Slope(kind, from[i])); }
        }
    }

    /// <inheritdoc />
    public void Gate(ActivationKind kind, Tensor gate, Tensor up, Tensor y)
    {
        Contract.Gate(Device, kind, gate, up, y);
        FloatRows gates = new(gate), ups = new(up), ys = new(y);
        for (long r = 0; r < gates.Count; r++)
        {
            Span<float> g = gates[r], u = ups[r], to = ys[r];
            for (int i = 0; i < to.Length; i++) { to[i] = (float)(Activations.Value(kind, g[i]) * u[i]); }
        }
    }

    /// <inheritdoc />
    public void GateBackward(ActivationKind kind, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        Contract.GateBackward(Device, kind, gate, up, dy, dGate, dUp);
        FloatRows gates = new(gate), ups = new(up), dys = new(dy), dGates = new(dGate), dUps = new(dUp);
        for (long r = 0; r < gates.Count; r++)
        {
            for (int i = 0; i < gates.Width; i++)
            {
                double g = gates[r][i], u = ups[r][i], d = dys[r][i];
                dGates[r][i] = (float)(d * u * Activations.Slope(kind, g));
                dUps[r][i] = (float)(d * Activations.Value(kind, g));
            }
        }
    }

    /// <inheritdoc />
    public void Axpby(float alpha, Tensor x, float beta, Tensor y)
    {
        Contract.Axpby(Device, x, y);
        FloatRows xs = new(x), ys = new(y);
        for (long r = 0; r < xs.Count; r++)
        {
            Span<float> from = xs[r], to = ys[r];
            for (int i = 0; i < to.Length; i++) { to[i] = (float)(beta == 0 ? (double)alpha * from[i] : (double)alpha * from[i] + (double)beta * to[i]); }
        }
    }

    /// <inheritdoc />
    public void ScaleColumns(Tensor x, Tensor scale, Tensor offset, Tensor y)
    {
        Contract.ScaleColumns(Device, x, scale, offset, y);
        FloatRows xs = new(x), ys = new(y);
        ReadOnlySpan<float> factors = scale.AsSpan<float>(), terms = offset.IsEmpty ? [] : offset.AsSpan<float>();
        for (long r = 0; r < xs.Count; r++)
        {
            Span<float> from = xs[r], to = ys[r];
            for (int i = 0; i < to.Length; i++) { to[i] = (float)((double)factors[i] * from[i] + (terms.IsEmpty ? 0 : terms[i])); }
        }
    }
}
