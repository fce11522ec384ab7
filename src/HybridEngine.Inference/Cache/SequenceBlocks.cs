using System.Diagnostics;

namespace HybridEngine.Inference;

/// <summary>Which blocks of the cache hold which sequence: taken as it grows, found when another began alike, given back when no layer can see them any more.</summary>
internal sealed class SequenceBlocks
{
    private readonly int _window, _longestPiece;
    private BlockManager _blocks;

    /// <param name="blocks">The cache's blocks.</param>
    /// <param name="window">Positions that every layer looks back at most, its own included; 0 when some layer sees all.</param>
    /// <param name="longestPiece">Positions that one forward adds to a sequence, at most.</param>
    public SequenceBlocks(BlockManager blocks, int window, int longestPiece) => (_blocks, _window, _longestPiece) = (blocks, window, longestPiece);

    /// <summary>Blocks that nobody reads.</summary>
    public int FreeBlocks => _blocks.FreeBlocks;

    /// <summary>Prompt tokens that were looked up in the cache (by requests, not by what was sent away and came back).</summary>
    public long PrefixQueries { get; private set; }

    /// <summary>How many of them were there.</summary>
    public long PrefixHits { get; private set; }

    /// <summary>Another cache, while nothing runs.</summary>
    public void UseBlocks(BlockManager blocks) => _blocks = blocks;

    /// <summary>Blocks that a sequence of this many tokens holds at once, at most.</summary>
    public int BlocksFor(long tokens)
    {
        long all = DivideUp(tokens);
        return (int)(_window == 0 ? all : Math.Min(all, DivideUp(_window + (long)_longestPiece) + 1));
    }

    /// <summary>Blocks without which a sequence of this many tokens cannot go on, however little it does at a time.</summary>
    public long LeastBlocksFor(long tokens) => _window == 0 ? DivideUp(tokens) : Math.Min(DivideUp(tokens), DivideUp(_window) + 1);

    /// <summary>Blocks to find for a waiting sequence, when nothing of it is in the cache.</summary>
    public int BlocksToStart(Sequence s) => BlocksFor(s.Length);

    /// <summary>Blocks that become free when the sequence leaves.</summary>
    public int OwnBlocks(Sequence s)
    {
        int own = 0;
        foreach (int block in s.Blocks)
        {
            if (block >= 0 && _blocks.Readers(block) == 1) { own++; }
        }

        return own;
    }

    /// <summary>Takes what the cache holds of a sequence, and blocks for the rest of its tokens. False, with nothing taken, when there are not enough.</summary>
    /// <param name="s">Holds nothing.</param>
    /// <param name="spare">Blocks to leave, so that what is admitted now is not sent away by the next step.</param>
    public bool TryStart(Sequence s, int spare)
    {
        Debug.Assert(s.BlockCount == 0);
        int size = _blocks.BlockSize;
        long prefix = s.PrefixRoot;
        // The last token is always computed: its hidden state draws the next one.
        for (int b = 0; (b + 1) * size < s.Length && _blocks.TryAcquire(prefix, s.Tokens.Slice(b * size, size), out int block, out prefix); b++)
        {
            s.AddBlock(block);
            s.Prefix = prefix;
        }

        int cached = s.BlockCount, hits = cached * size;
        (s.RegisteredBlocks, s.Computed) = (cached, hits);
        ForgetUnseen(s);
        int held = cached - s.UnseenBlocks;
        int missing = Math.Max(0, Math.Min(DivideUp(s.Length) - cached, BlocksFor(s.Length) - held));
        if (missing + spare > _blocks.FreeBlocks)
        {
            Release(s);
            return false;
        }

        for (int i = 0; i < missing; i++) { s.AddBlock(_blocks.Allocate()); }
        if (!s.Started && _blocks.KeepsPrefixes)
        {
            PrefixQueries += s.Length;
            PrefixHits += hits;
        }

        return true;
    }

    /// <summary>Takes free blocks until positions [0, end) have theirs; false when there are too few.</summary>
    public bool TryCover(Sequence s, int end) => Cover(s, end) >= end;

    /// <summary>Takes free blocks for positions [0, end) as far as there are any.</summary>
    /// <returns>Positions that have a block now.</returns>
    public int Cover(Sequence s, int end)
    {
        int size = _blocks.BlockSize;
        while (s.BlockCount * size < end && _blocks.FreeBlocks > 0) { s.AddBlock(_blocks.Allocate()); }
        return s.BlockCount * size;
    }

    /// <summary>The first <paramref name="computed"/> tokens have keys and values now: full blocks are remembered, and those that no layer will look at again are given back.</summary>
    public void Complete(Sequence s, int computed)
    {
        s.Computed = computed;
        int size = _blocks.BlockSize;
        while ((s.RegisteredBlocks + 1) * size <= computed)
        {
            int b = s.RegisteredBlocks++;
            s.Prefix = _blocks.Register(s.RegisteredBlocks == 1 ? s.PrefixRoot : s.Prefix, s.Tokens.Slice(b * size, size), s.Blocks[b]);
        }

        ForgetUnseen(s);
    }

    /// <summary>Gives <paramref name="sibling"/> the blocks of <paramref name="leader"/>, which has the same tokens and has computed all of them; see <see cref="Scheduler.TryFork"/>.</summary>
    public bool TryFork(Sequence leader, Sequence sibling, out int copySource, out int copyDestination)
    {
        Debug.Assert(leader.Computed == leader.Length && leader.Length == sibling.Length && sibling.BlockCount == 0);
        (copySource, copyDestination) = (-1, -1);
        int full = leader.Computed / _blocks.BlockSize;
        bool partial = leader.Computed % _blocks.BlockSize != 0;
        if (partial && _blocks.FreeBlocks == 0) { return false; }
        foreach (int block in leader.Blocks[..full])
        {
            if (block >= 0) { _blocks.Share(block); }
            sibling.AddBlock(block);
        }

        if (partial)
        {
            (copySource, copyDestination) = (leader.Blocks[full], _blocks.Allocate());
            sibling.AddBlock(copyDestination);
        }

        (sibling.Computed, sibling.RegisteredBlocks, sibling.Prefix, sibling.UnseenBlocks) = (leader.Computed, leader.RegisteredBlocks, leader.Prefix, leader.UnseenBlocks);
        if (_blocks.KeepsPrefixes)
        {
            PrefixQueries += sibling.Length;
            PrefixHits += sibling.Length;
        }

        return true;
    }

    /// <summary>Gives all blocks of a sequence back.</summary>
    public void Release(Sequence s)
    {
        // Last block first: what is free longest goes first, and a prefix is worth more than what follows it.
        for (int i = s.BlockCount - 1; i >= s.UnseenBlocks; i--) { _blocks.Release(s.Blocks[i]); }
        s.ForgetCache();
    }

    // The next row stands at position Computed or later and sees Window positions, its own included.
    private void ForgetUnseen(Sequence s)
    {
        if (_window == 0) { return; }
        int unseen = Math.Max(0, s.Computed - _window + 1) / _blocks.BlockSize;
        while (s.UnseenBlocks < Math.Min(unseen, s.BlockCount)) { _blocks.Release(s.DropFirstBlock()); }
    }

    private int DivideUp(long tokens) => (int)((tokens + _blocks.BlockSize - 1) / _blocks.BlockSize);
}
