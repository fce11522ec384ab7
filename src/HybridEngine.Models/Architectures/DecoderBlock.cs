namespace HybridEngine.Models;

/// <summary>A linear map's parameters: <c>y = x W^T + b</c>.</summary>
/// <param name="Weight">W.</param>
/// <param name="Bias">b, or null.</param>
public sealed record LinearParameters(Parameter Weight, Parameter? Bias);

/// <summary>A norm's parameters.</summary>
/// <param name="Weight">Scale.</param>
/// <param name="Bias">Shift, or null.</param>
public sealed record NormParameters(Parameter Weight, Parameter? Bias);

/// <summary>Parameters of one block.</summary>
/// <param name="AttentionNorm">Before attention, or after it (<see cref="NormPlacement"/>).</param>
/// <param name="QueryKeyValue">Query, key and value rows in one.</param>
/// <param name="QueryNorm">Per-head norm of queries, or null.</param>
/// <param name="KeyNorm">Per-head norm of keys, or null.</param>
/// <param name="AttentionOutput">Back to the residual stream.</param>
/// <param name="MlpNorm">Before the MLP, or after it.</param>
/// <param name="Up">Gate and up rows in one, or up alone.</param>
/// <param name="Down">Back to the residual stream.</param>
public sealed record DecoderBlock(
    NormParameters AttentionNorm, LinearParameters QueryKeyValue, NormParameters? QueryNorm, NormParameters? KeyNorm,
    LinearParameters AttentionOutput, NormParameters MlpNorm, LinearParameters Up, LinearParameters Down);
