using System.Diagnostics;
using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>Continues prompts with continuous batching: every step runs one forward over one row of each running sequence and pieces of waiting prompts, and draws.</summary>
/// <remarks>
/// A completion depends on its request alone, bit for bit: not on what else runs, when it came, how its prompt was cut or whether it was interrupted. Not thread-safe;
/// <see cref="Step"/> may be called between submissions. The weights are the decoder's own: their version is looked at before every step, so that nothing computed with old ones is used.
/// </remarks>
public sealed partial class GenerationEngine : IDisposable
{
    private readonly Decoder _decoder;
    private readonly IKernels _kernels;
    private readonly EngineOptions _options;
    private readonly Tokenizer? _tokenizer;
    private readonly TensorPool _pool;
    private readonly DecoderForward _forward;
    private readonly BatchBuffers _buffers;
    private readonly TokenSampler _sampler;
    private readonly HashSet<int> _endTokens;
    private readonly Scheduler _scheduler;
    private readonly CacheMemory _cache;
    private readonly AdapterRows _adapters = new();
    private long _promised;     // positions that requests at hand may still need, their prompts included
    private long _drawVersion;  // of the weights that computed the step under way
    private bool _stepping;

    /// <param name="decoder">The weights; shared, not owned.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="tokenizer">For texts and stop texts; null for ids alone.</param>
    /// <param name="draft">A smaller model of the same vocabulary and backend that guesses tokens ahead (<see cref="EngineOptions.Speculation"/>); shared, not owned. Null without.</param>
    /// <exception cref="InvalidInputException">An option is out of range, or the draft model has another vocabulary.</exception>
    public GenerationEngine(Decoder decoder, EngineOptions? options = null, Tokenizer? tokenizer = null, Decoder? draft = null)
    {
        _options = options ?? new EngineOptions();
        _options.Validate();
        (_decoder, _kernels, _tokenizer) = (decoder, decoder.Kernels, tokenizer);
        MaxContext = _options.MaxContext == 0 ? decoder.Config.MaxPositions : Math.Min(_options.MaxContext, decoder.Config.MaxPositions);
        _pool = new TensorPool(_kernels);
        _forward = new DecoderForward(decoder, _pool);
        _buffers = new BatchBuffers(_kernels);
        _sampler = new TokenSampler(_kernels, decoder.Config.VocabularySize);
        _endTokens = [.. decoder.Config.EosTokenIds];
        _cachedVersion = decoder.WeightVersion;
        _cache = new CacheMemory(_kernels, draft is null ? [decoder] : [decoder, draft], _options, MaxContext);
        int window = Window(decoder.Config), draftWindow = draft is null ? window : Window(draft.Config);
        _scheduler = new Scheduler(_cache.Blocks, _options.MaxSequences, _options.MaxBatchTokens, _options.MaxPromptTokens, window == 0 || draftWindow == 0 ? 0 : Math.Max(window, draftWindow));
        if (draft is not null || _options.Speculation is not null) { Speculate(_options.Speculation ?? new SpeculationOptions(), draft); }
    }

    /// <summary>Longest prompt and completion together.</summary>
    public int MaxContext { get; }

    /// <summary>True when something waits or runs.</summary>
    public bool HasWork => _scheduler.Running.Count > 0 || _scheduler.WaitingCount > 0;

    /// <summary>What the engine has done so far.</summary>
    public EngineStatistics Statistics { get; } = new();

    /// <summary>Bytes of keys and values that are held now.</summary>
    public long CacheBytes => _cache.Bytes;

    /// <summary>Bytes of activations and other workspaces that are held now.</summary>
    public long WorkspaceBytes => _pool.BytesInUse + _pool.BytesIdle;

    /// <summary>Adds a request; it starts with the next <see cref="Step"/>.</summary>
    /// <exception cref="InvalidInputException">The prompt is empty or holds an unknown id, prompt and completion do not fit the context or the cache, or a sampling option is out of range,
    /// or the adapter was unloaded or belongs to another model.</exception>
    public Generation Submit(GenerationRequest request)
    {
        Validate(request);
        Generation generation = new(request, new SamplingPlan(request, _endTokens, _decoder.Config.VocabularySize, _tokenizer));
        foreach (Sequence s in generation.Sequences) { s.LongFrom = _decoder.Config.LongFrom; }
        if (request.Beams is { } beams)
        {
            generation.Beams = StartBeams(generation, beams);
            if (_tokenizer is { } decoding && request.DecodeText) { generation.Decode = ids => Decode(decoding, ids, request.SkipSpecialTokens); }
        }
        else if (_tokenizer is { } tokenizer && (request.DecodeText || request.Sampling.StopTexts.Count > 0))
        {
            foreach (Sequence s in generation.Sequences)
            {
                s.Text = new CompletionText(new StreamingDecoder(tokenizer, request.SkipSpecialTokens), request.Sampling.StopTexts);
            }
        }

        request.Adapter?.Acquire(_decoder);
        _promised += Positions(request) * (request.Beams?.Beams ?? request.Candidates);
        _scheduler.Add(generation.Sequences[0]);
        return generation;
    }

    /// <summary>What the engine holds at this moment.</summary>
    public EngineLoad Load => new(_scheduler.Running.Count, _scheduler.WaitingCount, _cache.Blocks.Blocks - _cache.Blocks.FreeBlocks, _cache.Blocks.Blocks, CacheBytes);

    /// <summary>One forward and its draws. False when there was nothing to do: no work, paused or asleep.</summary>
    public bool Step()
    {
        if (_stepping) { throw new InvalidOperationException("Step was called from a callback of a step."); }
        if (!HasWork || IsPaused || IsAsleep) { return false; }
        _stepping = true;
        try
        {
            RunStep();
            return true;
        }
        catch
        {
            // Whatever failed (memory, a callback): draws of the step may be missing, so everything that runs is computed and drawn again. No answer changes or is lost.
            _scheduler.PreemptAll();
            throw;
        }
        finally
        {
            _stepping = false;
        }
    }

    /// <summary>Steps until nothing waits or runs, or a callback pauses.</summary>
    public void Run()
    {
        while (Step()) { }
    }

    /// <summary>Ends a request now, running or waiting; its blocks are free at once, and what was generated stays readable.</summary>
    public void Cancel(Generation generation)
    {
        foreach (Sequence s in generation.Sequences)
        {
            if (s.Finish != FinishReason.None) { continue; }
            End(s, FinishReason.Cancelled);
            s.Text?.Finish();
        }
    }

    /// <summary>Cancels everything that waits or runs.</summary>
    public void CancelAll()
    {
        while (_scheduler.Running.Count > 0) { Cancel(_scheduler.Running[0].Owner); }
        while (_scheduler.WaitingCount > 0) { Cancel(_scheduler.Waiting.First().Owner); }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        ReleaseMemory();
        _buffers.Dispose();
        _sampler.Dispose();
        _drafter?.Dispose();
        _cache.Dispose();
        _pool.Dispose();
    }

    private void RunStep()
    {
        if (_cachedVersion != _decoder.WeightVersion) { ForgetOldWeights(); }
        _cache.Provide((_promised + _options.BlockSize - 1) / _options.BlockSize + _scheduler.SequenceCount);
        long start = Stopwatch.GetTimestamp();
        List<Chunk> chunks = _scheduler.Schedule();
        if (chunks.Count == 0)
        {
            ParkBeams();
            return;     // who was sent away in this step comes back with the next
        }

        if (_drafter is not null) { Guess(chunks); }
        (int read, int continued) = CountRows(chunks);
        ChunkAdapters.Group(chunks, _adapters);
        DecodeBatch batch = _buffers.Upload(chunks, _options.BlockSize);
        Tensor hidden = _forward.Run(batch, _cache[0], _adapters, WantedRows(chunks, (int)batch.Ids.Count));
        _drawVersion = WeightVersion;
        int drawn = 0;
        try
        {
            CollectDraws(chunks);
            if (_drawing.Count > 0) { drawn = Draw(hidden); }
        }
        finally
        {
            _pool.Return(hidden);
        }

        if (_drafter is not null) { LearnFromDrafts(chunks); }
        Statistics.AddStep(read, continued, drawn, Stopwatch.GetElapsedTime(start), _scheduler);
    }

    private void Validate(GenerationRequest request)
    {
        DecoderConfig config = _decoder.Config;
        request.Sampling.Validate(config.VocabularySize);
        if (request.Prompt.Length == 0) { throw new InvalidInputException("prompt", "no tokens", "at least one"); }
        if (request.Choices is < 1 or > GenerationRequest.MostChoices) { throw new InvalidInputException("n", $"{request.Choices}", $"1 to {GenerationRequest.MostChoices}"); }
        request.Beams?.Validate(request);
        bool candidates = request.BestOf == 0 || (request.BestOf >= request.Choices && request.BestOf <= GenerationRequest.MostChoices);
        if (!candidates) { throw new InvalidInputException("best_of", $"{request.BestOf}", $"n ({request.Choices}) to {GenerationRequest.MostChoices}, or 0"); }
        if (request.BestOf > request.Choices && request.OnToken is not null) { throw new InvalidInputException("best_of", "tokens as they come", "results at the end: which choice is given is not known before"); }
        config.RequireIds(request.Prompt, "prompt");
        if (request.Sampling.StopTexts.Count > 0 && _tokenizer is null) { throw new UnsupportedException("stop", "a stop text without a tokenizer", "stop_token_ids"); }
        long needed = (long)request.Prompt.Length + request.Sampling.MaxTokens;
        if (needed > MaxContext)
        {
            throw new InvalidInputException("prompt", $"{request.Prompt.Length} tokens and max_tokens {request.Sampling.MaxTokens}", $"at most {MaxContext} together, the context of the model or of this engine");
        }

        if (_scheduler.Cache.LeastBlocksFor(needed) * (request.Beams?.Beams ?? 1) > _cache.MostBlocks)
        {
            throw new InvalidInputException("prompt", $"{needed} tokens with the completion", $"at most {(long)_cache.MostBlocks * _options.BlockSize}, the positions of the cache ({(_options.CacheBlocks > 0 ? "cache_blocks" : "max_cache_bytes")})");
        }
    }

    // Positions that every layer looks back at most; 0 when one of them sees all.
    private static int Window(DecoderConfig config)
    {
        int window = 0;
        for (int l = 0; l < config.Layers; l++)
        {
            if (config.Window(l) == 0) { return 0; }
            window = Math.Max(window, config.Window(l));
        }

        return window;
    }

    // The sequence is over, whatever the reason: its blocks are free at once.
    private void End(Sequence s, FinishReason reason)
    {
        if (s.Owner.Beams is not null)
        {
            EndBeams(s.Owner, reason);
            return;
        }

        s.Siblings = null;
        s.Finish = reason;
        _scheduler.Remove(s);
        _promised -= Positions(s.Owner.Request);
        if (s.Owner.IsFinished) { s.Owner.Request.Adapter?.Release(); }
    }

    private static long Positions(GenerationRequest request) => (long)request.Prompt.Length + request.Sampling.MaxTokens;
}
