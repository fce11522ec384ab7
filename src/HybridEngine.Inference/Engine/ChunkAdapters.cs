using System.Runtime.InteropServices;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>Which adapter the rows of a step belong to, grouped so that each adapter's rows are one run and one product. Rows without an adapter come first.</summary>
internal static class ChunkAdapters
{
    /// <summary>Brings chunks of one adapter together and lists their rows. No result depends on the order.</summary>
    public static void Group(List<Chunk> chunks, AdapterRows rows)
    {
        rows.Clear();
        if (!chunks.Exists(static c => Of(c.Sequence) is not null)) { return; }
        CollectionsMarshal.AsSpan(chunks).Sort(static (a, b) => Number(a.Sequence).CompareTo(Number(b.Sequence)));
        foreach (Chunk chunk in chunks) { rows.Add(Of(chunk.Sequence), chunk.Count); }
    }

    /// <summary>Lists the rows that are drawn from.</summary>
    public static void OfDraws(ReadOnlySpan<DrawRow> draws, AdapterRows rows)
    {
        rows.Clear();
        foreach (DrawRow draw in draws) { rows.Add(Of(draw.Sequence), 1); }
    }

    private static LoraAdapter? Of(Sequence sequence) => sequence.Owner.Request.Adapter;

    private static long Number(Sequence sequence) => Of(sequence)?.Number ?? 0;
}
