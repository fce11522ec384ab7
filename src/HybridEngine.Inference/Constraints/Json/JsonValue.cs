namespace HybridEngine.Inference;

/// <summary>What one value of a JSON text may be.</summary>
/// <param name="Scalars">Null, booleans, numbers and strings.</param>
/// <param name="Arrays">Ways to be an array.</param>
/// <param name="Objects">Ways to be an object.</param>
internal sealed record JsonValue(ScalarTexts Scalars, IReadOnlyList<ArrayPlan> Arrays, IReadOnlyList<ObjectPlan> Objects)
{
    /// <summary>Nothing.</summary>
    public static JsonValue None { get; } = new(ScalarTexts.Nothing, [], []);

    /// <summary>Whether there is such a value, given which parts there are.</summary>
    public bool IsInhabited(Func<int, bool> inhabited) => !Scalars.IsEmpty || Arrays.Any(array => array.IsInhabited(inhabited)) || Objects.Any(plan => plan.IsInhabited(inhabited));

    /// <summary>Without what cannot be.</summary>
    public JsonValue Trim(Func<int, bool> inhabited)
    {
        JsonValue kept = this with { Arrays = [.. Arrays.Where(array => array.IsInhabited(inhabited))], Objects = [.. Objects.Where(plan => plan.IsInhabited(inhabited))] };
        foreach (ArrayPlan array in kept.Arrays) { array.Trim(inhabited); }
        foreach (ObjectPlan plan in kept.Objects) { plan.Trim(inhabited); }
        return kept;
    }
}
