using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Inference;

// Beam searches in the batch: a beam is a sequence like any other, but what it goes on with is decided by all beams of its search together.
public sealed partial class GenerationEngine
{
    private readonly List<DrawRow> _beamDraws = [];
    private readonly List<int> _beamRows = [];

    private BeamSearch StartBeams(Generation generation, BeamOptions options)
    {
        SamplingOptions o = generation.Request.Sampling;
        int ends = (o.IgnoreEos ? 0 : _endTokens.Count) + o.StopTokenIds.Count;
        int keep = Math.Min(_decoder.Config.VocabularySize, Math.Max(2, 1 + ends)) * options.Beams;
        Sequence first = generation.Sequences[0];
        BeamSearch search = new(options, o.MaxTokens, keep, id => IsEnd(first, id));
        search.Running.Add(first.Beam = new Beam(first, 0, null));
        return search;
    }

    // The best ways on of every beam among the rows: processed log-probabilities, and the model's own.
    private void CollectBeams(Tensor logits, ReadOnlySpan<DrawRow> draws)
    {
        _beamDraws.Clear();
        _beamRows.Clear();
        bool adjusted = false, renormalized = false;
        int keep = 0;
        for (int r = 0; r < draws.Length; r++)
        {
            if (draws[r].Sequence.Owner.Beams is not { Finish: FinishReason.None } search) { continue; }
            _beamDraws.Add(draws[r]);
            _beamRows.Add(r);
            adjusted |= draws[r].Sequence.Owner.Plan.Adjusts || draws[r].Constraint is not null;
            renormalized |= search.Options.Renormalize;
            keep = Math.Max(keep, Math.Min(search.Keep, (int)logits.Shape[1]));
        }

        if (_beamRows.Count == 0) { return; }
        int rows = _beamRows.Count, vocabulary = (int)logits.Shape[1];
        ReadOnlySpan<DrawRow> beams = CollectionsMarshal.AsSpan(_beamDraws);
        float[] ones = new float[rows], processed = new float[rows * keep], raw = new float[rows * keep];
        int[] ids = new int[rows * keep];
        Array.Fill(ones, 1f);
        Tensor own = _pool.Rent(DType.Float32, rows, vocabulary), scores = _pool.Rent(DType.Float32, rows, vocabulary), one = _pool.Rent(DType.Float32, rows);
        Tensor id = _pool.Rent(DType.Int32, rows, keep), top = _pool.Rent(DType.Float32, rows, keep);
        _kernels.Upload<float>(ones, one);
        _kernels.GatherRows(logits, _buffers.UploadRows(CollectionsMarshal.AsSpan(_beamRows)), own);
        _kernels.LogSoftmax(own, one, scores);
        if (adjusted) { _sampler.Process(scores, beams); }
        if (renormalized) { Renormalize(scores, one, beams); }
        _kernels.TopValues(scores, id, top);
        _kernels.Download(id, ids.AsSpan());
        _kernels.Download(top, processed.AsSpan());
        if (adjusted || renormalized) { OwnLogProbs(own, one, ids, raw, keep); }
        else { processed.CopyTo(raw, 0); }
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[own, scores, one, id, top]) { _pool.Return(t); }
        for (int r = 0; r < rows; r++)
        {
            BeamCandidate[] candidates = new BeamCandidate[Math.Min(keep, _beamDraws[r].Sequence.Owner.Beams!.Keep)];
            for (int i = 0; i < candidates.Length; i++) { candidates[i] = new(ids[r * keep + i], raw[r * keep + i], processed[r * keep + i]); }
            _beamDraws[r].Sequence.Beam!.Candidates = candidates;
        }
    }

    private void Renormalize(Tensor scores, Tensor one, ReadOnlySpan<DrawRow> beams)
    {
        for (int r = 0; r < beams.Length; r++)
        {
            if (beams[r].Sequence.Owner.Beams!.Options.Renormalize) { _kernels.LogSoftmax(scores.Rows(r, 1), one.Rows(r, 1), scores.Rows(r, 1)); }
        }
    }

    private void OwnLogProbs(Tensor logits, Tensor one, int[] ids, float[] raw, int keep)
    {
        int rows = (int)logits.Shape[0];
        Tensor target = _pool.Rent(DType.Int32, rows), logProb = _pool.Rent(DType.Float32, rows);
        int[] column = new int[rows];
        float[] values = new float[rows];
        for (int i = 0; i < keep; i++)
        {
            for (int r = 0; r < rows; r++) { column[r] = ids[r * keep + i]; }
            _kernels.Upload<int>(column, target);
            _kernels.LogProbsFromLogits(logits, one, target, logProb);
            _kernels.Download(logProb, values.AsSpan());
            for (int r = 0; r < rows; r++) { raw[r * keep + i] = values[r]; }
        }

        _pool.Return(target);
        _pool.Return(logProb);
    }

    // One token more for a search whose beams all know their ways on. Gives the number of tokens that came of it.
    private int AdvanceBeams(Generation generation)
    {
        BeamSearch search = generation.Beams!;
        if (search.Finish != FinishReason.None || !search.IsReady) { return 0; }
        List<BeamStep> steps = search.Advance(_drawVersion);
        if (steps.Count == 0)
        {
            EndBeams(generation, search.Found.Count > 0 ? search.Found[0].Reason : FinishReason.NoToken);
            Announce(generation);
            return 1;
        }

        List<Beam> parents = [.. search.Running];
        foreach (Beam b in parents)
        {
            if (!b.IsParked && !steps.Exists(s => s.Parent == b)) { _scheduler.Remove(b.Sequence); }
        }

        search.Running.Clear();
        _copySources.Clear();
        _copyDestinations.Clear();
        HashSet<Beam> continued = [];
        List<(Sequence Sequence, BeamStep Step, bool Enters)> next = [];
        foreach (BeamStep step in steps)
        {
            Sequence s = continued.Add(step.Parent) ? step.Parent.Sequence : Part(step.Parent);
            next.Add((s, step, s == step.Parent.Sequence && step.Parent.IsParked));
        }

        foreach ((Sequence s, BeamStep step, bool enters) in next)
        {
            s.Append(step.Token.Id);
            s.Constraint = step.Constraint;
            search.Running.Add(s.Beam = new Beam(s, step.Score, step.Token));
            if (enters) { _scheduler.Add(s); }
            else if (s.HasTurnedLong) { _scheduler.Recompute(s); }
        }

        if (_copySources.Count > 0)
        {
            (Tensor sources, Tensor destinations) = _buffers.UploadCopies(_copySources, _copyDestinations);
            _cache.CopyBlocks(sources, destinations);
        }

        return steps.Count;
    }

    // Another sequence with a beam's tokens: full blocks are shared, the last one is copied; a beam that is not in the cache is computed again.
    private Sequence Part(Beam parent)
    {
        Sequence from = parent.Sequence, s = new(from.Owner, from.Owner.Beams!.NextNumber++) { LongFrom = from.LongFrom };
        foreach (int token in from.Tokens[from.PromptLength..]) { s.Append(token); }
        if (parent.IsParked || from.Computed != from.Length)
        {
            (s.Arrival, s.Started) = (from.Arrival, true);
            _scheduler.Add(s);
            return s;
        }

        if (_scheduler.TryFork(from, s, out int source, out int destination) && source >= 0)
        {
            _copySources.Add(source);
            _copyDestinations.Add(destination);
        }

        return s;
    }

    // Nothing can run: beams that wait for others of their search give up their blocks and places to them.
    private void ParkBeams()
    {
        foreach (Sequence s in _scheduler.Running.ToArray())
        {
            if (s.Beam is not { Candidates: not null, IsParked: false } beam) { continue; }
            _scheduler.Remove(s);
            beam.IsParked = true;
        }
    }

    private void EndBeams(Generation generation, FinishReason reason)
    {
        BeamSearch search = generation.Beams!;
        if (search.Finish != FinishReason.None) { return; }
        foreach (Beam b in search.Running)
        {
            if (!b.IsParked) { _scheduler.Remove(b.Sequence); }
            b.Sequence.Finish = reason;
        }

        search.Finish = reason;
        _promised -= Positions(generation.Request) * search.Options.Beams;
        generation.Request.Adapter?.Release();
    }

    private static string Decode(Models.Tokenizer tokenizer, int[] ids, bool skipSpecialTokens)
    {
        CompletionText text = new(new Models.StreamingDecoder(tokenizer, skipSpecialTokens), []);
        foreach (int id in ids) { text.Add(id); }
        text.Finish();
        return text.Passed;
    }

    // Which tokens a completion has is known at its end: they are told then, one after another.
    private static void Announce(Generation generation)
    {
        if (generation.Request.OnToken is not { } told) { return; }
        foreach (GenerationResult r in generation.Results())
        {
            for (int i = 0; i < r.TokenIds.Length; i++)
            {
                bool last = i == r.TokenIds.Length - 1;
                told(new GeneratedToken(r.Choice, r.TokenIds[i], r.LogProbs[i], last ? r.Text : "", last ? r.FinishReason : FinishReason.None, r.WeightVersions[i]));
            }
        }
    }
}
