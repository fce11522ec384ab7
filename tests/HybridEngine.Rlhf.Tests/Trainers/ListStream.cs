namespace HybridEngine.Rlhf.Tests;

/// <summary>A fixed list in order, from its start again after its end.</summary>
internal sealed class ListStream<T>(IReadOnlyList<T> items) : IDataStream<T>
{
    public long Position { get; set; }

    public int ItemsPerEpoch => items.Count;

    public T Next() => items[(int)(Position++ % items.Count)];
}
