using System.Diagnostics;

namespace HybridEngine.Inference;

/// <summary>Hands out the blocks of the paged KV cache, counts who reads each, and remembers what full blocks hold so that equal prefixes are computed once.</summary>
/// <remarks>
/// A block whose last reader leaves is free, but keeps its content until it is handed out again: blocks of no known content go first, then the one that has been
/// free the longest. Which content a block holds is a chain: the prefix before it (by number) and its own tokens, compared in full, so a match is never a guess.
/// </remarks>
internal sealed class BlockManager
{
    private const int None = -1;

    private int[] _readers = [];
    private int[] _next = [];       // of the free list, in both directions: a cached block leaves from the middle
    private int[] _previous = [];
    private readonly PrefixIndex? _prefixes;
    private int _head = None;
    private int _tail = None;

    /// <param name="blocks">Blocks of the cache.</param>
    /// <param name="blockSize">Positions a block.</param>
    /// <param name="keepPrefixes">Remember what full blocks hold.</param>
    public BlockManager(int blocks, int blockSize, bool keepPrefixes)
    {
        BlockSize = blockSize;
        _prefixes = keepPrefixes ? new PrefixIndex(blockSize) : null;
        Grow(blocks);
    }

    /// <summary>All blocks.</summary>
    public int Blocks { get; private set; }

    /// <summary>Positions a block.</summary>
    public int BlockSize { get; }

    /// <summary>Blocks that nobody reads.</summary>
    public int FreeBlocks { get; private set; }

    /// <summary>Contents of full blocks are remembered.</summary>
    public bool KeepsPrefixes => _prefixes is not null;

    /// <summary>Readers of a block.</summary>
    public int Readers(int block) => _readers[block];

    /// <summary>Adds free blocks until there are this many.</summary>
    public void Grow(int blocks)
    {
        Array.Resize(ref _readers, blocks);
        Array.Resize(ref _next, blocks);
        Array.Resize(ref _previous, blocks);
        _prefixes?.Grow(blocks);
        // In front of those whose content is known, the first of them first.
        for (int b = blocks - 1; b >= Blocks; b--) { PrependFree(b); }
        Blocks = blocks;
    }

    /// <summary>A free block for one reader; its old content is forgotten.</summary>
    public int Allocate()
    {
        if (FreeBlocks == 0) { throw new InvalidOperationException($"All {Blocks} blocks are in use."); }
        int block = _head;
        RemoveFree(block);
        _prefixes?.Forget(block);
        _readers[block] = 1;
        return block;
    }

    /// <summary>One more reader of a block that somebody reads.</summary>
    public void Share(int block)
    {
        Debug.Assert(_readers[block] > 0);
        _readers[block]++;
    }

    /// <summary>One reader less; the last one frees the block.</summary>
    public void Release(int block)
    {
        if (_readers[block] <= 0) { throw new InvalidOperationException($"Block {block} is free already."); }
        if (--_readers[block] > 0) { return; }
        if (_prefixes is { } p && p.Holds(block)) { AppendFree(block); }
        else { PrependFree(block); }
    }

    /// <summary>Looks for a block that holds <paramref name="tokens"/> after the prefix <paramref name="parent"/>, and becomes its reader.</summary>
    /// <param name="parent">Number of the prefix before, 0 for none.</param>
    /// <param name="tokens">One full block.</param>
    /// <param name="block">The block.</param>
    /// <param name="prefix">Number of the prefix that ends with it.</param>
    public bool TryAcquire(long parent, ReadOnlySpan<int> tokens, out int block, out long prefix)
    {
        if (_prefixes is null || !_prefixes.TryFind(parent, tokens, out block, out prefix))
        {
            (block, prefix) = (None, 0);
            return false;
        }

        if (_readers[block]++ == 0) { RemoveFree(block); }
        return true;
    }

    /// <summary>Remembers that a block, computed in full, holds <paramref name="tokens"/> after the prefix <paramref name="parent"/>.</summary>
    /// <returns>Number of the prefix that ends with it.</returns>
    public long Register(long parent, ReadOnlySpan<int> tokens, int block) => _prefixes?.Add(parent, tokens, block) ?? 0;

    /// <summary>Forgets all contents: the weights that computed them have changed.</summary>
    public void ForgetPrefixes() => _prefixes?.Clear();

    private void AppendFree(int block)
    {
        (_previous[block], _next[block]) = (_tail, None);
        if (_tail == None) { _head = block; } else { _next[_tail] = block; }
        _tail = block;
        FreeBlocks++;
    }

    private void PrependFree(int block)
    {
        (_previous[block], _next[block]) = (None, _head);
        if (_head == None) { _tail = block; } else { _previous[_head] = block; }
        _head = block;
        FreeBlocks++;
    }

    private void RemoveFree(int block)
    {
        int before = _previous[block], after = _next[block];
        if (before == None) { _head = after; } else { _next[before] = after; }
        if (after == None) { _tail = before; } else { _previous[after] = before; }
        FreeBlocks--;
    }
}
