namespace HybridEngine.Core;

// The pieces that the families' checks are made of.
public static partial class Contract
{
    /// <summary>Requires a tensor on this device of this type and shape (a negative extent matches any), whose rows (everything behind the outermost dimension) are dense.</summary>
    /// <exception cref="ArgumentException">It is missing or of another device, type, shape or layout.</exception>
    public static void Require(DeviceKind device, Tensor tensor, string name, DType dtype, params ReadOnlySpan<long> shape)
    {
        Require(tensor, name, dtype, shape);
        RequireDevice(device, tensor, name);
        if (!RowsAreDense(tensor)) { throw new ArgumentException($"{name} is {tensor} with strides {tensor.Strides}, expected dense rows.", name); }
    }

    /// <summary>As <see cref="Require(DeviceKind, Tensor, string, DType, ReadOnlySpan{long})"/>, but the tensor may be missing.</summary>
    public static void RequireOptional(DeviceKind device, Tensor tensor, string name, DType dtype, params ReadOnlySpan<long> shape)
    {
        if (!tensor.IsEmpty) { Require(device, tensor, name, dtype, shape); }
    }

    /// <summary>Requires a dense vector of <paramref name="count"/> elements.</summary>
    public static void RequireVector(DeviceKind device, Tensor tensor, string name, DType dtype, long count)
    {
        Require(device, tensor, name, dtype, count);
        RequireContiguous(tensor, name);
    }

    /// <summary>Requires a dense vector of <paramref name="count"/> elements, or none.</summary>
    public static void RequireOptionalVector(DeviceKind device, Tensor tensor, string name, DType dtype, long count)
    {
        if (!tensor.IsEmpty) { RequireVector(device, tensor, name, dtype, count); }
    }

    /// <summary>Requires memory of this device.</summary>
    public static void RequireDevice(DeviceKind device, Tensor tensor, string name)
    {
        if (tensor.Memory is { } memory && memory.Device != device)
        {
            throw new ArgumentException($"{name} is in {memory.Device} memory, expected {device} memory.", name);
        }
    }

    /// <summary>Requires a weight of this size; a negative extent matches any.</summary>
    public static void RequireWeight(DeviceKind device, WeightMatrix? weight, string name, long outputs, long inputs)
    {
        if (weight is null) { throw new ArgumentException($"{name} is missing, expected W {Describe([outputs, inputs])}.", name); }
        if ((outputs >= 0 && weight.Outputs != outputs) || (inputs >= 0 && weight.Inputs != inputs))
        {
            throw new ArgumentException($"{name} is {weight}, expected W {Describe([outputs, inputs])}.", name);
        }

        RequireDevice(device, weight.Storage, name);
    }

    /// <summary>Requires a weight that a forward product may read: any but a float32 master or gradient of another arithmetic.</summary>
    public static void RequireForward(DeviceKind device, WeightMatrix? weight, string name)
    {
        RequireWeight(device, weight, name, -1, -1);
        if (weight!.DType == DType.Float32 && weight.Arithmetic != Arithmetic.Float32) { throw Wrong(name, $"{weight}", "a weight that products read (this is a master or gradient: Narrow makes its copy)"); }
    }

    /// <summary>Requires a weight that has an input gradient: float32, or a bf16 compute copy.</summary>
    public static void RequireBackward(DeviceKind device, WeightMatrix? weight, string name)
    {
        RequireForward(device, weight, name);
        if (weight!.DType != DType.Float32 && (weight.DType, weight.Arithmetic) != (DType.BFloat16, Arithmetic.BFloat16))
        {
            throw Wrong(name, $"{weight}", "Float32, or BFloat16 x BFloat16 (other compact weights are for the forward only)");
        }
    }

    /// <summary>Requires a bf16 compute copy of this size; a negative extent matches any.</summary>
    public static void RequireComputeCopy(DeviceKind device, WeightMatrix? weight, string name, long outputs, long inputs)
    {
        RequireWeight(device, weight, name, outputs, inputs);
        if ((weight!.DType, weight.Arithmetic) != (DType.BFloat16, Arithmetic.BFloat16)) { throw Wrong(name, $"{weight}", "BFloat16 x BFloat16"); }
    }

    /// <summary>Requires the gradient of a weight: float32, of the same size and arithmetic.</summary>
    public static void RequireGradient(WeightMatrix gradient, string name, WeightMatrix weight, string weightName)
    {
        if (gradient.Outputs != weight.Outputs || gradient.Inputs != weight.Inputs || gradient.DType != DType.Float32 || gradient.Arithmetic != weight.Arithmetic)
        {
            throw new ArgumentException($"{name} is {gradient}, expected Float32 of the size and arithmetic of {weightName}, {weight}.", name);
        }
    }

    /// <summary>Requires a weight that is not compact.</summary>
    public static void RequireFloat32(DeviceKind device, WeightMatrix? weight, string name)
    {
        RequireWeight(device, weight, name, -1, -1);
        if (weight!.DType != DType.Float32) { throw Wrong(name, $"{weight}", "Float32 (compact weights are for the forward only)"); }
    }

    /// <summary>Requires a gradient or copy of a weight: the same size, type and number of stored elements.</summary>
    public static void RequireSameLayout(WeightMatrix weight, string name, WeightMatrix other, string otherName)
    {
        if (weight.Outputs != other.Outputs || weight.Inputs != other.Inputs || weight.DType != other.DType || weight.Storage.Count != other.Storage.Count)
        {
            throw new ArgumentException($"{name} is {weight} of {weight.Storage.Count} stored elements, expected the layout of {otherName}, {other} of {other.Storage.Count}.", name);
        }
    }

    /// <summary>Refuses an output that shares elements with an input; <paramref name="exactAllowed"/> lets it be the very same view.</summary>
    public static void RequireDisjoint(Tensor output, string outputName, Tensor input, string inputName, bool exactAllowed = false)
    {
        if (output.Memory is null || !ReferenceEquals(output.Memory, input.Memory) || output.Count == 0 || input.Count == 0) { return; }
        if (exactAllowed && output.Offset == input.Offset && output.Shape == input.Shape && output.Strides == input.Strides) { return; }
        if (Overlap(output, input))
        {
            string allowed = exactAllowed ? $"memory of its own or exactly {inputName}" : "memory of its own";
            throw new ArgumentException($"{outputName} overlaps {inputName}, expected {allowed}.", outputName);
        }
    }

    private static ArgumentException Wrong(string name, string found, string expected) => new($"{name} is {found}, expected {expected}.", name);

    private static bool RowsAreDense(Tensor tensor)
    {
        long n = 1;
        for (int i = tensor.Rank - 1; i > 0; i--)
        {
            if (tensor.Shape[i] != 1 && tensor.Strides[i] != n) { return false; }
            n *= tensor.Shape[i];
        }

        return true;
    }

    // Two views of dense rows in one allocation share an element, unless they lie apart or are different columns of rows with the same stride.
    private static bool Overlap(Tensor a, Tensor b)
    {
        (long aRow, long aStride, long aEnd) = Rows(a);
        (long bRow, long bStride, long bEnd) = Rows(b);
        int aSize = a.DType.BlockBytes(), bSize = b.DType.BlockBytes();
        if (aSize != bSize || a.DType.BlockLength() != b.DType.BlockLength())
        {
            return (a.Offset * aSize < bEnd * bSize) && (b.Offset * bSize < aEnd * aSize);
        }

        if (a.Offset >= bEnd || b.Offset >= aEnd) { return false; }
        if (aStride != bStride || aStride == 0) { return true; }
        long aColumn = a.Offset % aStride, bColumn = b.Offset % aStride;
        bool wraps = aColumn + aRow > aStride || bColumn + bRow > aStride;
        return wraps || (aColumn < bColumn + bRow && bColumn < aColumn + aRow);
    }

    private static (long Row, long Stride, long End) Rows(Tensor t)
    {
        if (t.Rank == 0) { return (1, 1, t.Offset + 1); }
        long row = t.Count / t.Shape[0];
        long stride = t.Rank == 1 ? t.Count : t.Strides[0];
        return t.Rank == 1 ? (t.Count, stride, t.Offset + t.Count) : (row, stride, t.Offset + (t.Shape[0] - 1) * stride + row);
    }

    // Values can be checked only where the host can read them. On a device the producer of the indices is responsible, and kernels clamp.
    private static bool Readable(Tensor tensor) => tensor.Memory is { Device: DeviceKind.Host } && tensor.Count > 0;

    private static void RequireRange(Tensor indices, string name, long minimum, long end, string what)
    {
        if (!Readable(indices)) { return; }
        ReadOnlySpan<int> values = indices.AsSpan<int>();
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] < minimum || values[i] >= end) { throw Wrong($"{name}[{i}]", $"{values[i]}", $"{minimum} to {end - 1} ({what})"); }
        }
    }

    // offsets[0] = 0, ascending, the last one at most (or exactly) the number of rows.
    private static void RequireOffsets(Tensor offsets, string name, long rows, bool exact)
    {
        if (!Readable(offsets)) { return; }
        ReadOnlySpan<int> values = offsets.AsSpan<int>();
        if (values[0] != 0) { throw Wrong($"{name}[0]", $"{values[0]}", "0"); }
        for (int i = 1; i < values.Length; i++)
        {
            if (values[i] < values[i - 1]) { throw Wrong($"{name}[{i}]", $"{values[i]}", $"at least {name}[{i - 1}], {values[i - 1]}"); }
        }

        int last = values[^1];
        if (last > rows || (exact && last != rows)) { throw Wrong($"{name}[{values.Length - 1}]", $"{last}", $"{(exact ? "" : "at most ")}{rows}, the rows"); }
    }
}
