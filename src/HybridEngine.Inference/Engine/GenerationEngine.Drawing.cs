using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Inference;

// From hidden states to tokens: which rows draw, the draws, and what each draw means for its sequence.
public sealed partial class GenerationEngine
{
    // Logits are drawn from in groups of rows, so that a large batch of a large vocabulary needs no more than this at once.
    private const long LogitBytes = 64L << 20;

    private readonly List<DrawRow> _drawing = [];
    private readonly List<int> _drawRows = [];
    private readonly List<int> _wanted = [];
    private readonly List<int> _copySources = [];
    private readonly List<int> _copyDestinations = [];

    // The rows of a forward that are drawn from: of a prompt the last one, so that its last block goes on with that alone. Empty when all are.
    private Tensor WantedRows(List<Chunk> chunks, int rows)
    {
        _wanted.Clear();
        int end = 0;
        foreach (Chunk chunk in chunks)
        {
            end += chunk.Count;
            if (!chunk.Draws) { continue; }
            for (int row = end - 1 - chunk.Drafts; row < end; row++) { _wanted.Add(row); }
        }

        if (_wanted.Count == 0) { _wanted.Add(0); }   // pieces of prompts alone: keys and values are all that is wanted, and a forward gives one row at least
        return _wanted.Count == rows ? default : _buffers.UploadWanted(CollectionsMarshal.AsSpan(_wanted));
    }

    // Which sequences draw, and from which of the wanted rows. The choices that waited for a prompt draw from the same row.
    private void CollectDraws(List<Chunk> chunks)
    {
        _drawing.Clear();
        _drawRows.Clear();
        _copySources.Clear();
        _copyDestinations.Clear();
        int row = -1;
        foreach (Chunk chunk in chunks)
        {
            _scheduler.Complete(chunk);
            if (!chunk.Draws) { continue; }
            row += chunk.Drafts + 1;
            for (int d = 0; d <= chunk.Drafts; d++)
            {
                _drawing.Add(chunk.Drafts == 0 ? new DrawRow(chunk.Sequence) : new DrawRow(chunk.Sequence, d, chunk.Drafts));
                _drawRows.Add(row - chunk.Drafts + d);
            }

            if (chunk.Sequence.Siblings is { } siblings) { Fork(chunk.Sequence, siblings, row); }
        }

        if (_copySources.Count > 0)
        {
            (Tensor sources, Tensor destinations) = _buffers.UploadCopies(_copySources, _copyDestinations);
            _cache.CopyBlocks(sources, destinations);
        }
    }

    private void Fork(Sequence leader, List<Sequence> siblings, int row)
    {
        leader.Siblings = null;
        foreach (Sequence sibling in siblings)
        {
            if (!_scheduler.TryFork(leader, sibling, out int source, out int destination)) { continue; }
            _drawing.Add(new DrawRow(sibling));
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
            if (c.Count - c.Drafts == 1 && c.Start >= c.Sequence.PromptLength) { continued += c.Count; }
            else { read += c.Count; }
        }

        return (read, continued);
    }

    // Draws, and gives the number of tokens that came of it.
    private int Draw(Tensor hidden)
    {
        int drawn = 0;
        int vocabulary = _decoder.Config.VocabularySize;
        int group = (int)Math.Clamp(LogitBytes / (vocabulary * (long)sizeof(float)), 1, _drawing.Count);
        ReadOnlySpan<int> rows = CollectionsMarshal.AsSpan(_drawRows);
        ReadOnlySpan<DrawRow> draws = CollectionsMarshal.AsSpan(_drawing);
        for (int start = 0; start < draws.Length; start += group)
        {
            int count = Math.Min(group, draws.Length - start);
            Tensor last = _pool.Rent(DType.Float32, count, hidden.Shape[1]);
            Tensor logits = _pool.Rent(DType.Float32, count, vocabulary);
            _kernels.GatherRows(hidden, _buffers.UploadRows(rows.Slice(start, count)), last);
            ChunkAdapters.OfDraws(draws.Slice(start, count), _adapters);
            _decoder.Logits(last, logits, _adapters);
            _sampler.Draw(logits, draws.Slice(start, count));
            CollectBeams(logits, draws.Slice(start, count));
            _pool.Return(last);
            _pool.Return(logits);
            for (int i = 0; i < count; i++) { drawn += Accept(draws[start + i], i) ? 1 : 0; }
        }

        foreach (DrawRow draw in draws)
        {
            if (draw.Sequence.Owner.Beams is not null) { drawn += AdvanceBeams(draw.Sequence.Owner); }
        }

        return drawn;
    }

    private bool Accept(DrawRow draw, int row)
    {
        Sequence s = draw.Sequence;
        if (s.Owner.Beams is not null) { return false; }   // its beams decide together
        if (s.Finish != FinishReason.None) { return false; }  // ended with an earlier guess, or cancelled by a callback of this step
        if (draw.Drafts > 0 && s.Drafting.Accepted < draw.Drafts) { return false; }   // stands behind a guess that was wrong
        GenerationRequest request = s.Owner.Request;
        SamplingOptions sampling = request.Sampling;
        int id = _sampler.Ids[row];
        if (id < 0)
        {
            EndWithoutToken(s);
            return false;
        }

        float logProb = _sampler.LogProbs[row];
        s.Append(id);
        if (draw.Guess == id) { AcceptDraft(s); }
        s.Log.Add(logProb, _sampler.SampledLogProbs[row], _drawVersion);
        if (sampling.TopLogProbs > 0) { s.Log.AddTop(_sampler.Top(row, sampling.TopLogProbs)); }
        bool ends = IsEnd(s, id);
        string text = ends ? "" : s.Text?.Add(id, mayStop: s.Generated >= sampling.MinTokens) ?? "";
        if (!ends) { s.Constraint?.Accept(id); }
        FinishReason finish = ends || s.Text is { Stopped: true } || s.Constraint is { MustEnd: true } ? FinishReason.Stop : s.Generated == sampling.MaxTokens ? FinishReason.Length : FinishReason.None;
        if (finish != FinishReason.None)
        {
            text += s.Text?.Finish();
            End(s, finish);
        }
        else if (s.HasTurnedLong) { _scheduler.Recompute(s); }

        request.OnToken?.Invoke(new GeneratedToken(s.Choice, id, logProb, text, s.Finish, _drawVersion));
        return true;
    }

    // Filters and constraint together leave no token: the completion ends with what it has.
    private void EndWithoutToken(Sequence s)
    {
        string text = s.Text?.Finish() ?? "";
        End(s, FinishReason.NoToken);
        s.Owner.Request.OnToken?.Invoke(new GeneratedToken(s.Choice, -1, float.NaN, text, s.Finish, _drawVersion));
    }
}
