using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private const int ElementsOfBlock = 1024;

    private static readonly Kernel _activate = new("activation.activation", "activate_f32", threads: 256), _activateBackward = new("activation.activation", "activate_backward_f32", threads: 256),
        _gate = new("activation.activation", "gate_f32", threads: 256), _gateBackward = new("activation.activation", "gate_backward_f32", threads: 256),
        _axpby = new("activation.activation", "axpby_f32", threads: 256), _scaleColumns = new("activation.activation", "scale_columns_f32", threads: 256);

    /// <inheritdoc />
    public void Activate(ActivationKind kind, Tensor x, Tensor y)
    {
        Contract.Activate(Device, kind, x, y);
        Elements(_activate, x, y, default, default, default, (int)kind);
    }

    /// <inheritdoc />
    public void ActivateBackward(ActivationKind kind, Tensor x, Tensor dy, Tensor dx)
    {
        Contract.ActivateBackward(Device, kind, x, dy, dx);
        Elements(_activateBackward, x, dx, default, dy, default, (int)kind);
    }

    /// <inheritdoc />
    public void Gate(ActivationKind kind, Tensor gate, Tensor up, Tensor y)
    {
        Contract.Gate(Device, kind, gate, up, y);
        Elements(_gate, gate, y, up, default, default, (int)kind);
    }

    /// <inheritdoc />
    public void GateBackward(ActivationKind kind, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        Contract.GateBackward(Device, kind, gate, up, dy, dGate, dUp);
        Elements(_gateBackward, gate, dGate, up, dy, dUp, (int)kind);
    }

    /// <inheritdoc />
    public void Axpby(float alpha, Tensor x, float beta, Tensor y)
    {
        Contract.Axpby(Device, x, y);
        if (x.Count == 0) { return; }
        Matrix rows = new(x, y);
        _device.Launch(_axpby, rows.Grid, new ScaleArguments { X = At(x), XStride = rows.Stride(x), Y = At(y), YStride = rows.Stride(y), Width = rows.Width, Alpha = alpha, Beta = beta });
    }

    /// <inheritdoc />
    public void ScaleColumns(Tensor x, Tensor scale, Tensor offset, Tensor y)
    {
        Contract.ScaleColumns(Device, x, scale, offset, y);
        _device.Launch(_scaleColumns, new Grid(HybridEngine.Cuda.Grid.Pieces(x.Shape[1], ElementsOfBlock), x.Shape[0]), new ScaleArguments
        {
            X = At(x), XStride = RowStride(x), Scale = At(scale), Offset = At(offset), Y = At(y), YStride = RowStride(y), Width = Int(x.Shape[1]),
        });
    }

    private void Elements(Kernel kernel, Tensor x, Tensor y, Tensor up, Tensor dy, Tensor dUp, int kind)
    {
        if (x.Count == 0) { return; }
        Matrix rows = new(x, y, up, dy, dUp);
        _device.Launch(kernel, rows.Grid, new ActivationArguments
        {
            X = At(x), XStride = rows.Stride(x), Up = At(up), UpStride = rows.Stride(up), Dy = At(dy), DyStride = rows.Stride(dy),
            Y = At(y), YStride = rows.Stride(y), DUp = At(dUp), DUpStride = rows.Stride(dUp), Width = rows.Width, Kind = kind,
        });
    }

    // Tensors of one shape as rows that element-wise kernels walk: the outermost dimension's, or a single one where all are dense.
    private readonly struct Matrix
    {
        private readonly bool _dense;
        private readonly long _rows;

        public Matrix(params ReadOnlySpan<Tensor> tensors)
        {
            _dense = true;
            foreach (Tensor t in tensors) { _dense &= t.IsEmpty || t.IsContiguous; }
            long count = tensors[0].Count;
            _rows = _dense ? 1 : tensors[0].Shape[0];
            Width = Int(count / _rows);
        }

        public int Width { get; }

        public Grid Grid => new(HybridEngine.Cuda.Grid.Pieces(Width, ElementsOfBlock), _rows);

        public long Stride(Tensor t) => _dense ? 0 : RowStride(t);
    }
}
