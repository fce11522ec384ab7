using System.Collections.Concurrent;
using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine;

/// <summary>A <see cref="HybridModel"/> on a thread of its own: any number of callers on any threads submit, one batch answers them all.</summary>
/// <remarks>
/// Thread-safe. Requests start in order of arrival; at most <see cref="AsyncEngineOptions.MaxPending"/> wait or run. From its creation to its disposal the model belongs to the engine:
/// whatever else is to be done with it (scores, training, saving) goes through <see cref="InvokeAsync{T}"/>. What a caller's continuation does never holds up the engine.
/// </remarks>
public sealed partial class AsyncEngine : IAsyncDisposable, IDisposable
{
    private readonly HybridModel _model;
    private readonly bool _ownsModel;
    private readonly AsyncEngineOptions _options;
    private readonly SemaphoreSlim _places;
    private readonly Lock _gate = new();
    private readonly ConcurrentQueue<Action> _commands = [];
    private readonly AutoResetEvent _wake = new(false);
    private readonly List<AsyncGeneration> _active = [];
    private readonly Thread _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ServerMetrics _metrics;
    private volatile bool _closed, _abort;
    private bool _exited;

    /// <param name="model">What answers; nobody else uses it until this is disposed.</param>
    /// <param name="options">Name, limits.</param>
    /// <param name="ownsModel">Dispose the model with this.</param>
    public AsyncEngine(HybridModel model, AsyncEngineOptions? options = null, bool ownsModel = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        _options = options ?? new AsyncEngineOptions();
        _options.Validate();
        (_model, _ownsModel, _places) = (model, ownsModel, new SemaphoreSlim(_options.MaxPending));
        ModelId = _options.ModelId ?? model.Decoder.Config.Family;
        MaxContext = model.Generator().MaxContext;
        _metrics = new ServerMetrics(ModelId, () => Pending);
        _thread = new Thread(Loop) { Name = "hybridengine", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The model's name in answers, metrics and traces.</summary>
    public string ModelId { get; }

    /// <summary>Requests that wait or run now.</summary>
    public int Pending => _options.MaxPending - _places.CurrentCount;

    /// <summary>Longest prompt and completion together.</summary>
    public int MaxContext { get; }

    /// <summary>Text to ids and back, safe on any thread; null when the model came without one.</summary>
    public Models.Tokenizer? Tokenizer => _model.Tokenizer;

    /// <summary>Low-rank adapters by name. Look names up on any thread; load and unload within <see cref="InvokeAsync{T}"/>.</summary>
    public Models.AdapterSet Adapters => _model.Adapters;

    internal Models.DecoderConfig Config => _model.Decoder.Config;

    internal CompiledConstraints Constraints => _model.Constraints;

    internal long DefaultSeed => _model.Options.Seed;

    /// <summary>Loads a model on a thread of the pool and starts an engine that owns it.</summary>
    /// <param name="path">A folder in Hugging Face layout, a GGUF file, or a checkpoint of ours.</param>
    /// <param name="model">Backend, threads, sizes.</param>
    /// <param name="options">Name, limits; the name is the path's last part unless given.</param>
    /// <param name="cancellationToken">Looked at before and after loading.</param>
    /// <exception cref="HybridEngineException">The model cannot be read or is not supported.</exception>
    public static Task<AsyncEngine> LoadAsync(string path, HybridOptions? model = null, AsyncEngineOptions? options = null, CancellationToken cancellationToken = default) =>
        Task.Run(() =>
        {
            AsyncEngine engine = Load(path, model, options);
            if (cancellationToken.IsCancellationRequested)
            {
                engine.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
            }

            return engine;
        }, cancellationToken);

    internal static AsyncEngine Load(string path, HybridOptions? model, AsyncEngineOptions? options)
    {
        options ??= new AsyncEngineOptions();
        return new AsyncEngine(HybridModel.Load(path, model), options with { ModelId = options.ModelId ?? Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(path)) }, ownsModel: true);
    }

    /// <summary>Submits a request. It runs from now on, read or not, until it ends, its token is cancelled, or it is disposed.</summary>
    /// <param name="request">As for <see cref="GenerationEngine.Submit"/>; <see cref="GenerationRequest.OnToken"/> is called on the engine's thread.</param>
    /// <param name="cancellationToken">Cancels the wait for a place, and the request.</param>
    /// <exception cref="EngineBusyException">There is no place and <see cref="AsyncEngineOptions.WhenFull"/> refuses.</exception>
    /// <exception cref="ObjectDisposedException">The engine is closed.</exception>
    public Task<AsyncGeneration> SubmitAsync(GenerationRequest request, CancellationToken cancellationToken = default) => SubmitAsync(request, GenAI.TextCompletion, cancellationToken);

    /// <summary>Runs a request to its end.</summary>
    /// <returns>Its choices in order.</returns>
    /// <exception cref="InvalidInputException">The request cannot be run.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <inheritdoc cref="SubmitAsync(GenerationRequest, CancellationToken)" />
    public async Task<GenerationResult[]> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken = default)
    {
        AsyncGeneration generation = await SubmitAsync(request, cancellationToken).ConfigureAwait(false);
        await using (generation.ConfigureAwait(false)) { return await generation.Completion.ConfigureAwait(false); }
    }

    /// <summary>Runs an action with the model on the engine's thread, between two steps, while requests wait: for what is not thread-safe, such as scores or a change of weights.</summary>
    /// <param name="action">Must not keep the model. It may train: then no request may be running (<see cref="DrainAsync"/> first, or the switch throws).</param>
    /// <param name="cancellationToken">Cancels the wait for a place and the action as long as it has not started.</param>
    public async Task<T> InvokeAsync<T>(Func<HybridModel, T> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            if (_abort) { done.TrySetException(Closed()); }
            else if (cancellationToken.IsCancellationRequested) { done.TrySetCanceled(cancellationToken); }
            else
            {
                try { done.TrySetResult(action(_model)); }
#pragma warning disable CA1031 // It is handed to who awaits.
                catch (Exception e) { done.TrySetException(e); }
#pragma warning restore CA1031
            }

            _places.Release();
        });
        return await done.Task.ConfigureAwait(false);
    }

    /// <summary>Takes no further request and waits until what is there has ended; <see cref="Dispose"/> afterwards finds nothing to cancel.</summary>
    public Task DrainAsync()
    {
        Close();
        return _ended.Task;
    }

    /// <summary>Cancels what waits and runs, ends the thread, and disposes the model if it is owned.</summary>
    public async ValueTask DisposeAsync()
    {
        _abort = true;
        Close();
        if (Thread.CurrentThread != _thread) { await _ended.Task.ConfigureAwait(false); }
    }

    /// <inheritdoc cref="DisposeAsync" />
    public void Dispose()
    {
        _abort = true;
        Close();
        // On the engine's own thread (a callback that disposes) there is nobody else to wait for.
        if (Thread.CurrentThread != _thread) { _thread.Join(); }
    }

    internal async Task<AsyncGeneration> SubmitAsync(GenerationRequest request, string operation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        AsyncGeneration generation = new(this, request, operation, cancellationToken);
        Post(() => Start(generation));
        generation.WatchCancellation();
        return generation;
    }

    // From any thread, more than once: the first to end a request ends it.
    internal void Cancel(AsyncGeneration generation, OperationCanceledException why)
    {
        lock (_gate)
        {
            if (!_exited) { _commands.Enqueue(() => End(generation, why)); }
        }

        _wake.Set();
    }

    private static ObjectDisposedException Closed() => new(nameof(AsyncEngine), "the engine is closed");

    // A place for one request or action; who has it posts a command, which gives it back.
    private async ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_closed) { throw Closed(); }
        if (_options.WhenFull == FullQueue.Wait) { await _places.WaitAsync(cancellationToken).ConfigureAwait(false); }
        else if (!await _places.WaitAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false)) { throw new EngineBusyException(_options.MaxPending); }
    }

    private void Post(Action command)
    {
        lock (_gate)
        {
            if (_closed)
            {
                // Who waits for a place behind this one gets it, and the same answer.
                _places.Release();
                throw Closed();
            }

            _commands.Enqueue(command);
        }

        _wake.Set();
    }

    private void Close()
    {
        lock (_gate) { _closed = true; }
        _wake.Set();
    }
}
