using HybridEngine.Core;

namespace HybridEngine.Cuda;

// Products. Which kernel computes one depends on its size, and no bit of it on the kernel (docs/numerics.md).
public sealed unsafe partial class CudaKernels
{
    // Beyond so many rows a tile of rows pays: few rows read the weights again for every 16 (bf16) or 8 (float32) of them.
    private const int FewRowsBf16 = 32, FewRowsFloat32 = 16;

    private static readonly Kernel[] _bf16Forward = Tiles("product_bf16", "product_bf16_forward"), _bf16Input = Tiles("product_bf16", "product_bf16_input"), _bf16Weight = Tiles("product_bf16", "product_bf16_weight"),
        _f32Input = Tiles("product_f32", "product_f32_input", 256), _f32Weight = Tiles("product_f32", "product_f32_weight", 256),
        _f32Forward = [.. Formats.Select(f => new Kernel("linear.product_f32", $"product_f32_forward_{f}_64", threads: 256))],
        _f32OneRow = [.. Formats.Select(f => new Kernel("linear.few_rows_f32", $"product_f32_few_rows_{f}_1", threads: 128))],
        _f32EightRows = [.. Formats.Select(f => new Kernel("linear.few_rows_f32", $"product_f32_few_rows_{f}_8", threads: 128))];

    private static readonly Kernel _bf16FewRows = new("linear.few_rows_bf16", "product_bf16_few_rows", threads: 256), _f32Forward128 = new("linear.product_f32", "product_f32_forward_f32_128", threads: 256),
        _narrowOperand = new("linear.storage", "narrow_operand_bf16", threads: 128);

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
        if (!dBias.IsEmpty) { ColumnSums(dy, default, default, default, dBias); }
    }

    // y = x W^T + bias (+ y).
    private void Product(Tensor x, WeightMatrix w, Tensor bias, Tensor y, bool accumulate)
    {
        long rows = x.Shape[0];
        if (w.Arithmetic == Arithmetic.BFloat16 && rows > FewRowsBf16)
        {
            Tensor operand = Operand(x);
            ProductBf16(_bf16Forward, operand, true, At(w.Storage), WeightStride(w.Inputs), true, Into(y, bias, accumulate), w.Inputs);
            _scratch.Return(operand);
            return;
        }

        Result result = Into(y, bias, accumulate);
        if (w.Arithmetic == Arithmetic.BFloat16)
        {
            const int SharedBytes = 8 * (16 * (256 + 8) * 2 + 16 * 16 * sizeof(float));
            _device.Launch(_bf16FewRows, new Grid(Grid.Pieces(w.Outputs, 16), Grid.Pieces(rows, 16)), new FewRowsBf16Arguments
            {
                X = At(x), W = At(w.Storage), XStride = RowStride(x), WStride = WeightStride(w.Inputs), Result = result, Inner = Int(w.Inputs),
            }, SharedBytes);
            return;
        }

        Float32ForwardArguments arguments = new() { X = At(x), W = Parts(w), XStride = RowStride(x), Result = result, Inner = Int(w.Inputs) };
        int format = Format(w);
        if (rows <= FewRowsFloat32)
        {
            int r = rows == 1 ? 1 : 8;
            _device.Launch((r == 1 ? _f32OneRow : _f32EightRows)[format], new Grid(Grid.Pieces(w.Outputs, 16), Grid.Pieces(rows, r)), arguments, 4 * 2 * 16 * (2 * 68 + r) * sizeof(float));
        }
        else
        {
            int tile = format == 0 ? TileOf(result) : 64;
            _device.Launch(tile == 128 ? _f32Forward128 : _f32Forward[format], TileGrid(result, tile), arguments, SharedF32(tile));
        }
    }

    // dx = dy W (+ dx).
    private void ProductTransposed(Tensor dy, WeightMatrix w, Tensor dx, bool accumulate)
    {
        if (w.Arithmetic == Arithmetic.BFloat16)
        {
            Tensor operand = Operand(dy);
            ProductBf16(_bf16Input, operand, true, At(w.Storage), WeightStride(w.Inputs), false, Into(dx, default, accumulate), w.Outputs);
            _scratch.Return(operand);
            return;
        }

        ProductF32(_f32Input, dy, At(w.Storage), WeightStride(w.Inputs), Into(dx, default, accumulate), w.Outputs);
    }

    // dW += dy^T x.
    private void AddOuterProducts(Tensor x, Tensor dy, WeightMatrix dw)
    {
        if (x.Shape[0] == 0) { return; }
        if (dw.Arithmetic == Arithmetic.BFloat16)
        {
            Tensor left = Operand(dy), right = Operand(x);
            ProductBf16(_bf16Weight, left, false, At(right), RowStride(right), false, Into(Values(dw), default, true), x.Shape[0]);
            _scratch.Return(right);
            _scratch.Return(left);
            return;
        }

        ProductF32(_f32Weight, dy, At(x), RowStride(x), Into(Values(dw), default, true), x.Shape[0]);
    }

    private static Result Into(Tensor y, Tensor bias, bool accumulate) =>
        new() { Y = At(y), Bias = At(bias), Stride = RowStride(y), Rows = Int(y.Shape[0]), Columns = Int(y.Shape[1]), Accumulate = Flag(accumulate) };

    private void ProductBf16(Kernel[] kernels, Tensor a, bool aInRows, nint b, long bStride, bool bInRows, Result result, long inner)
    {
        int tile = TileOf(result);
        _device.Launch(kernels[tile / 128], TileGrid(result, tile), new ProductArguments { A = At(a), B = b, AStride = RowStride(a), BStride = bStride, Result = result, Inner = Int(inner) }, SharedBf16(tile, aInRows, bInRows));
    }

    private void ProductF32(Kernel[] kernels, Tensor a, nint b, long bStride, Result result, long inner)
    {
        int tile = TileOf(result);
        _device.Launch(kernels[tile / 128], TileGrid(result, tile), new ProductArguments { A = At(a), B = b, AStride = RowStride(a), BStride = bStride, Result = result, Inner = Int(inner) }, SharedF32(tile));
    }

    // Rows rounded to bf16 and filled up with zeros, as tensor cores read them; to be returned.
    private Tensor Operand(Tensor x)
    {
        long stride = WeightStride(x.Shape[1]);
        Tensor operand = _scratch.Rent(DType.BFloat16, x.Shape[0], stride);
        _device.Launch(_narrowOperand, new Grid(x.Shape[0], Grid.Pieces(stride, EmbedColumns)), new OperandArguments { From = At(x), To = At(operand), FromStride = RowStride(x), ToStride = stride, Width = Int(x.Shape[1]) });
        return operand;
    }

    // The greater tile where it still gives most multiprocessors something to do.
    private static int TileOf(in Result result) => Grid.Pieces(result.Rows, 128) * Grid.Pieces(result.Columns, 128) >= 96 ? 128 : 64;

    private static Grid TileGrid(in Result result, int tile) => new(Grid.Pieces(result.Rows, tile), Grid.Pieces(result.Columns, tile));

    // Four stages of both operands, rows 16 bytes longer than what they hold.
    private static int SharedBf16(int tile, bool aInRows, bool bInRows)
    {
        int rows = tile * (32 + 8), columns = 32 * (tile + 8);
        return 4 * 2 * ((aInRows ? rows : columns) + (bInRows ? rows : columns));
    }

    private static int SharedF32(int tile) => 2 * 2 * 16 * (tile + 4) * sizeof(float);

    private static Kernel[] Tiles(string file, string name, int threads = 0) =>
        [new("linear." + file, $"{name}_64", threads == 0 ? 128 : threads), new("linear." + file, $"{name}_128", threads == 0 ? 256 : threads)];
}
