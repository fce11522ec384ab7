namespace HybridEngine.Models;

/// <summary>Byte strings and their numbers; a step from a prefix to one byte more costs two array reads.</summary>
/// <remarks>Source: Aoe 1989. The child of state <c>s</c> by byte <c>b</c> is at <c>base[s] + b</c>, and is one only if <c>check</c> there says <c>s</c>.</remarks>
internal sealed class DoubleArrayTrie
{
    /// <summary>The empty prefix.</summary>
    public const int Root = 0;

    private const int Free = -1, NoParent = -2, NoValue = -1;

    private int[] _base = new int[1024];
    private int[] _check = new int[1024];
    private int[] _value = new int[1024];
    private int _cursor = 1;

    /// <param name="keys">UTF-8 and a number from 0; of equal keys the last counts.</param>
    public DoubleArrayTrie(IEnumerable<KeyValuePair<byte[], int>> keys)
    {
        Array.Fill(_check, Free);
        Array.Fill(_value, NoValue);
        _check[Root] = NoParent;
        // A stable sort keeps equal keys in their order, so that the last one is met last.
        KeyValuePair<byte[], int>[] sorted = [.. keys.OrderBy(key => key.Key, Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))];
        var open = new Queue<(int State, int Depth, int From, int To)>();
        open.Enqueue((Root, 0, 0, sorted.Length));
        var children = new List<(byte Byte, int From, int To)>(256);
        while (open.TryDequeue(out var node))
        {
            int from = node.From;
            while (from < node.To && sorted[from].Key.Length == node.Depth) _value[node.State] = sorted[from++].Value;
            if (from == node.To) continue;
            children.Clear();
            for (int at = from; at < node.To;)
            {
                byte first = sorted[at].Key[node.Depth];
                int end = at + 1;
                while (end < node.To && sorted[end].Key[node.Depth] == first) end++;
                children.Add((first, at, end));
                at = end;
            }
            int offset = Place(children);
            _base[node.State] = offset;
            foreach ((byte value, int first, int last) in children)
            {
                _check[offset + value] = node.State;
                open.Enqueue((offset + value, node.Depth + 1, first, last));
            }
        }
    }

    /// <summary>Goes from a prefix to the prefix one byte longer; false where no key begins so.</summary>
    public bool TryStep(ref int state, byte value)
    {
        int next = _base[state] + value;
        if ((uint)next >= (uint)_check.Length || _check[next] != state) return false;
        state = next;
        return true;
    }

    /// <summary>As <see cref="TryStep(ref int, byte)"/>, by the bytes of a character.</summary>
    public bool TryStep(ref int state, int code)
    {
        if (code < 0x80) return TryStep(ref state, (byte)code);
        if (code < 0x800) return TryStep(ref state, (byte)(0xC0 | (code >> 6))) && TryStep(ref state, (byte)(0x80 | (code & 0x3F)));
        if (code < 0x10000)
        {
            return TryStep(ref state, (byte)(0xE0 | (code >> 12))) && TryStep(ref state, (byte)(0x80 | ((code >> 6) & 0x3F)))
                && TryStep(ref state, (byte)(0x80 | (code & 0x3F)));
        }
        return TryStep(ref state, (byte)(0xF0 | (code >> 18))) && TryStep(ref state, (byte)(0x80 | ((code >> 12) & 0x3F)))
            && TryStep(ref state, (byte)(0x80 | ((code >> 6) & 0x3F))) && TryStep(ref state, (byte)(0x80 | (code & 0x3F)));
    }

    /// <summary>The number of the key that ends here, or -1.</summary>
    public int Value(int state) => _value[state];

    /// <summary>An offset at which all children find a free place.</summary>
    private int Place(List<(byte Byte, int From, int To)> children)
    {
        int first = children[0].Byte, taken = 0;
        while (_cursor < _check.Length && _check[_cursor] != Free) _cursor++;
        for (int at = Math.Max(_cursor, first + 1); ; at++)
        {
            if (at + 256 >= _check.Length) Grow();
            if (_check[at] != Free)
            {
                taken++;
                continue;
            }
            int offset = at - first;
            bool fits = true;
            foreach ((byte value, _, _) in children) fits &= _check[offset + value] == Free;
            if (!fits) continue;
            // Where nearly everything is taken, later searches need not look again.
            if (taken >= 0.95 * (at - _cursor + 1)) _cursor = at;
            return offset;
        }
    }

    private void Grow()
    {
        int before = _check.Length, after = before * 2;
        Array.Resize(ref _base, after);
        Array.Resize(ref _check, after);
        Array.Resize(ref _value, after);
        Array.Fill(_check, Free, before, after - before);
        Array.Fill(_value, NoValue, before, after - before);
    }
}
