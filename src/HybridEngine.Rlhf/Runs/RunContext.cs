using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>What a run needs from whoever starts it.</summary>
public sealed record RunContext
{
    /// <summary>Where to run.</summary>
    public required IKernels Kernels { get; init; }

    /// <summary>The run folder.</summary>
    public required string Output { get; init; }

    /// <summary>Continue from the newest whole checkpoint of the folder; without one, start.</summary>
    public bool Resume { get; init; }

    /// <summary>Called after every step, on the calling thread.</summary>
    public Action<RunProgress>? Progress { get; init; }

    /// <summary>Called with what the user should know.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>Asks the run to stop between steps: it saves a checkpoint and ends with <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>A step has ended.</summary>
/// <param name="Kind"><c>sft</c>, <c>reward</c> or <c>ppo</c>.</param>
/// <param name="Steps">Steps of the run.</param>
/// <param name="Metrics">Of the step.</param>
public sealed record RunProgress(string Kind, int Steps, StepMetrics Metrics);
