namespace HybridEngine.Models;

/// <summary>Values of parameters by binding: a checkpoint, random numbers, or a decoder that is being saved.</summary>
public interface IParameterSource
{
    /// <summary>Fills <paramref name="destination"/> with one parameter, row-major [Rows, Columns] float32 in the decoder's orientation (fused tensors cut, transposed ones turned).</summary>
    /// <param name="binding">Which parameter.</param>
    /// <param name="destination">Rows * Columns elements.</param>
    void Read(ParameterBinding binding, Span<float> destination);
}
