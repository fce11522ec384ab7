namespace HybridEngine.Inference;

/// <summary>Which full block holds which tokens after which prefix.</summary>
/// <remarks>
/// Every distinct prefix of whole blocks has a positive number, given once and never again (roots, the empty prefixes, are 0 and below); a block's content is (number of the prefix before it, its tokens). The hash only
/// finds candidates, the comparison decides. A prefix whose block was handed out again is unreachable, and so is all that follows it.
/// </remarks>
internal sealed class PrefixIndex
{
    private readonly int _blockSize;
    private readonly Dictionary<ulong, int> _blockOfHash = [];
    private int[] _tokens = [];     // [blocks, blockSize]
    private long[] _parent = [];    // number of the prefix before the block
    private long[] _number = [];    // of the prefix that ends with the block; 0: content unknown
    private ulong[] _hash = [];
    private long _last;

    public PrefixIndex(int blockSize) => _blockSize = blockSize;

    public void Grow(int blocks)
    {
        Array.Resize(ref _tokens, blocks * _blockSize);
        Array.Resize(ref _parent, blocks);
        Array.Resize(ref _number, blocks);
        Array.Resize(ref _hash, blocks);
    }

    public bool Holds(int block) => _number[block] != 0;

    public bool TryFind(long parent, ReadOnlySpan<int> tokens, out int block, out long number)
    {
        if (_blockOfHash.TryGetValue(Hash(parent, tokens), out block) && _parent[block] == parent && TokensOf(block).SequenceEqual(tokens))
        {
            number = _number[block];
            return true;
        }

        number = 0;
        return false;
    }

    /// <summary>Number of the prefix (parent, tokens): the one it has when another block holds it already, else a new one held by this block.</summary>
    public long Add(long parent, ReadOnlySpan<int> tokens, int block)
    {
        if (TryFind(parent, tokens, out _, out long known)) { return known; }
        Forget(block);
        ulong hash = Hash(parent, tokens);
        if (_blockOfHash.Remove(hash, out int other)) { _number[other] = 0; }
        tokens.CopyTo(TokensOf(block));
        (_parent[block], _hash[block], _number[block]) = (parent, hash, ++_last);
        _blockOfHash[hash] = block;
        return _last;
    }

    public void Forget(int block)
    {
        if (_number[block] == 0) { return; }
        _number[block] = 0;
        _blockOfHash.Remove(_hash[block]);
    }

    public void Clear()
    {
        _blockOfHash.Clear();
        Array.Clear(_number);
    }

    private Span<int> TokensOf(int block) => _tokens.AsSpan(block * _blockSize, _blockSize);

    // FNV-1a over 64-bit words; quality matters little, since contents are compared.
    private static ulong Hash(long parent, ReadOnlySpan<int> tokens)
    {
        ulong h = (14695981039346656037UL ^ (ulong)parent) * 1099511628211UL;
        foreach (int token in tokens) { h = (h ^ (uint)token) * 1099511628211UL; }
        return h ^ (h >> 29);
    }
}
