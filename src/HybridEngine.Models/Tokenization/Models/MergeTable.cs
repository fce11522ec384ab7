using System.Buffers;

namespace HybridEngine.Models;

/// <summary>The merges of a vocabulary, and the loop that applies them to a row of symbols: n log n whatever the text. Compiled into <c>src/Compat</c> too, whose words it merges.</summary>
internal sealed class MergeTable
{
    // Up to this many symbols a plain scan for the best pair beats the heap; words of natural text are shorter.
    private const int ScanLimit = 24;

    private readonly Dictionary<long, Merge> _merges = [];

    public MergeTable(IReadOnlyDictionary<string, int> vocabulary, IEnumerable<string> merges)
    {
        int rank = 0;
        foreach (string merge in merges)
        {
            int space = merge.IndexOf(' ');
            if (space <= 0 || space == merge.Length - 1 || merge.IndexOf(' ', space + 1) >= 0)
                throw new InvalidOperationException($"Merge {rank} is '{merge}', not two tokens with one space between them.");
            string left = merge[..space], right = merge[(space + 1)..];
            // A pair that occurs twice keeps its last rank, as the loaders of the original format do.
            _merges[Key(Id(left, rank), Id(right, rank))] = new Merge(rank, Id(left + right, rank));
            rank++;
        }

        int Id(string token, int index) => vocabulary.TryGetValue(token, out int id) ? id
            : throw new InvalidOperationException($"Merge {index} needs the token '{token}', which is not in the vocabulary.");
    }

    /// <summary>Merges in place; returns how many symbols are left, at the front.</summary>
    public int Apply(Span<int> symbols) => symbols.Length <= ScanLimit ? ApplyByScan(symbols) : ApplyByHeap(symbols);

    private int ApplyByScan(Span<int> symbols)
    {
        int count = symbols.Length;
        while (count > 1)
        {
            int best = -1;
            var merge = new Merge(int.MaxValue, 0);
            for (int i = 0; i + 1 < count; i++)
            {
                if (_merges.TryGetValue(Key(symbols[i], symbols[i + 1]), out Merge candidate) && candidate.Rank < merge.Rank) (best, merge) = (i, candidate);
            }
            if (best < 0) break;
            symbols[best] = merge.Result;
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            count--;
        }
        return count;
    }

    /// <summary>The same result in n log n: candidates wait in a heap by (rank, position), symbols are a linked list, stale candidates are recognised when they come up.</summary>
    private int ApplyByHeap(Span<int> symbols)
    {
        int n = symbols.Length;
        int[] next = ArrayPool<int>.Shared.Rent(n), previous = ArrayPool<int>.Shared.Rent(n);
        var heap = new PriorityQueue<(int Left, int Right, int LeftId, int RightId, int Result), long>();
        for (int i = 0; i < n; i++) (next[i], previous[i]) = (i + 1, i - 1);
        for (int i = 0; i + 1 < n; i++) Offer(i, i + 1, symbols);

        while (heap.TryDequeue(out var pair, out _))
        {
            // -1 marks a symbol that an earlier merge took; another id on either side means that the pair is gone.
            if (symbols[pair.Left] != pair.LeftId || symbols[pair.Right] != pair.RightId || next[pair.Left] != pair.Right) continue;
            symbols[pair.Left] = pair.Result;
            symbols[pair.Right] = -1;
            int after = next[pair.Left] = next[pair.Right];
            if (after < n)
            {
                previous[after] = pair.Left;
                Offer(pair.Left, after, symbols);
            }
            if (previous[pair.Left] >= 0) Offer(previous[pair.Left], pair.Left, symbols);
        }

        int count = 0;
        for (int i = 0; i < n; i = next[i]) symbols[count++] = symbols[i];
        ArrayPool<int>.Shared.Return(next);
        ArrayPool<int>.Shared.Return(previous);
        return count;

        void Offer(int left, int right, Span<int> ids)
        {
            if (_merges.TryGetValue(Key(ids[left], ids[right]), out Merge merge))
                heap.Enqueue((left, right, ids[left], ids[right], merge.Result), ((long)merge.Rank << 32) | (uint)left);
        }
    }

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    private readonly record struct Merge(int Rank, int Result);
}
