using System.Diagnostics;

namespace HybridEngine.Inference;

/// <summary>Rows of one sequence in the next forward: tokens [Start, Start + Count).</summary>
/// <param name="Sequence">Which.</param>
/// <param name="Start">First token; all before it are in the cache.</param>
/// <param name="Count">Tokens.</param>
internal readonly record struct Chunk(Sequence Sequence, int Start, int Count)
{
    /// <summary>The chunk ends with the sequence's last token, whose hidden state draws the next one.</summary>
    public bool Draws => Start + Count == Sequence.Length;
}

/// <summary>Decides what each forward computes: one row for every running sequence, then pieces of prompts as far as the token budget goes.</summary>
/// <remarks>
/// Sequences are admitted in order of arrival, with blocks for all tokens they have. When a running one finds no block for its next token, the one admitted last gives up
/// its blocks, goes back to the head of the line and is computed again later: results do not depend on how a sequence was cut into chunks, so nothing changes but time.
/// The oldest always proceeds, so every sequence ends (submitting refuses what the whole cache cannot hold).
/// </remarks>
internal sealed class Scheduler
{
    private readonly LinkedList<Sequence> _waiting = [];
    private readonly List<Sequence> _running = [];
    private readonly List<Chunk> _chunks = [];
    private readonly int _maxSequences;
    private readonly int _tokenBudget;
    private BlockManager _blocks;

    /// <param name="blocks">The cache's blocks.</param>
    /// <param name="maxSequences">Sequences that run at once, at most.</param>
    /// <param name="tokenBudget">Rows of one forward, at most; not less than <paramref name="maxSequences"/>.</param>
    public Scheduler(BlockManager blocks, int maxSequences, int tokenBudget)
    {
        Debug.Assert(tokenBudget >= maxSequences);
        (_blocks, _maxSequences, _tokenBudget) = (blocks, maxSequences, tokenBudget);
    }

    /// <summary>Sequences that hold blocks, oldest first.</summary>
    public IReadOnlyList<Sequence> Running => _running;

    /// <summary>Sequences that wait for blocks or for a place.</summary>
    public IReadOnlyCollection<Sequence> Waiting => _waiting;

    /// <summary>Times that a sequence gave up its blocks.</summary>
    public long Preemptions { get; private set; }

    /// <summary>Prompt tokens that were found in the cache instead of computed.</summary>
    public long PrefixHits { get; private set; }

    /// <summary>The line's end.</summary>
    public void Add(Sequence sequence) => _waiting.AddLast(sequence);

    /// <summary>Another cache, while nothing runs.</summary>
    public void UseBlocks(BlockManager blocks)
    {
        Debug.Assert(_running.Count == 0);
        _blocks = blocks;
    }

    /// <summary>The rows of the next forward; empty when there is nothing to do. Valid until the next call.</summary>
    public List<Chunk> Schedule()
    {
        _chunks.Clear();
        int budget = _tokenBudget;
        long preemptions = Preemptions;
        for (int i = 0; i < _running.Count; i++)
        {
            Sequence s = _running[i];
            if (s.Remaining == 1 && MakeRoom(s, i))
            {
                _chunks.Add(new Chunk(s, s.Computed, 1));
                budget--;
            }
        }

        foreach (Sequence s in _running)
        {
            if (s.Remaining > 1) { AddChunk(s, ref budget); }
        }

        // Who was just sent away waits for at least one step, or it would take back what was freed for the others.
        while (Preemptions == preemptions && budget > 0 && _running.Count < _maxSequences && _waiting.First is { } first && TryAdmit(first.Value))
        {
            _waiting.RemoveFirst();
            _running.Add(first.Value);
            AddChunk(first.Value, ref budget);
        }

        return _chunks;
    }

    /// <summary>Records that a chunk's keys and values are in the cache.</summary>
    public void Complete(Chunk chunk)
    {
        Sequence s = chunk.Sequence;
        s.Computed = chunk.Start + chunk.Count;
        int size = _blocks.BlockSize;
        while ((s.RegisteredBlocks + 1) * size <= s.Computed)
        {
            int b = s.RegisteredBlocks++;
            s.Prefix = _blocks.Register(s.Prefix, s.Tokens.Slice(b * size, size), s.Blocks[b]);
        }
    }

    /// <summary>Starts another choice of a prompt that <paramref name="leader"/> has just computed: full blocks are shared, the last partial one is to be copied.</summary>
    /// <param name="leader">Has computed exactly its prompt.</param>
    /// <param name="sibling">Has computed nothing.</param>
    /// <param name="copySource">Block to copy, or -1 when the prompt fills its blocks.</param>
    /// <param name="copyDestination">Where to.</param>
    /// <returns>False when there is no place or block; the sibling then waits at the head of the line, on its own.</returns>
    public bool TryFork(Sequence leader, Sequence sibling, out int copySource, out int copyDestination)
    {
        Debug.Assert(leader.Computed == leader.PromptLength && leader.Length == leader.PromptLength && sibling.BlockCount == 0);
        (copySource, copyDestination) = (-1, -1);
        int full = leader.Computed / _blocks.BlockSize;
        bool partial = leader.Computed % _blocks.BlockSize != 0;
        if (_running.Count >= _maxSequences || (partial && _blocks.FreeBlocks == 0))
        {
            _waiting.AddFirst(sibling);
            return false;
        }

        foreach (int block in leader.Blocks[..full])
        {
            _blocks.Share(block);
            sibling.AddBlock(block);
        }

        if (partial)
        {
            (copySource, copyDestination) = (leader.Blocks[full], _blocks.Allocate());
            sibling.AddBlock(copyDestination);
        }

        (sibling.Computed, sibling.RegisteredBlocks, sibling.Prefix) = (leader.Computed, leader.RegisteredBlocks, leader.Prefix);
        _running.Add(sibling);
        return true;
    }

    /// <summary>Takes a sequence out, running or waiting, and frees its blocks.</summary>
    public void Remove(Sequence sequence)
    {
        if (_running.Remove(sequence)) { ReleaseBlocks(sequence); }
        else { _waiting.Remove(sequence); }
    }

    /// <summary>Sends everything that runs back to the head of the line, in order, to be computed again.</summary>
    public void PreemptAll()
    {
        while (_running.Count > 0) { Preempt(_running.Count - 1); }
    }

    private void AddChunk(Sequence s, ref int budget)
    {
        int count = Math.Min(s.Remaining, budget);
        if (count == 0) { return; }
        _chunks.Add(new Chunk(s, s.Computed, count));
        budget -= count;
    }

    // A block for the next token of the sequence at `index`; false when it had to give up itself.
    private bool MakeRoom(Sequence s, int index)
    {
        if (s.Computed < s.BlockCount * _blocks.BlockSize) { return true; }
        while (_blocks.FreeBlocks == 0)
        {
            int last = _running.Count - 1;
            Preempt(last);
            if (last == index) { return false; }
        }

        s.AddBlock(_blocks.Allocate());
        return true;
    }

    private void Preempt(int index)
    {
        Sequence s = _running[index];
        _running.RemoveAt(index);
        ReleaseBlocks(s);
        _waiting.AddFirst(s);
        Preemptions++;
    }

    private bool TryAdmit(Sequence s)
    {
        int size = _blocks.BlockSize;
        long prefix = 0;
        // The last token is always computed: its hidden state draws the next one.
        for (int b = 0; (b + 1) * size < s.Length && _blocks.TryAcquire(prefix, s.Tokens.Slice(b * size, size), out int block, out prefix); b++)
        {
            s.AddBlock(block);
            s.Prefix = prefix;
        }

        int cached = s.BlockCount;
        int missing = (s.Length + size - 1) / size - cached;
        // One block to spare for each that runs, so that what is admitted now is not sent away by the next step.
        if (missing + _running.Count > _blocks.FreeBlocks)
        {
            ReleaseBlocks(s);
            return false;
        }

        s.RegisteredBlocks = cached;
        s.Computed = cached * size;
        PrefixHits += s.Computed;
        for (int i = 0; i < missing; i++) { s.AddBlock(_blocks.Allocate()); }
        return true;
    }

    // Last block first: what is free longest goes first, and a prefix is worth more than what follows it.
    private void ReleaseBlocks(Sequence s)
    {
        for (int i = s.BlockCount - 1; i >= 0; i--) { _blocks.Release(s.Blocks[i]); }
        s.ForgetCache();
    }
}
