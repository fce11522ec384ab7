namespace HybridEngine.Inference;

/// <summary>Who goes before whom: priority, then arrival, then the number of the choice. A total order, so the first of any set always proceeds.</summary>
internal sealed class ArrivalOrder : IComparer<Sequence>
{
    public static ArrivalOrder Instance { get; } = new();

    public int Compare(Sequence? x, Sequence? y)
    {
        int order = x!.Owner.Request.Priority.CompareTo(y!.Owner.Request.Priority);
        if (order != 0) { return order; }
        order = x.Arrival.CompareTo(y.Arrival);
        return order != 0 ? order : x.Choice.CompareTo(y.Choice);
    }
}
