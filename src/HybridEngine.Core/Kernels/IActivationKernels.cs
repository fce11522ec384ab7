namespace HybridEngine.Core;

/// <summary>Element-wise non-linearities, by transformers' names.</summary>
public enum ActivationKind
{
    /// <summary>max(x, 0).</summary>
    Relu,
    /// <summary>x * sigmoid(x).</summary>
    Silu,
    /// <summary>x * Phi(x), with erf.</summary>
    Gelu,
    /// <summary>The tanh approximation ("gelu_new", "gelu_pytorch_tanh").</summary>
    GeluTanh,
}

/// <summary>Activations and small element-wise operations.</summary>
public interface IActivationKernels
{
    /// <summary><c>y = f(x)</c>; y may be x.</summary>
    void Activate(ActivationKind kind, Tensor x, Tensor y);

    /// <summary><c>dx = dy * f'(x)</c>; dx may be dy.</summary>
    void ActivateBackward(ActivationKind kind, Tensor x, Tensor dy, Tensor dx);

    /// <summary><c>y = f(gate) * up</c> (SwiGLU with Silu, GeGLU with Gelu). All [rows, width]; y may be gate or up.</summary>
    void Gate(ActivationKind kind, Tensor gate, Tensor up, Tensor y);

    /// <summary><c>dGate = dy * up * f'(gate)</c>, <c>dUp = dy * f(gate)</c>. dGate may be gate, dUp may be up, neither may be dy.</summary>
    void GateBackward(ActivationKind kind, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp);

    /// <summary><c>y = alpha * x + beta * y</c>; with beta 0 the old y is not read.</summary>
    void Axpby(float alpha, Tensor x, float beta, Tensor y);

    /// <summary><c>y[r, c] = scale[c] * x[r, c] + offset[c]</c>, rounded once. x, y [rows, width]; scale [width]; offset [width] or empty; y may be x.</summary>
    void ScaleColumns(Tensor x, Tensor scale, Tensor offset, Tensor y);
}
