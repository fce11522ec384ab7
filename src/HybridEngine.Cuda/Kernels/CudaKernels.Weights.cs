using HybridEngine.Core;

namespace HybridEngine.Cuda;

// How weights lie (native/cuda/linear/weights.h), and how they get there.
public sealed unsafe partial class CudaKernels
{
    // Names of the formats in kernels; Format() gives an index.
    private static string[] Formats => ["f32", "bf16", "f16", "q8", "q4", "q4_1"];

    private static readonly Kernel[] _packBlocks = [.. Formats[3..].Select(f => new Kernel("linear.storage", $"pack_blocks_{f}", threads: 128))];
    private static readonly Kernel _mergeLora = new("linear.storage", "merge_lora_f32", threads: 128);

    /// <inheritdoc />
    public bool CanCreateWeight(DType dtype, long inputs, Arithmetic arithmetic = Arithmetic.Float32) => arithmetic switch
    {
        Arithmetic.Float32 => dtype is DType.Float32 or DType.BFloat16 or DType.Float16 || (IsBlocks(dtype) && inputs % 32 == 0),
        Arithmetic.BFloat16 => dtype is DType.Float32 or DType.BFloat16,
        _ => false,
    };

    /// <inheritdoc />
    /// <remarks>
    /// Rows of W, each filled up with zeros to a multiple of 8 elements: sixteen-byte loads of bf16 rows, and one layout for masters, gradients and compute copies. Blocks: all numbers, then all scales, then all minima.
    /// </remarks>
    public WeightMatrix CreateWeight(long outputs, long inputs, DType dtype = DType.Float32, Arithmetic arithmetic = Arithmetic.Float32)
    {
        Contract.CreateWeight(outputs, inputs);
        if (!CanCreateWeight(dtype, inputs, arithmetic))
        {
            throw new UnsupportedException(nameof(dtype), $"backend cuda: a {dtype} weight of {inputs} inputs in {arithmetic} arithmetic", "Float32; BFloat16 with Float32 or BFloat16 weights; Float32 with BFloat16, Float16 or whole blocks of Q8_0, Q4_0, Q4_1");
        }

        Tensor storage = IsBlocks(dtype) ? Allocate(DType.UInt8, BlockBytes(dtype, outputs, inputs).End) : Allocate(dtype, checked(outputs * WeightStride(inputs)));
        return new WeightMatrix(outputs, inputs, storage, dtype, arithmetic);
    }

    /// <inheritdoc />
    public void Pack(Tensor source, WeightMatrix destination)
    {
        Contract.Pack(Device, source, destination);
        if (!IsBlocks(destination.DType))
        {
            Copy(source, Values(destination));
            return;
        }

        Contract.RequireContiguous(source, nameof(source));
        Weights to = Parts(destination);
        long blocks = destination.Outputs * to.Blocks;
        _device.Launch(_packBlocks[Format(destination) - 3], new Grid(Grid.Pieces(blocks, 128)), new PackBlocksArguments { From = At(source), Data = to.Data, Scales = to.Scales, Minima = to.Minima, Blocks = blocks });
    }

    /// <inheritdoc />
    public void Unpack(WeightMatrix source, Tensor destination)
    {
        Contract.Unpack(Device, source, destination);
        if (source.DType == DType.Float32) { Copy(Values(source), destination); }
        else { EmbedRows(0, source, destination, 1, 0, false); }
    }

    /// <inheritdoc />
    public void Narrow(WeightMatrix master, WeightMatrix copy)
    {
        Contract.Narrow(Device, master, copy);
        Cast(Values(master), Values(copy));
    }

    /// <inheritdoc />
    public void MergeLora(WeightMatrix w, Tensor a, Tensor b, float scale, WeightMatrix destination)
    {
        Contract.MergeLora(Device, w, a, b, destination);
        _device.Launch(_mergeLora, new Grid(w.Outputs, Grid.Pieces(w.Inputs, EmbedColumns)), new MergeLoraArguments
        {
            W = At(w.Storage), A = At(a), B = At(b), To = At(destination.Storage), WStride = WeightStride(w.Inputs), AStride = RowStride(a), BStride = RowStride(b),
            Inputs = Int(w.Inputs), Rank = Int(a.Shape[0]), Scale = scale,
        });
    }

    // Elements from one row of a weight to the next.
    private static long WeightStride(long inputs) => (inputs + 7) / 8 * 8;

    // A weight's values without the filling: [outputs, inputs].
    private static Tensor Values(WeightMatrix w) => new(w.Storage.Memory!, w.Storage.DType, new Shape(w.Outputs, w.Inputs), new Shape(WeightStride(w.Inputs), 1), w.Storage.Offset);

    private static bool IsBlocks(DType dtype) => dtype is DType.Q8_0 or DType.Q4_0 or DType.Q4_1;

    private static int Format(WeightMatrix w) => w.DType switch
    {
        DType.Float32 => 0,
        DType.BFloat16 => 1,
        DType.Float16 => 2,
        DType.Q8_0 => 3,
        DType.Q4_0 => 4,
        _ => 5,
    };

    // Where scales and minima of a weight in blocks begin, and where everything ends, in bytes; numbers come first.
    private static (long Scales, long Minima, long End) BlockBytes(DType dtype, long outputs, long inputs)
    {
        long blocks = checked(outputs * (inputs / 32)), scales = blocks * (dtype == DType.Q8_0 ? 32 : 16), halves = (blocks * 2 + 15) / 16 * 16;
        return (scales, scales + halves, scales + halves * (dtype == DType.Q4_1 ? 2 : 1));
    }

    private static Weights Parts(WeightMatrix w)
    {
        nint at = At(w.Storage);
        if (!IsBlocks(w.DType)) { return new Weights { Data = at, Stride = WeightStride(w.Inputs) / (w.DType == DType.Float32 ? 1 : 2) }; }
        (long scales, long minima, _) = BlockBytes(w.DType, w.Outputs, w.Inputs);
        return new Weights { Data = at, Scales = at + (nint)scales, Minima = at + (nint)minima, Stride = w.Inputs / 32 * (w.DType == DType.Q8_0 ? 8 : 4), Blocks = Int(w.Inputs / 32) };
    }
}
