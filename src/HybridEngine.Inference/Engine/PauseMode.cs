namespace HybridEngine.Inference;

/// <summary>What <see cref="GenerationEngine.Pause"/> does with what runs. Requests that come during a pause wait for <see cref="GenerationEngine.Resume"/>.</summary>
public enum PauseMode
{
    /// <summary>Everything stays as it is, cache included, and goes on where it stopped.</summary>
    Keep,
    /// <summary>What has started runs to its end, nothing else starts; then the engine is paused.</summary>
    Drain,
    /// <summary>What runs and what waits is cancelled now; tokens generated so far stay readable.</summary>
    Abort,
}

/// <summary>What <see cref="GenerationEngine.Sleep"/> gives back.</summary>
public enum SleepLevel
{
    /// <summary>Keys, values and workspaces; the weights stay.</summary>
    Cache,
    /// <summary>The weights too: <see cref="GenerationEngine.Wake(Models.IParameterSource, long?)"/> must bring them again.</summary>
    Weights,
}
