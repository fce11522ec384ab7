using System.Collections.Concurrent;

namespace HybridEngine.Inference;

/// <summary>The tokens of a vocabulary by their bytes: nodes in depth-first order, each with one byte, so that a walk is a scan that skips what cannot follow.</summary>
internal sealed class TokenTrie
{
    private readonly byte[] _labels;
    private readonly int[] _depths;
    private readonly int[] _ends;
    private readonly int[] _firstTokens;
    private readonly int[] _tokens;
    private readonly byte[] _kinds;
    private readonly int[] _heights;
    private readonly ConcurrentDictionary<byte, uint[]> _ofKinds = [];
    private readonly int _deepest;
    private readonly int _words;

    /// <param name="bytes">Bytes by token id; empty ones are never allowed.</param>
    public TokenTrie(byte[][] bytes)
    {
        int[] order = [.. Enumerable.Range(0, bytes.Length).Where(id => bytes[id].Length > 0)];
        Array.Sort(order, (a, b) => bytes[a].AsSpan().SequenceCompareTo(bytes[b]) is var difference && difference != 0 ? difference : a.CompareTo(b));
        var labels = new List<byte>();
        var depths = new List<int>();
        var firsts = new List<int>();
        byte[] previous = [];
        for (int i = 0; i < order.Length; i++)
        {
            byte[] token = bytes[order[i]];
            for (int depth = token.AsSpan().CommonPrefixLength(previous); depth < token.Length; depth++)
            {
                labels.Add(token[depth]);
                depths.Add(depth);
                // Tokens that end here or deeper begin at i; a node's own are those before its first child's.
                firsts.Add(i);
            }

            previous = token;
        }

        firsts.Add(order.Length);
        (_labels, _depths, _tokens, _words) = ([.. labels], [.. depths], order, (bytes.Length + 31) / 32);
        _deepest = _depths.Length == 0 ? 0 : _depths.Max() + 1;
        _ends = Ends(_depths);
        _firstTokens = OwnTokens(firsts, bytes);
        (_kinds, _heights) = Below();
    }

    /// <summary>Nodes.</summary>
    public int Count => _labels.Length;

    /// <summary>Sets the bit of every token that may follow a state.</summary>
    public uint[] Allowed(Recognizer recognizer, RecognizerState state)
    {
        if (state.Items.Length == 0) { return new uint[_words]; }
        recognizer.FindRun(state);
        bool covered = state.Run >= Math.Min(_deepest, Recognizer.EndlessRun);
        uint[] mask = covered ? [.. _ofKinds.GetOrAdd(state.RunKinds, OfKinds)] : new uint[_words];
        byte kinds = covered ? state.RunKinds : (byte)0;
        // How many bytes from the root are of those kinds on the way to where the walk stands.
        int pure = 0;
        var path = new RecognizerState[_deepest + 1];
        path[0] = state;
        for (int node = 0; node < _labels.Length;)
        {
            int depth = _depths[node];
            pure = Math.Min(pure, depth);
            if (pure == depth && (_kinds[node] & ~kinds) == 0)
            {
                // All of the tokens below are among those that were allowed at once.
                node = _ends[node];
                continue;
            }

            if (pure == depth && (ByteKinds.Of(_labels[node]) & kinds) != 0) { pure++; }
            RecognizerState from = path[depth];
            if (from.Run >= _heights[node] && (_kinds[node] & ~from.RunKinds) == 0)
            {
                Set(mask, _firstTokens[2 * node], EndOfTokens(node));
                node = _ends[node];
                continue;
            }

            RecognizerState next = recognizer.Step(from, _labels[node]);
            if (ReferenceEquals(next, RecognizerState.Dead))
            {
                node = _ends[node];
                continue;
            }

            path[depth + 1] = next;
            Set(mask, _firstTokens[2 * node], _firstTokens[2 * node + 1]);
            node = next.Items.Length == 0 ? _ends[node] : node + 1;
        }

        return mask;
    }

    /// <summary>The tokens of which every byte is of some kinds.</summary>
    private uint[] OfKinds(byte kinds)
    {
        var mask = new uint[_words];
        for (int node = 0; node < _labels.Length;)
        {
            if ((ByteKinds.Of(_labels[node]) & kinds) == 0)
            {
                node = _ends[node];
                continue;
            }

            Set(mask, _firstTokens[2 * node], _firstTokens[2 * node + 1]);
            node++;
        }

        return mask;
    }

    private void Set(uint[] mask, int from, int to)
    {
        for (int i = from; i < to; i++) { mask[_tokens[i] >> 5] |= 1u << (_tokens[i] & 31); }
    }

    /// <summary>The end of the tokens of a node and all below it: they stand together.</summary>
    private int EndOfTokens(int node) => _ends[node] < _labels.Length ? _firstTokens[2 * _ends[node]] : _tokens.Length;

    /// <summary>For each node, the kinds of bytes of it and of all below it, and how many bytes deep they go.</summary>
    private (byte[] Kinds, int[] Heights) Below()
    {
        var kinds = new byte[_labels.Length];
        var heights = new int[_labels.Length];
        var parents = new int[_deepest + 1];
        var parent = new int[_labels.Length];
        for (int node = 0; node < _labels.Length; node++)
        {
            parent[node] = _depths[node] == 0 ? -1 : parents[_depths[node] - 1];
            parents[_depths[node]] = node;
        }

        for (int node = _labels.Length - 1; node >= 0; node--)
        {
            kinds[node] |= ByteKinds.Of(_labels[node]);
            heights[node]++;
            if (parent[node] < 0) { continue; }
            kinds[parent[node]] |= kinds[node];
            heights[parent[node]] = Math.Max(heights[parent[node]], heights[node]);
        }

        return (kinds, heights);
    }

    private static int[] Ends(int[] depths)
    {
        var ends = new int[depths.Length];
        var open = new Stack<int>();
        for (int node = 0; node < depths.Length; node++)
        {
            while (open.Count > depths[node]) { ends[open.Pop()] = node; }
            open.Push(node);
        }

        while (open.TryPop(out int last)) { ends[last] = depths.Length; }
        return ends;
    }

    /// <summary>The stretch of tokens that end at each node: (first, end) pairs.</summary>
    private int[] OwnTokens(List<int> firsts, byte[][] bytes)
    {
        var own = new int[2 * _labels.Length];
        for (int node = 0; node < _labels.Length; node++)
        {
            int first = firsts[node], end = first;
            while (end < _tokens.Length && bytes[_tokens[end]].Length == _depths[node] + 1 && end < FirstBeyond(firsts, node)) { end++; }
            (own[2 * node], own[2 * node + 1]) = (first, end);
        }

        return own;
    }

    private int FirstBeyond(List<int> firsts, int node) => firsts[_ends[node]];
}
