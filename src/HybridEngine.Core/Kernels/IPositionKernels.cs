namespace HybridEngine.Core;

/// <summary>Which elements of a head form a rotated pair.</summary>
public enum RotaryLayout
{
    /// <summary>(i, i + rotary/2): Llama, NeoX.</summary>
    Halves,
    /// <summary>(2i, 2i + 1): GPT-J.</summary>
    Interleaved,
}

/// <summary>Rotary positions (Su et al. 2021).</summary>
public interface IPositionKernels
{
    /// <summary>Rotates, in place, the first <c>rotary</c> elements of every head by the angle of its position.</summary>
    /// <param name="x">[tokens, heads, headSize]; rows may be strided.</param>
    /// <param name="positions">[tokens] int32, less than the table's rows.</param>
    /// <param name="table">[positions, rotary]: rotary/2 cosines, then rotary/2 sines (scaling factors of YaRN and the like are in the table).</param>
    /// <param name="layout">Which elements form a pair.</param>
    /// <param name="inverse">Rotate by the negative angle: the backward of the same call (times the same factor).</param>
    void Rotary(Tensor x, Tensor positions, Tensor table, RotaryLayout layout, bool inverse = false);
}
