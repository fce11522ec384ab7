using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Values of parameters by binding: a checkpoint, random numbers, or a decoder that is being saved.</summary>
public interface IParameterSource
{
    /// <summary>Fills <paramref name="destination"/> with one parameter, row-major [Rows, Columns] float32 in the decoder's orientation (fused tensors cut, transposed ones turned).</summary>
    /// <param name="binding">Which parameter.</param>
    /// <param name="destination">Rows * Columns elements.</param>
    void Read(ParameterBinding binding, Span<float> destination);

    /// <summary>The narrow type in which a matrix is kept by whole rows in the decoder's orientation, or null: then <see cref="Read"/> alone gives it.</summary>
    DType? StoredType(ParameterBinding binding) => null;

    /// <summary>As <see cref="Read"/>, in the type of <see cref="StoredType"/>.</summary>
    /// <param name="binding">One that has a stored type.</param>
    /// <param name="destination">The bytes of Rows * Columns elements.</param>
    void ReadStored(ParameterBinding binding, Span<byte> destination) => throw new NotSupportedException();
}
