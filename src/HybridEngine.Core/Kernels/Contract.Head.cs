namespace HybridEngine.Core;

// IHeadKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="IHeadKernels.LogProbs"/>.</summary>
    public static void LogProbs(DeviceKind device, Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logProb, Tensor logSumExp, Tensor entropy)
    {
        long tokens = RequireHead(device, hidden, head, bias, targets, options);
        RequireVector(device, logProb, nameof(logProb), DType.Float32, tokens);
        RequireVector(device, logSumExp, nameof(logSumExp), DType.Float32, tokens);
        RequireOptionalVector(device, entropy, nameof(entropy), DType.Float32, tokens);
    }

    /// <summary>Checks <see cref="IHeadKernels.LogProbsBackward"/>.</summary>
    public static void LogProbsBackward(DeviceKind device, Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logSumExp, Tensor entropy,
        Tensor dLogProb, Tensor dLogSumExp, Tensor dEntropy, Tensor dHidden, WeightMatrix? dHead, Tensor dBias)
    {
        long tokens = RequireHead(device, hidden, head, bias, targets, options);
        RequireBackward(device, head, nameof(head));
        RequireVector(device, logSumExp, nameof(logSumExp), DType.Float32, tokens);
        if (!dEntropy.IsEmpty && entropy.IsEmpty) { throw Wrong(nameof(entropy), $"{entropy}", $"Float32 [{tokens}], because there is dEntropy"); }
        RequireOptionalVector(device, entropy, nameof(entropy), DType.Float32, tokens);
        RequireOptionalVector(device, dLogProb, nameof(dLogProb), DType.Float32, tokens);
        RequireOptionalVector(device, dLogSumExp, nameof(dLogSumExp), DType.Float32, tokens);
        RequireOptionalVector(device, dEntropy, nameof(dEntropy), DType.Float32, tokens);
        Require(device, dHidden, nameof(dHidden), DType.Float32, tokens, head.Inputs);
        RequireDisjoint(dHidden, nameof(dHidden), hidden, nameof(hidden));
        if (dHead is not null)
        {
            RequireWeight(device, dHead, nameof(dHead), head.Outputs, head.Inputs);
            RequireGradient(dHead, nameof(dHead), head, nameof(head));
        }

        RequireOptionalVector(device, dBias, nameof(dBias), DType.Float32, head.Outputs);
    }

    /// <summary>Checks <see cref="IHeadKernels.Logits"/>.</summary>
    public static void Logits(DeviceKind device, Tensor hidden, WeightMatrix head, Tensor bias, float softCap, Tensor y)
    {
        RequireForward(device, head, nameof(head));
        Require(device, hidden, nameof(hidden), DType.Float32, -1, head.Inputs);
        RequireOptionalVector(device, bias, nameof(bias), DType.Float32, head.Outputs);
        if (!(softCap >= 0)) { throw Wrong(nameof(softCap), $"{softCap}", "0 (off) or more"); }
        Require(device, y, nameof(y), DType.Float32, hidden.Shape[0], head.Outputs);
        RequireDisjoint(y, nameof(y), hidden, nameof(hidden));
    }

    private static long RequireHead(DeviceKind device, Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options)
    {
        RequireForward(device, head, nameof(head));
        if (head.Outputs == 0) { throw Wrong(nameof(head), $"{head}", "at least one row"); }
        Require(device, hidden, nameof(hidden), DType.Float32, -1, head.Inputs);
        RequireOptionalVector(device, bias, nameof(bias), DType.Float32, head.Outputs);
        RequireVector(device, targets, nameof(targets), DType.Int32, hidden.Shape[0]);
        RequireRange(targets, nameof(targets), int.MinValue, head.Outputs, "rows of head; negative for none");
        if (!(options.Temperature > 0 && float.IsFinite(options.Temperature))) { throw Wrong("options.Temperature", $"{options.Temperature}", "a positive number"); }
        if (!(options.SoftCap >= 0)) { throw Wrong("options.SoftCap", $"{options.SoftCap}", "0 (off) or more"); }
        return hidden.Shape[0];
    }
}
