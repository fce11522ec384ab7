using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>New tokens of running sequences (prefill chunks and single decode rows alike), all on the device.</summary>
/// <param name="Ids">[tokens] int32, sequence after sequence.</param>
/// <param name="Positions">[tokens] int32, absolute, plus the <see cref="DecoderConfig.PositionShift"/> of the sequence; below the longest context (the scheduler checks).</param>
/// <param name="Slots">[tokens] int32: where each token's key and value go, block * BlockSize + position in block.</param>
/// <param name="QueryOffsets">[sequences + 1] int32: tokens by sequence.</param>
/// <param name="ContextLengths">[sequences] int32: keys of the sequence, new ones included.</param>
/// <param name="BlockTables">[sequences, maxBlocks] int32: cache block of every BlockSize positions.</param>
public readonly record struct DecodeBatch(Tensor Ids, Tensor Positions, Tensor Slots, Tensor QueryOffsets, Tensor ContextLengths, Tensor BlockTables);
