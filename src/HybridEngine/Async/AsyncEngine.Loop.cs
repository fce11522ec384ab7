using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine;

/// <content>What runs on the engine's own thread.</content>
public sealed partial class AsyncEngine
{
    private void Loop()
    {
        do
        {
            while (_commands.TryDequeue(out Action? command)) { command(); }
            if (_abort) { EndAll(_ => Closed()); }
            // A paused engine steps no further: it waits for the command that resumes it.
            else if (!Advance() && !MayExit()) { _wake.WaitOne(); }
        }
        while (!MayExit());

        if (_ownsModel) { _model.Dispose(); }
        _metrics.Dispose();
        _ended.TrySetResult();
    }

    private bool MayExit()
    {
        if (!_closed || _active.Count > 0) { return false; }
        lock (_gate) { return _exited = _commands.IsEmpty; }
    }

    private void Start(AsyncGeneration generation)
    {
        _active.Add(generation);
        if (_abort)
        {
            End(generation, Closed());
            return;
        }

        try
        {
            generation.Generation = _model.Generator().Submit(generation.Request);
        }
#pragma warning disable CA1031 // It is handed to who awaits; a request that cannot be run is nobody else's trouble.
        catch (Exception e)
#pragma warning restore CA1031
        {
            End(generation, e);
        }
    }

    // A step, if there is one to do, and the ends that it brought. False when there is nothing to do now.
    private bool Advance()
    {
        bool stepped = false;
        try
        {
            stepped = _active.Count > 0 && _model.Generator().Step();
        }
#pragma warning disable CA1031 // A step that failed (memory) has failed for all that ran in it; the next request starts afresh.
        catch (Exception e)
#pragma warning restore CA1031
        {
            EndAll(_ => new HybridEngineException($"engine: a step failed: {e.Message}", e));
            Recover();
            return true;
        }

        int active = _active.Count;
        for (int i = 0; i < _active.Count; i++)
        {
            AsyncGeneration generation = _active[i];
            if (generation.ObserverError is { } error) { End(generation, error); }
            else if (generation.Generation!.IsFinished) { Finish(generation, generation.Generation.Results()); }
            else { continue; }
            i--;
        }

        return stepped || _active.Count < active;
    }

    // A fresh start for the next request; an engine that cannot even give its memory back takes no more, and tells who waits.
    private void Recover()
    {
        try
        {
            _model.Generator().ReleaseMemory();
        }
#pragma warning disable CA1031 // On this thread nobody could catch it.
        catch (Exception)
#pragma warning restore CA1031
        {
            _abort = true;
            Close();
        }
    }

    private void Finish(AsyncGeneration generation, GenerationResult[] results)
    {
        Leave(generation, null);
        generation.Succeed(results);
    }

    private void End(AsyncGeneration generation, Exception why)
    {
        if (generation.Completion.IsCompleted) { return; }
        if (generation.Generation is { } running) { _model.Generator().Cancel(running); }
        Leave(generation, why);
        generation.Fail(why);
    }

    private void EndAll(Func<AsyncGeneration, Exception> why)
    {
        while (_active.Count > 0) { End(_active[^1], why(_active[^1])); }
    }

    // Before its end is told: who awaits it finds the place free.
    private void Leave(AsyncGeneration generation, Exception? error)
    {
        _active.Remove(generation);
        _places.Release();
        _metrics.Record(generation, error);
    }
}
