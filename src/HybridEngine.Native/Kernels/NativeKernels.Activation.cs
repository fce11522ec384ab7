using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void Activate(ActivationKind kind, Tensor x, Tensor y)
    {
        Contract.Activate(Device, kind, x, y);
        (long rows, long width) = Matrix(x);
        NativeMethods.he_activate(_context, (int)kind, rows, width, F32(x), Stride(x, width), F32(y), Stride(y, width)).Check();
    }

    /// <inheritdoc />
    public void ActivateBackward(ActivationKind kind, Tensor x, Tensor dy, Tensor dx)
    {
        Contract.ActivateBackward(Device, kind, x, dy, dx);
        (long rows, long width) = Matrix(x);
        NativeMethods.he_activate_backward(_context, (int)kind, rows, width, F32(x), Stride(x, width), F32(dy), Stride(dy, width), F32(dx), Stride(dx, width)).Check();
    }

    /// <inheritdoc />
    public void Gate(ActivationKind kind, Tensor gate, Tensor up, Tensor y)
    {
        Contract.Gate(Device, kind, gate, up, y);
        (long rows, long width) = Matrix(gate);
        NativeMethods.he_gate(_context, (int)kind, rows, width, F32(gate), Stride(gate, width), F32(up), Stride(up, width), F32(y), Stride(y, width)).Check();
    }

    /// <inheritdoc />
    public void GateBackward(ActivationKind kind, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        Contract.GateBackward(Device, kind, gate, up, dy, dGate, dUp);
        (long rows, long width) = Matrix(gate);
        NativeMethods.he_gate_backward(_context, (int)kind, rows, width, F32(gate), Stride(gate, width), F32(up), Stride(up, width), F32(dy), Stride(dy, width),
            F32(dGate), Stride(dGate, width), F32(dUp), Stride(dUp, width)).Check();
    }

    /// <inheritdoc />
    public void Axpby(float alpha, Tensor x, float beta, Tensor y)
    {
        Contract.Axpby(Device, x, y);
        (long rows, long width) = Matrix(x);
        NativeMethods.he_axpby(_context, rows, width, alpha, F32(x), Stride(x, width), beta, F32(y), Stride(y, width)).Check();
    }

    /// <inheritdoc />
    public void ScaleColumns(Tensor x, Tensor scale, Tensor offset, Tensor y)
    {
        Contract.ScaleColumns(Device, x, scale, offset, y);
        NativeMethods.he_scale_columns(_context, x.Shape[0], x.Shape[1], F32(x), x.Strides[0], F32(scale), F32(offset), F32(y), y.Strides[0]).Check();
    }

    // A tensor of any rank as rows: the outermost dimension may be strided, what lies behind it is dense (Contract).
    private static (long Rows, long Width) Matrix(Tensor t) => t.Rank == 1 || t.Count == 0 ? (1, t.Count) : (t.Shape[0], t.Count / t.Shape[0]);

    private static long Stride(Tensor t, long width) => t.Rank == 1 ? width : t.Strides[0];
}
