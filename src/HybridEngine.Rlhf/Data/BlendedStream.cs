using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>Several sources by weight, each shuffled anew in every pass. What comes at a position depends on the seed and the position alone.</summary>
/// <typeparam name="T">The items.</typeparam>
public sealed class BlendedStream<T> : IDataStream<T>
{
    private readonly IReadOnlyList<Source> _sources;
    private readonly ulong _seed;
    private readonly bool _shuffle;
    private SplitMix64 _choice;
    private long _position;

    /// <param name="sources">Items and weight of each source; weights are relative.</param>
    /// <param name="seed">Seeds the choice of sources and the shuffles.</param>
    /// <param name="shuffle">Shuffle every pass; else in order.</param>
    /// <exception cref="InvalidInputException">A source is empty or its weight is not positive.</exception>
    public BlendedStream(IReadOnlyList<(string Name, IReadOnlyList<T> Items, double Weight)> sources, ulong seed, bool shuffle)
    {
        ArgumentNullException.ThrowIfNull(sources);
        if (sources.Count == 0) { throw new InvalidInputException("data", "no sources", "at least one"); }
        foreach ((string name, IReadOnlyList<T> items, double weight) in sources)
        {
            if (items.Count == 0) { throw new InvalidInputException(name, "no usable examples", "at least one"); }
            if (!(weight > 0) || double.IsInfinity(weight)) { throw new InvalidInputException(name, $"weight {weight}", "a positive number"); }
        }

        _sources = [.. sources.Select(s => new Source(s.Items, s.Weight / sources.Sum(x => x.Weight)))];
        (_seed, _shuffle) = (seed, shuffle);
        Rewind();
    }

    /// <inheritdoc />
    public int ItemsPerEpoch => _sources.Sum(s => s.Items.Count);

    /// <inheritdoc />
    public long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            if (value < _position) { Rewind(); }
            while (_position < value) { Advance(); }
        }
    }

    /// <inheritdoc />
    public T Next()
    {
        Source source = Advance();
        return source.Take(_seed, _shuffle);
    }

    private Source Advance()
    {
        double u = _sources.Count == 1 ? 0 : _choice.Unit(), sum = 0;
        Source chosen = _sources[^1];
        foreach (Source source in _sources)
        {
            sum += source.Share;
            if (u < sum) { chosen = source; break; }
        }

        chosen.Drawn++;
        _position++;
        return chosen;
    }

    private void Rewind()
    {
        _position = 0;
        _choice = new SplitMix64(_seed ^ 0xB1E4D);
        foreach (Source source in _sources) { source.Drawn = 0; }
    }

    private sealed class Source(IReadOnlyList<T> items, double share)
    {
        private int[] _order = [];
        private long _epoch = -1;

        public IReadOnlyList<T> Items { get; } = items;

        public double Share { get; } = share;

        public long Drawn { get; set; }

        public T Take(ulong seed, bool shuffle)
        {
            (long epoch, long index) = Math.DivRem(Drawn - 1, Items.Count);
            if (!shuffle) { return Items[(int)index]; }
            if (epoch != _epoch)
            {
                _order = [.. Enumerable.Range(0, Items.Count)];
                SplitMix64 random = new(seed + 0x5EED * (ulong)(epoch + 1));
                random.Shuffle(_order.AsSpan());
                _epoch = epoch;
            }

            return Items[_order[index]];
        }
    }
}
