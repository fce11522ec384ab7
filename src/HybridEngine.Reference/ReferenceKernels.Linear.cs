using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public bool CanCreateWeight(DType dtype, long inputs, Arithmetic arithmetic = Arithmetic.Float32) => arithmetic switch
    {
        Arithmetic.BFloat16 => dtype is DType.Float32 or DType.BFloat16,
        Arithmetic.Int8 => IsBlocks(dtype, inputs),
        _ => dtype is DType.Float32 or DType.BFloat16 or DType.Float16 || IsBlocks(dtype, inputs),
    };

    /// <inheritdoc />
    /// <remarks>Values of any type are kept as float32: what compact weights must agree with.</remarks>
    public WeightMatrix CreateWeight(long outputs, long inputs, DType dtype = DType.Float32, Arithmetic arithmetic = Arithmetic.Float32)
    {
        Contract.CreateWeight(outputs, inputs);
        if (!CanCreateWeight(dtype, inputs, arithmetic))
        {
            throw new UnsupportedException(nameof(dtype), $"a {dtype} weight of {inputs} inputs in {arithmetic} arithmetic", "Float32, or whole blocks of a type for weights; BFloat16 arithmetic: Float32 and BFloat16; Int8: blocks");
        }

        return new WeightMatrix(outputs, inputs, Allocate(DType.Float32, checked(outputs * inputs)), dtype, arithmetic);
    }

    /// <inheritdoc />
    public void Pack(Tensor source, WeightMatrix destination)
    {
        Contract.Pack(Device, source, destination);
        if (source.DType == DType.Float32) { Copy(source, Matrix(destination)); }
        else if (source.DType.BlockLength() == KBlocks.Length) { Dequantize(source, destination); }
        else { Convert(source, Matrix(destination)); }
    }

    private static void Dequantize(Tensor source, WeightMatrix destination)
    {
        if (!source.IsContiguous) { throw new ArgumentException($"{nameof(source)} is {source} with strides {source.Strides}, expected a dense tensor.", nameof(source)); }
        ReadOnlySpan<byte> blocks = Bytes(source);
        Span<float> values = Floats(destination.Storage);
        int size = source.DType.BlockBytes();
        for (int i = 0; i < blocks.Length / size; i++) { KBlocks.Dequantize(source.DType, blocks.Slice(i * size, size), values.Slice(i * KBlocks.Length, KBlocks.Length)); }
    }

    /// <inheritdoc />
    public void Unpack(WeightMatrix source, Tensor destination)
    {
        Contract.Unpack(Device, source, destination);
        Copy(Matrix(source), destination);
    }

    /// <inheritdoc />
    public void Narrow(WeightMatrix master, WeightMatrix copy)
    {
        Contract.Narrow(Device, master, copy);
        NarrowTo(master.Storage, copy);
    }

    /// <inheritdoc />
    public void Linear(Tensor x, WeightMatrix w, Tensor bias, Tensor y, bool accumulate = false)
    {
        Contract.Linear(Device, x, w, bias, y);
        Product(x, w, bias, y, accumulate);
    }

    /// <inheritdoc />
    public void LinearBackwardInput(Tensor dy, WeightMatrix w, Tensor dx, bool accumulate = false)
    {
        Contract.LinearBackwardInput(Device, dy, w, dx);
        ProductTransposed(dy, w, dx, accumulate);
    }

    /// <inheritdoc />
    public void LinearBackwardWeight(Tensor x, Tensor dy, WeightMatrix dw, Tensor dBias)
    {
        Contract.LinearBackwardWeight(Device, x, dy, dw, dBias);
        AddOuterProducts(x, dy, dw);
        if (dBias.IsEmpty) { return; }
        FloatRows d = new(dy);
        ForEach(dw.Outputs, d.Count, o =>
        {
            double sum = 0;
            for (long r = 0; r < d.Count; r++) { sum += d[r][(int)o]; }
            Floats(dBias)[(int)o] += (float)sum;
        });
    }

    /// <inheritdoc />
    public void MergeLora(WeightMatrix w, Tensor a, Tensor b, float scale, WeightMatrix destination)
    {
        Contract.MergeLora(Device, w, a, b, destination);
        FloatRows from = new(Matrix(w)), to = new(Matrix(destination)), down = new(a), up = new(b);
        ForEach(w.Outputs, w.Inputs * down.Count, o =>
        {
            using Sums sums = Rent((int)w.Inputs);
            for (int r = 0; r < down.Count; r++) { AddScaled(sums.Span, up[o][r], down[r]); }
            for (int i = 0; i < w.Inputs; i++) { to[o][i] = (float)(from[o][i] + scale * sums.Span[i]); }
        });
    }

    // A copy's values are kept as float32 too, already rounded.
    private static void NarrowTo(Tensor master, WeightMatrix copy)
    {
        ReadOnlySpan<float> from = Floats(master);
        Span<float> to = Floats(copy.Storage);
        for (int i = 0; i < to.Length; i++) { to[i] = Operands.ToBFloat16(from[i]); }
    }

    private static bool IsBlocks(DType dtype, long inputs) => dtype.BlockLength() > 1 && inputs % dtype.BlockLength() == 0;

    private static Tensor Matrix(WeightMatrix w) => w.Storage.View(w.Outputs, w.Inputs);

    // y[r, o] = x[r] . w[o] + bias[o] (+ y[r, o])
    private static void Product(Tensor x, WeightMatrix w, Tensor bias, Tensor y, bool accumulate)
    {
        FloatRows xs = new(Operands.Of(x, w.Arithmetic)), ws = new(Matrix(w)), ys = new(y);
        ForEachBlock(ys.Count, ys.Width, w.Inputs, (r, first, end) =>
        {
            Span<float> row = ys[r];
            ReadOnlySpan<float> b = Floats(bias);
            for (int o = first; o < end; o++)
            {
                double sum = Dot(xs[r], ws[o]);
                if (!b.IsEmpty) { sum += b[o]; }
                row[o] = (float)(accumulate ? sum + row[o] : sum);
            }
        });
    }

    // dx[r] = sum over o of dy[r, o] w[o] (+ dx[r])
    private static void ProductTransposed(Tensor dy, WeightMatrix w, Tensor dx, bool accumulate)
    {
        FloatRows dys = new(Operands.Of(dy, w.Arithmetic)), ws = new(Matrix(w)), dxs = new(dx);
        ForEach(dxs.Count, w.Outputs * w.Inputs, r =>
        {
            using Sums sums = Rent((int)w.Inputs);
            for (int o = 0; o < w.Outputs; o++) { AddScaled(sums.Span, dys[r][o], ws[o]); }
            Store(sums.Span, dxs[r], accumulate);
        });
    }

    // dw[o] += sum over r of dy[r, o] x[r]
    private static void AddOuterProducts(Tensor x, Tensor dy, WeightMatrix dw)
    {
        FloatRows xs = new(Operands.Of(x, dw.Arithmetic)), dys = new(Operands.Of(dy, dw.Arithmetic)), ws = new(Matrix(dw));
        ForEach(dw.Outputs, xs.Count * dw.Inputs, o =>
        {
            using Sums sums = Rent((int)dw.Inputs);
            for (long r = 0; r < xs.Count; r++) { AddScaled(sums.Span, dys[r][(int)o], xs[r]); }
            Store(sums.Span, ws[o], accumulate: true);
        });
    }
}
