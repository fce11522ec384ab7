using System.Diagnostics;
using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>Continues prompts with continuous batching: every step runs one forward over one row of each running sequence and pieces of waiting prompts, and draws.</summary>
/// <remarks>
/// A completion depends on its request alone, bit for bit: not on what else runs, when it came, how its prompt was cut or whether it was interrupted. Not thread-safe;
/// <see cref="Step"/> may be called between submissions. The weights are the decoder's own: after changing them call <see cref="WeightsChanged"/>.
/// </remarks>
public sealed class GenerationEngine : IDisposable
{
    // Logits are drawn from in groups of rows, so that a large batch of a large vocabulary needs no more than this at once.
    private const long LogitBytes = 64L << 20;

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
    private readonly List<Sequence> _drawing = [];
    private readonly List<int> _drawRows = [];
    private readonly List<int> _copySources = [];
    private readonly List<int> _copyDestinations = [];
    private BlockManager _blocks;
    private KvCache? _cache;

    /// <param name="decoder">The weights; shared, not owned.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="tokenizer">For texts and stop texts; null for ids alone.</param>
    public GenerationEngine(Decoder decoder, EngineOptions? options = null, Tokenizer? tokenizer = null)
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
        _blocks = new BlockManager(0, _options.BlockSize, keepPrefixes: false);
        _scheduler = new Scheduler(_blocks, _options.MaxSequences, _options.MaxBatchTokens);
    }

    /// <summary>Longest prompt and completion together.</summary>
    public int MaxContext { get; }

    /// <summary>True when something waits or runs.</summary>
    public bool HasWork => _scheduler.Running.Count > 0 || _scheduler.Waiting.Count > 0;

    /// <summary>What the engine has done so far.</summary>
    public EngineStatistics Statistics { get; } = new();

    /// <summary>Bytes of keys and values that are held now.</summary>
    public long CacheBytes => _cache?.Bytes ?? 0;

    /// <summary>Adds a request; it starts with the next <see cref="Step"/>.</summary>
    /// <exception cref="InvalidInputException">The prompt is empty or holds an unknown id, prompt and completion do not fit the context or the cache, or a sampling option is out of range.</exception>
    public Generation Submit(GenerationRequest request)
    {
        Validate(request);
        Generation generation = new(request);
        if (_tokenizer is { } tokenizer && (request.DecodeText || request.Sampling.StopTexts.Count > 0))
        {
            foreach (Sequence s in generation.Sequences)
            {
                s.Text = new CompletionText(new StreamingDecoder(tokenizer, skipSpecialTokens: true), request.Sampling.StopTexts);
            }
        }

        _scheduler.Add(generation.Sequences[0]);
        return generation;
    }

    /// <summary>One forward and its draws. False when there was nothing to do.</summary>
    public bool Step()
    {
        if (!HasWork) { return false; }
        EnsureCache();
        long start = Stopwatch.GetTimestamp();
        List<Chunk> chunks = _scheduler.Schedule();
        (int read, int continued) = CountRows(chunks);
        DecodeBatch batch = _buffers.Upload(chunks, _options.BlockSize);
        Tensor hidden = _forward.Run(batch, _cache!);
        CollectDraws(chunks);
        if (_drawing.Count > 0) { Draw(hidden); }
        _pool.Return(hidden);
        Statistics.AddStep(read, continued, _drawing.Count, Stopwatch.GetElapsedTime(start), _scheduler);
        return true;
    }

    /// <summary>Steps until nothing waits or runs.</summary>
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
            _scheduler.Remove(s);
            s.Siblings = null;
            s.Finish = FinishReason.Cancelled;
            s.Text?.Finish();
        }
    }

    /// <summary>The decoder's weights have changed: kept prefixes are forgotten, and what runs is computed again with the new ones before it goes on.</summary>
    public void WeightsChanged()
    {
        _scheduler.PreemptAll();
        _blocks.ForgetPrefixes();
    }

    /// <summary>Gives keys, values and workspaces back to the device; what runs is computed again when stepping goes on.</summary>
    public void ReleaseMemory()
    {
        WeightsChanged();
        _cache?.Dispose();
        _cache = null;
        UseBlocks(0);
        _pool.Trim();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        ReleaseMemory();
        _buffers.Dispose();
        _sampler.Dispose();
        _pool.Dispose();
    }

    private void Validate(GenerationRequest request)
    {
        DecoderConfig config = _decoder.Config;
        request.Sampling.Validate(config.VocabularySize);
        if (request.Prompt.Length == 0) { throw new InvalidInputException("prompt", "no tokens", "at least one"); }
        if (request.Choices < 1) { throw new InvalidInputException("n", $"{request.Choices}", "at least 1"); }
        config.RequireIds(request.Prompt, "prompt");
        if (request.Sampling.StopTexts.Count > 0 && _tokenizer is null) { throw new UnsupportedException("stop", "a stop text without a tokenizer", "stop_token_ids"); }
        long needed = (long)request.Prompt.Length + request.Sampling.MaxTokens;
        if (needed > MaxContext)
        {
            throw new InvalidInputException("prompt", $"{request.Prompt.Length} tokens and max_tokens {request.Sampling.MaxTokens}", $"at most {MaxContext} together, the context of the model or of this engine");
        }

        if (_options.CacheBlocks > 0 && BlocksFor(needed) > _options.CacheBlocks)
        {
            throw new InvalidInputException("prompt", $"{needed} tokens with the completion", $"at most {_options.CacheBlocks * _options.BlockSize}, the positions of the cache");
        }
    }

    private long BlocksFor(long tokens) => (tokens + _options.BlockSize - 1) / _options.BlockSize;

    // Grows the cache to what waits, while nothing runs that would have to be computed again.
    private void EnsureCache()
    {
        if (_scheduler.Running.Count > 0) { return; }
        long blocks = _options.CacheBlocks;
        if (blocks == 0)
        {
            long wanted = 0;
            foreach (Sequence s in _scheduler.Waiting) { wanted += s.Owner.Request.Choices * BlocksFor(s.PromptLength + s.Owner.Request.Sampling.MaxTokens); }
            long context = BlocksFor(MaxContext);
            long most = Math.Max(context, _options.MaxCacheBytes / KvCache.BlockBytes(_decoder.Config, _options.BlockSize));
            most = Math.Min(most, context * _options.MaxSequences);
            blocks = Math.Clamp(wanted, Math.Min(context, most), most);
        }

        if (_cache is not null && _cache.Blocks >= blocks) { return; }
        _cache?.Dispose();
        _cache = new KvCache(_kernels, _decoder.Config, (int)blocks, _options.BlockSize);
        UseBlocks((int)blocks);
    }

    private void UseBlocks(int blocks)
    {
        _blocks = new BlockManager(blocks, _options.BlockSize, _options.PrefixCache);
        _scheduler.UseBlocks(_blocks);
    }

    // Which sequences draw, and from which row of the forward. The choices that waited for a prompt draw from the same row.
    private void CollectDraws(List<Chunk> chunks)
    {
        _drawing.Clear();
        _drawRows.Clear();
        _copySources.Clear();
        _copyDestinations.Clear();
        int row = -1;
        foreach (Chunk chunk in chunks)
        {
            row += chunk.Count;
            _scheduler.Complete(chunk);
            if (!chunk.Draws) { continue; }
            _drawing.Add(chunk.Sequence);
            _drawRows.Add(row);
            if (chunk.Sequence.Siblings is { } siblings) { Fork(chunk.Sequence, siblings, row); }
        }

        if (_copySources.Count > 0)
        {
            (Tensor sources, Tensor destinations) = _buffers.UploadCopies(_copySources, _copyDestinations);
            _cache!.CopyBlocks(sources, destinations);
        }
    }

    private void Fork(Sequence leader, List<Sequence> siblings, int row)
    {
        leader.Siblings = null;
        foreach (Sequence sibling in siblings)
        {
            if (!_scheduler.TryFork(leader, sibling, out int source, out int destination)) { continue; }
            _drawing.Add(sibling);
            _drawRows.Add(row);
            if (source < 0) { continue; }
            _copySources.Add(source);
            _copyDestinations.Add(destination);
        }
    }

    private static (int Read, int Continued) CountRows(List<Chunk> chunks)
    {
        (int read, int continued) = (0, 0);
        foreach (Chunk c in chunks)
        {
            if (c.Count == 1 && c.Start >= c.Sequence.PromptLength) { continued++; }
            else { read += c.Count; }
        }

        return (read, continued);
    }

    private void Draw(Tensor hidden)
    {
        int vocabulary = _decoder.Config.VocabularySize;
        int group = (int)Math.Clamp(LogitBytes / (vocabulary * (long)sizeof(float)), 1, _drawing.Count);
        ReadOnlySpan<int> rows = CollectionsMarshal.AsSpan(_drawRows);
        ReadOnlySpan<Sequence> sequences = CollectionsMarshal.AsSpan(_drawing);
        for (int start = 0; start < sequences.Length; start += group)
        {
            int count = Math.Min(group, sequences.Length - start);
            Tensor last = _pool.Rent(DType.Float32, count, hidden.Shape[1]);
            Tensor logits = _pool.Rent(DType.Float32, count, vocabulary);
            _kernels.GatherRows(hidden, _buffers.UploadRows(rows.Slice(start, count)), last);
            _decoder.Logits(last, logits);
            _sampler.Draw(logits, sequences.Slice(start, count));
            _pool.Return(last);
            _pool.Return(logits);
            for (int i = 0; i < count; i++) { Accept(sequences[start + i], i); }
        }
    }

    private void Accept(Sequence s, int row)
    {
        if (s.Finish != FinishReason.None) { return; }  // cancelled by a callback of this step
        GenerationRequest request = s.Owner.Request;
        SamplingOptions sampling = request.Sampling;
        int id = _sampler.Ids[row];
        if (id < 0)
        {
            EndWithoutToken(s);
            return;
        }

        float logProb = _sampler.LogProbs[row];
        s.Append(id);
        s.Log.Add(logProb, _sampler.SampledLogProbs[row]);
        if (sampling.TopLogProbs > 0) { s.Log.AddTop(_sampler.Top(row, sampling.TopLogProbs)); }
        bool ends = (!sampling.IgnoreEos && _endTokens.Contains(id)) || sampling.StopTokenIds.Contains(id);
        string text = ends ? "" : s.Text?.Add(id) ?? "";
        if (!ends) { s.Constraint?.Accept(id); }
        if (ends || s.Text is { Stopped: true } || s.Constraint is { MustEnd: true }) { s.Finish = FinishReason.Stop; }
        else if (s.Generated == sampling.MaxTokens) { s.Finish = FinishReason.Length; }
        if (s.Finish != FinishReason.None)
        {
            text += s.Text?.Finish();
            _scheduler.Remove(s);
        }

        request.OnToken?.Invoke(new GeneratedToken(s.Choice, id, logProb, text, s.Finish));
    }

    // Filters and constraint together leave no token: the completion ends with what it has.
    private void EndWithoutToken(Sequence s)
    {
        s.Finish = FinishReason.NoToken;
        string text = s.Text?.Finish() ?? "";
        _scheduler.Remove(s);
        s.Owner.Request.OnToken?.Invoke(new GeneratedToken(s.Choice, -1, float.NaN, text, s.Finish));
    }
}
