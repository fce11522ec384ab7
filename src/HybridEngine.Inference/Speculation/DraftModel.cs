using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>A smaller model of the same vocabulary guesses. It reads the prompts along with the model, keeps its keys and values under the same block numbers, and draws with the same random numbers:
/// where the two distributions are close, so are the draws.</summary>
internal sealed class DraftModel : IDrafter
{
    private readonly Decoder _decoder;
    private readonly SpeculationOptions _options;
    private readonly CacheMemory _cache;
    private readonly int _cacheNumber, _blockSize;
    private readonly TensorPool _pool;
    private readonly DecoderForward _forward;
    private readonly BatchBuffers _buffers;
    private readonly TokenSampler _sampler;
    private readonly List<Chunk> _chunks = [];
    private readonly List<DrawRow> _draws = [];
    private readonly List<int> _rows = [];
    private readonly Dictionary<Sequence, int> _planned = [];

    /// <param name="decoder">The draft model; shared, not owned.</param>
    /// <param name="options">How much to guess.</param>
    /// <param name="cache">Keys and values.</param>
    /// <param name="cacheNumber">Of the draft model within <paramref name="cache"/>.</param>
    /// <param name="blockSize">Positions a block.</param>
    public DraftModel(Decoder decoder, SpeculationOptions options, CacheMemory cache, int cacheNumber, int blockSize)
    {
        (_decoder, _options, _cache, _cacheNumber, _blockSize) = (decoder, options, cache, cacheNumber, blockSize);
        _pool = new TensorPool(decoder.Kernels);
        _forward = new DecoderForward(decoder, _pool);
        _buffers = new BatchBuffers(decoder.Kernels);
        _sampler = new TokenSampler(decoder.Kernels, decoder.Config.VocabularySize);
    }

    public int Plan(Sequence sequence, int most) =>
        sequence.Length + most < _decoder.Config.MaxPositions ? Math.Min(most, sequence.Drafting.Length) : 0;

    public void Draft(IReadOnlyList<Chunk> chunks, Func<Sequence, int, bool> isEnd)
    {
        CollectFirst(chunks);
        for (int drafted = 0; _chunks.Count > 0; drafted++)
        {
            DecodeBatch batch = _buffers.Upload(_chunks, _blockSize);
            Tensor hidden = _forward.Run(batch, _cache[_cacheNumber]);
            CollectDraws(drafted);
            if (_draws.Count > 0) { Draw(hidden); }
            _pool.Return(hidden);
            CollectNext(drafted, isEnd);
        }
    }

    public void Dispose()
    {
        _buffers.Dispose();
        _sampler.Dispose();
        _pool.Dispose();
    }

    // Pieces of prompts are read whether or not anything is guessed; rows of sequences that nothing is guessed for are caught up with later.
    private void CollectFirst(IReadOnlyList<Chunk> chunks)
    {
        _chunks.Clear();
        _planned.Clear();
        foreach (Chunk c in chunks)
        {
            Sequence s = c.Sequence;
            DraftState state = s.Drafting;
            int end = c.Start + c.Count - c.Drafts;
            if (state.Computed < 0) { state.Computed = c.Start; }
            if ((c.Drafts == 0 && c.Start >= s.PromptLength) || end >= _decoder.Config.MaxPositions) { continue; }
            int start = Math.Max(state.Computed, s.UnseenBlocks * _blockSize);
            _chunks.Add(new Chunk(s, start, end - start));
            state.Computed = end;
            if (c.Drafts > 0) { _planned[s] = c.Drafts; }
        }
    }

    private void CollectDraws(int drafted)
    {
        _draws.Clear();
        _rows.Clear();
        int row = -1;
        foreach (Chunk c in _chunks)
        {
            row += c.Count;
            if (!_planned.ContainsKey(c.Sequence)) { continue; }
            _draws.Add(new DrawRow(c.Sequence, drafted, all: drafted));
            _rows.Add(row);
        }
    }

    private void Draw(Tensor hidden)
    {
        int count = _draws.Count;
        Tensor last = _pool.Rent(DType.Float32, count, hidden.Shape[1]), logits = _pool.Rent(DType.Float32, count, _decoder.Config.VocabularySize);
        _decoder.Kernels.GatherRows(hidden, _buffers.UploadRows(CollectionsMarshal.AsSpan(_rows)), last);
        _decoder.Logits(last, logits);
        _sampler.Draw(logits, CollectionsMarshal.AsSpan(_draws));
        _pool.Return(last);
        _pool.Return(logits);
    }

    // Who goes on guessing reads its own guess.
    private void CollectNext(int drafted, Func<Sequence, int, bool> isEnd)
    {
        _chunks.Clear();
        for (int i = 0; i < _draws.Count; i++)
        {
            Sequence s = _draws[i].Sequence;
            int id = _sampler.Ids[i];
            if (id < 0 || isEnd(s, id) || !s.Drafting.TryAdvance(s, id)) { continue; }
            s.AddDraft(id);
            if (s.Drafts == _planned[s]) { continue; }
            _chunks.Add(new Chunk(s, s.Length + drafted, 1, drafted + 1));
            s.Drafting.Computed++;
        }
    }
}
