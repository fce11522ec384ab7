using System.Runtime.CompilerServices;

namespace HybridEngine.Core;

/// <summary>Up to four extents (or strides), outermost first. A value: copying it allocates nothing.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    /// <summary>The most dimensions a tensor can have.</summary>
    public const int MaxRank = 4;

    private readonly Extents _extents;

    /// <param name="extents">Outermost first; at most <see cref="MaxRank"/>.</param>
    public Shape(params ReadOnlySpan<long> extents)
    {
        if (extents.Length > MaxRank) { throw new ArgumentException($"{extents.Length} dimensions, at most {MaxRank} are supported.", nameof(extents)); }
        Rank = extents.Length;
        for (int i = 0; i < extents.Length; i++)
        {
            _extents[i] = extents[i];
        }
    }

    /// <summary>Number of dimensions.</summary>
    public int Rank { get; }

    /// <summary>Extent of dimension <paramref name="index"/>; negative counts from the innermost (-1).</summary>
    public long this[int index]
    {
        get
        {
            int i = index < 0 ? index + Rank : index;
            return (uint)i < (uint)Rank ? _extents[i] : throw new ArgumentOutOfRangeException(nameof(index), index, $"rank is {Rank}");
        }
    }

    /// <summary>Product of the extents; 1 for rank 0.</summary>
    public long Count
    {
        get
        {
            long n = 1;
            for (int i = 0; i < Rank; i++) { n = checked(n * _extents[i]); }
            return n;
        }
    }

    /// <summary>Strides in elements of a dense row-major tensor of this shape.</summary>
    public Shape RowMajorStrides()
    {
        Span<long> s = stackalloc long[Rank];
        long n = 1;
        for (int i = Rank - 1; i >= 0; i--)
        {
            s[i] = n;
            n *= _extents[i];
        }

        return new Shape(s);
    }

    /// <summary>The same shape with dimension <paramref name="index"/> replaced.</summary>
    public Shape With(int index, long extent)
    {
        Span<long> s = stackalloc long[Rank];
        for (int i = 0; i < Rank; i++) { s[i] = _extents[i]; }
        s[index < 0 ? index + Rank : index] = extent;
        return new Shape(s);
    }

    /// <inheritdoc />
    public bool Equals(Shape other)
    {
        if (Rank != other.Rank) { return false; }
        for (int i = 0; i < Rank; i++)
        {
            if (_extents[i] != other._extents[i]) { return false; }
        }

        return true;
    }

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        HashCode h = default;
        for (int i = 0; i < Rank; i++) { h.Add(_extents[i]); }
        return h.ToHashCode();
    }

    /// <summary><c>[2, 3]</c></summary>
    public override string ToString()
    {
        long[] e = new long[Rank];
        for (int i = 0; i < Rank; i++) { e[i] = _extents[i]; }
        return $"[{string.Join(", ", e)}]";
    }

    /// <summary>Same rank and extents.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Other rank or extents.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    [InlineArray(MaxRank)]
    private struct Extents
    {
        private long _first;
    }
}
