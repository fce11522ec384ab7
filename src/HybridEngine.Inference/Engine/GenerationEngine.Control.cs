using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

// Weights that change, pauses, and memory given back.
public sealed partial class GenerationEngine
{
    private PauseMode? _pause;
    private SleepLevel? _sleep;
    private long _cachedVersion;    // of the weights that computed what the cache holds

    /// <summary>Version of the weights, stamped on every token (<see cref="GenerationResult.WeightVersions"/>): the decoder's own counter.</summary>
    public long WeightVersion => _decoder.WeightVersion;

    /// <summary>True when steps compute nothing because of <see cref="Pause"/>; a draining engine is paused once everything that had started has ended.</summary>
    public bool IsPaused => _pause switch { null => false, PauseMode.Drain => !_scheduler.HasStarted, _ => true };

    /// <summary>True after <see cref="Sleep"/>.</summary>
    public bool IsAsleep => _sleep is not null;

    /// <summary>Stops computing, for a change of weights or to yield the machine. Another mode may follow before <see cref="Resume"/>.</summary>
    public void Pause(PauseMode mode = PauseMode.Keep)
    {
        if (mode == PauseMode.Abort) { CancelAll(); }
        _pause = mode;
        _scheduler.OnlyStarted = mode == PauseMode.Drain;
    }

    /// <summary>Ends a pause.</summary>
    public void Resume()
    {
        _pause = null;
        _scheduler.OnlyStarted = false;
    }

    /// <summary>Somebody wrote the decoder's tensors in place without telling it (<see cref="Decoder.WeightsChanged"/>): the version counts on, kept prefixes are forgotten, and
    /// what runs is computed again with the new weights before it goes on.</summary>
    /// <param name="version">The new version, above the present one; null counts on by one.</param>
    /// <exception cref="InvalidInputException">The version is not above the present one.</exception>
    public void WeightsChanged(long? version = null)
    {
        _decoder.WeightsChanged(version);
        ForgetOldWeights();
    }

    /// <summary>Replaces all weights in place between two steps. What runs goes on with the new ones after its keys and values have been computed again.</summary>
    /// <param name="weights">A decoder of the same shape, an opened checkpoint, any source.</param>
    /// <param name="version">Their version, above the present one; null counts on.</param>
    /// <exception cref="InvalidInputException">The version is not above the present one.</exception>
    public void ReplaceWeights(IParameterSource weights, long? version = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        RequireBetweenSteps("weights");
        if (_sleep == SleepLevel.Weights) { throw new InvalidOperationException("The engine is asleep without weights: Wake brings them."); }
        Write(weights, version);
    }

    /// <summary>Gives memory back to the device. Requests stay: what ran is computed again after <see cref="Wake()"/>, and its answer does not change.</summary>
    public void Sleep(SleepLevel level = SleepLevel.Cache)
    {
        RequireBetweenSteps("sleep");
        ReleaseMemory();
        if (level == SleepLevel.Weights && _sleep != SleepLevel.Weights) { _decoder.ReleaseWeights(); }
        _sleep = _sleep == SleepLevel.Weights ? _sleep : level;
    }

    /// <summary>Ends <see cref="SleepLevel.Cache"/>; memory comes back with the next step.</summary>
    /// <exception cref="InvalidOperationException">The weights are gone too: <see cref="Wake(IParameterSource, long?)"/>.</exception>
    public void Wake()
    {
        if (_sleep == SleepLevel.Weights && !_decoder.HasWeights) { throw new InvalidOperationException("The weights were given back too: Wake needs them."); }
        _sleep = null;
    }

    /// <summary>Ends either sleep with these weights.</summary>
    /// <param name="weights">As for <see cref="ReplaceWeights"/>.</param>
    /// <param name="version">Their version, above the present one (giving weights back has counted on); null counts on.</param>
    public void Wake(IParameterSource weights, long? version = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        RequireBetweenSteps("wake");
        Write(weights, version);
        _sleep = null;
    }

    /// <summary>Gives keys, values and workspaces back to the device; they come back with the next step, and what runs is computed again.</summary>
    public void ReleaseMemory()
    {
        RequireBetweenSteps("memory");
        _scheduler.PreemptAll();
        _cache.Release();
        _scheduler.Cache.UseBlocks(_cache.Blocks);
        _pool.Trim();
    }

    // A source that fails half-way has counted the version on already: the next step forgets what the old weights computed.
    private void Write(IParameterSource weights, long? version)
    {
        _decoder.Set(weights, version);
        ForgetOldWeights();
    }

    private void ForgetOldWeights()
    {
        _scheduler.PreemptAll();
        _cache.Blocks.ForgetPrefixes();
        _cachedVersion = _decoder.WeightVersion;
    }

    private void RequireBetweenSteps(string what)
    {
        if (_stepping) { throw new InvalidOperationException($"{what}: not from a callback of a step, expected between two steps."); }
    }
}
