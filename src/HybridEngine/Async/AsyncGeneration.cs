using System.Diagnostics;
using System.Threading.Channels;
using HybridEngine.Inference;

namespace HybridEngine;

/// <summary>A request that an <see cref="AsyncEngine"/> works on. Tokens may be read as they come, or only the end awaited; disposing it before the end cancels it.</summary>
public sealed class AsyncGeneration : IAsyncDisposable
{
    private readonly AsyncEngine _engine;
    private readonly TaskCompletionSource<GenerationResult[]> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    // Not bounded by itself: a request can put no more into it than its choices times max_tokens, and the engine must never wait for a slow reader.
    private readonly Channel<GeneratedToken> _tokens = Channel.CreateUnbounded<GeneratedToken>(new UnboundedChannelOptions { SingleWriter = true });
    private readonly long _submitted = Stopwatch.GetTimestamp();
    private CancellationTokenRegistration _registration;
    private long _first;

    internal AsyncGeneration(AsyncEngine engine, GenerationRequest request, string operation, CancellationToken cancellation)
    {
        (_engine, Operation, Cancellation) = (engine, operation, cancellation);
        Action<GeneratedToken>? observer = request.OnToken;
        Request = request with
        {
            OnToken = token =>
            {
                Tokens++;
                if (_first == 0) { _first = Stopwatch.GetTimestamp(); }
                _tokens.Writer.TryWrite(token);
                Observe(observer, token);
            },
        };
        // Nobody has to look at the end of a request whose tokens were read: a failure is not a second one, unobserved.
        _ = _completion.Task.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>The choices in order, when all have ended. Fails with <see cref="OperationCanceledException"/> when it was cancelled, with the reason when it could not be run.</summary>
    public Task<GenerationResult[]> Completion => _completion.Task;

    internal GenerationRequest Request { get; }

    internal string Operation { get; }

    internal CancellationToken Cancellation { get; }

    internal Generation? Generation { get; set; }

    // What the caller's own OnToken threw: ends this request and no other.
    internal Exception? ObserverError { get; private set; }

    internal int Tokens { get; private set; }

    internal TimeSpan? TimeToFirstToken => _first == 0 ? null : Stopwatch.GetElapsedTime(_submitted, _first);

    internal TimeSpan Duration => Stopwatch.GetElapsedTime(_submitted);

    /// <summary>Tokens of all choices as they are drawn. One reader at a time; leaving the loop does not cancel the request, disposing it does.</summary>
    /// <exception cref="OperationCanceledException">The request was cancelled.</exception>
    public IAsyncEnumerable<GeneratedToken> ReadTokensAsync(CancellationToken cancellationToken = default) => _tokens.Reader.ReadAllAsync(cancellationToken);

    /// <summary>Cancels what has not ended, without waiting; its blocks are free before the engine's next step.</summary>
    public ValueTask DisposeAsync()
    {
        if (!_completion.Task.IsCompleted) { _engine.Cancel(this, new OperationCanceledException("the request was disposed before its end")); }
        return ValueTask.CompletedTask;
    }

    internal void WatchCancellation() => _registration = Cancellation.UnsafeRegister(static s => { AsyncGeneration g = (AsyncGeneration)s!; g._engine.Cancel(g, new OperationCanceledException(g.Cancellation)); }, this);

    internal void Succeed(GenerationResult[] results)
    {
        _registration.Unregister();
        _completion.TrySetResult(results);
        _tokens.Writer.TryComplete();
    }

    internal bool Fail(Exception error)
    {
        _registration.Unregister();
        bool first = error is OperationCanceledException cancelled ? _completion.TrySetCanceled(cancelled.CancellationToken) : _completion.TrySetException(error);
        _tokens.Writer.TryComplete(error);
        return first;
    }

    private void Observe(Action<GeneratedToken>? observer, GeneratedToken token)
    {
        if (observer is null || ObserverError is not null) { return; }
        try
        {
            observer(token);
        }
#pragma warning disable CA1031 // Whatever the caller's code throws is the caller's, and must not end the requests of others.
        catch (Exception e)
#pragma warning restore CA1031
        {
            ObserverError = e;
        }
    }
}
