using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

// Guesses before the forward, and what became of them after it.
public sealed partial class GenerationEngine
{
    private IDrafter? _drafter;
    private Func<Sequence, int, bool>? _isEnd;
    private int _longestDraft;

    private void Speculate(SpeculationOptions options, Decoder? draft)
    {
        if (draft is not null && draft.Config.VocabularySize != _decoder.Config.VocabularySize)
        {
            throw new InvalidInputException("draft model", $"a vocabulary of {draft.Config.VocabularySize}", $"the model's own {_decoder.Config.VocabularySize}");
        }

        if (draft is not null && draft.Kernels != _kernels) { throw new InvalidInputException("draft model", "another backend", "the model's own"); }
        _drafter = draft is null ? new PromptLookup(options) : new DraftModel(draft, options, _cache, cacheNumber: 1, _options.BlockSize);
        (_isEnd, _longestDraft) = (IsEnd, options.MaxDraft);
        (_scheduler.Drafts, _scheduler.MaxDrafting) = (_drafter, options.MaxSequences);
    }

    // Rows of guesses that were not made after all are taken out again.
    private void Guess(List<Chunk> chunks)
    {
        _drafter!.Draft(chunks, _isEnd!);
        foreach (ref Chunk c in CollectionsMarshal.AsSpan(chunks))
        {
            int missing = c.Drafts - (c.Drafts > 0 ? c.Sequence.Drafts : 0);
            if (missing > 0) { c = c with { Count = c.Count - missing, Drafts = c.Drafts - missing }; }
        }
    }

    // The token just drawn was guessed: the key and value computed with the guess are its own.
    private void AcceptDraft(Sequence s)
    {
        s.Drafting.Accepted++;
        // A callback may have sent the sequence back to the line in the meantime; then nothing of it is in the cache.
        if (s.Computed == s.Length - 1) { _scheduler.Cache.Complete(s, s.Length); }
    }

    private void LearnFromDrafts(List<Chunk> chunks)
    {
        foreach (Chunk c in chunks)
        {
            if (c.Drafts == 0) { continue; }
            DraftState state = c.Sequence.Drafting;
            state.Learn(c.Drafts, _longestDraft);
            if (state.Computed >= 0) { state.Computed = Math.Min(state.Computed, c.Sequence.Length - 1); }
            Statistics.AddDrafts(c.Drafts, state.Accepted);
        }
    }

    private bool IsEnd(Sequence s, int id)
    {
        SamplingOptions sampling = s.Owner.Request.Sampling;
        return (!sampling.IgnoreEos && _endTokens.Contains(id)) || sampling.StopTokenIds.Contains(id);
    }
}
