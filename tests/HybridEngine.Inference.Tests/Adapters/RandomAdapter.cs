using HybridEngine.Models;
using HybridEngine.Testing;

namespace HybridEngine.Inference.Tests;

/// <summary>Adapters of random shape for <see cref="TinyModel"/>.</summary>
internal static class RandomAdapter
{
    /// <summary>Changes of some linear maps (at least one), sometimes weight-decomposed, and when asked of the token table and the head.</summary>
    public static LoraWeights Create(Decoder decoder, TestRandom random, bool tableAndHead = false)
    {
        List<LoraDelta> changes = [];
        ParameterBinding[] maps = [.. decoder.Bindings.Where(b => !b.IsVector && b.Layer >= 0)];
        int sure = random.Integer(0, maps.Length);
        for (int i = 0; i < maps.Length; i++)
        {
            if (i == sure || random.Integer(0, 2) == 0) { changes.Add(Change(maps[i], random)); }
        }

        Dictionary<ParameterBinding, float[]> replaced = [];
        if (tableAndHead)
        {
            ParameterBinding table = decoder.Bindings.First(b => b.Role == ParameterRole.Embedding);
            ParameterBinding head = decoder.Bindings.FirstOrDefault(b => b is { Role: ParameterRole.Head, IsBias: false }) ?? new ParameterBinding(ParameterRole.Head, -1, false, "lm_head.weight", table.Rows, table.Columns, FusedRows: table.Rows);
            int rank = random.Integer(1, 9);
            changes.Add(new LoraDelta(table, "embed", rank, 0.7f, random.Normal(table.Rows * rank, 0.3), random.Normal(table.Columns * rank, 0.3)));
            if (random.Integer(0, 2) == 0) { changes.Add(Change(head, random)); }
            else { replaced[head] = random.Normal(head.Rows * head.Columns, 0.4); }
        }

        return new LoraWeights(changes, replaced);
    }

    private static LoraDelta Change(ParameterBinding target, TestRandom random)
    {
        int rank = random.Integer(1, 9);
        float[]? magnitude = random.Integer(0, 3) == 0 ? random.Uniform(target.Rows, 0.5, 2) : null;
        return new LoraDelta(target, $"{target.Layer}.{target.Role}.{target.Expert}", rank, (float)(0.25 * random.Integer(1, 9)), random.Normal(rank * target.Columns, 0.2), random.Normal(target.Rows * rank, 0.2), null, magnitude);
    }
}
