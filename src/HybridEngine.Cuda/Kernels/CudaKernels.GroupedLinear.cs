using HybridEngine.Core;

namespace HybridEngine.Cuda;

// Products of rows grouped by expert: one launch for all experts; which rows are whose only the device knows.
public sealed unsafe partial class CudaKernels
{
    private const int GroupTile = 64;

    private readonly Dictionary<int, (long[] Addresses, Tensor Table)> _addressTables = [];

    private static readonly Kernel _groupedBf16Forward = Grouped("grouped_bf16_forward", 128), _groupedBf16Input = Grouped("grouped_bf16_input", 128), _groupedBf16Weight = Grouped("grouped_bf16_weight", 128),
        _groupedF32Input = Grouped("grouped_f32_input", 256), _groupedF32Weight = Grouped("grouped_f32_weight", 256);

    private static readonly Kernel[] _groupedF32Forward = [.. Formats.Select(f => Grouped($"grouped_f32_forward_{f}", 256))];

    /// <inheritdoc />
    public void GroupedLinear(Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y)
    {
        Contract.GroupedLinear(Device, x, rowOffsets, experts, y);
        if (x.Shape[0] == 0) { return; }
        WeightMatrix w = experts[0];
        bool bf16 = w.Arithmetic == Arithmetic.BFloat16;
        Tensor addresses = Addresses(experts), operand = bf16 ? Operand(x) : x;
        Weights parts = Parts(w);
        (long scales, long minima, _) = IsBlocks(w.DType) ? BlockBytes(w.DType, w.Outputs, w.Inputs) : default;
        _device.Launch(bf16 ? _groupedBf16Forward : _groupedF32Forward[Format(w)], RowGroups(x, experts, w.Outputs), new GroupedArguments
        {
            RowOffsets = At(rowOffsets), Weights = At(addresses), A = At(operand), AStride = RowStride(operand), Y = At(y), YStride = RowStride(y), WStride = bf16 ? WeightStride(w.Inputs) : parts.Stride,
            ScalesAt = scales, MinimaAt = minima, Blocks = parts.Blocks, Experts = experts.Count, Rows = Int(x.Shape[0]), Columns = Int(w.Outputs), Inner = Int(w.Inputs),
        }, bf16 ? SharedBf16(GroupTile, true, true) : SharedF32(GroupTile));
        if (bf16) { _scratch.Return(operand); }
    }

    /// <inheritdoc />
    public void GroupedLinearBackward(Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts)
    {
        Contract.GroupedLinearBackward(Device, x, dy, rowOffsets, experts, dx, dExperts);
        if (dy.Shape[0] == 0) { return; }
        WeightMatrix w = experts[0];
        bool bf16 = w.Arithmetic == Arithmetic.BFloat16;
        Tensor upstream = bf16 ? Operand(dy) : dy;
        if (!dx.IsEmpty)
        {
            Tensor addresses = Addresses(experts);
            _device.Launch(bf16 ? _groupedBf16Input : _groupedF32Input, RowGroups(dy, experts, w.Inputs), new GroupedArguments
            {
                RowOffsets = At(rowOffsets), Weights = At(addresses), A = At(upstream), AStride = RowStride(upstream), Y = At(dx), YStride = RowStride(dx), WStride = WeightStride(w.Inputs),
                Experts = experts.Count, Rows = Int(dy.Shape[0]), Columns = Int(w.Inputs), Inner = Int(w.Outputs),
            }, bf16 ? SharedBf16(GroupTile, true, false) : SharedF32(GroupTile));
        }

        if (dExperts is not null)
        {
            Tensor addresses = Addresses(dExperts), input = bf16 ? Operand(x) : x;
            _device.Launch(bf16 ? _groupedBf16Weight : _groupedF32Weight, new Grid(Grid.Pieces(w.Outputs, GroupTile), Grid.Pieces(w.Inputs, GroupTile), experts.Count), new GroupedArguments
            {
                RowOffsets = At(rowOffsets), Weights = At(addresses), A = At(upstream), AStride = RowStride(upstream), B = At(input), BStride = RowStride(input), WStride = WeightStride(w.Inputs),
                Experts = experts.Count, Rows = Int(w.Outputs), Columns = Int(w.Inputs),
            }, bf16 ? SharedBf16(GroupTile, false, false) : SharedF32(GroupTile));
            if (bf16) { _scratch.Return(input); }
        }

        if (bf16) { _scratch.Return(upstream); }
    }

    // Where each weight lies, on the device. A model's experts stay where they are, so each list of addresses is uploaded once; a replayed graph finds it again.
    private Tensor Addresses(IReadOnlyList<WeightMatrix> weights)
    {
        Span<long> addresses = weights.Count <= 256 ? stackalloc long[weights.Count] : new long[weights.Count];
        HashCode hash = default;
        for (int e = 0; e < addresses.Length; e++) { hash.Add(addresses[e] = At(weights[e].Storage)); }
        int key = hash.ToHashCode();
        if (_addressTables.TryGetValue(key, out (long[] Addresses, Tensor Table) known))
        {
            if (addresses.SequenceEqual(known.Addresses)) { return known.Table; }
            known.Table.Memory!.Dispose();
        }

        Tensor table = Allocate(DType.Int64, weights.Count);
        Upload<long>(addresses, table);
        _addressTables[key] = (addresses.ToArray(), table);
        return table;
    }

    // Every group begins a tile of rows of its own.
    private static Grid RowGroups(Tensor rows, IReadOnlyList<WeightMatrix> experts, long columns) => new(Grid.Pieces(rows.Shape[0], GroupTile) + experts.Count - 1, Grid.Pieces(columns, GroupTile));

    private static Kernel Grouped(string name, int threads) => new("expert.grouped", name, threads);
}
