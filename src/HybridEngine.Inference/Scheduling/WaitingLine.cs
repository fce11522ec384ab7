namespace HybridEngine.Inference;

/// <summary>Sequences that wait for a place: by priority, then the client that has been served least, then order of arrival.</summary>
internal sealed class WaitingLine(FairShare share)
{
    private readonly Dictionary<string, SortedSet<Sequence>> _clients = [];
    private int _started;

    /// <summary>How many wait.</summary>
    public int Count { get; private set; }

    /// <summary>True when some have run before and were sent back.</summary>
    public bool HasStarted => _started > 0;

    /// <summary>All, in no particular order.</summary>
    public IEnumerable<Sequence> All => _clients.Values.SelectMany(c => c);

    public void Add(Sequence s)
    {
        string client = s.Owner.Request.Client;
        if (!_clients.TryGetValue(client, out SortedSet<Sequence>? line)) { _clients[client] = line = new SortedSet<Sequence>(ArrivalOrder.Instance); }
        if (!line.Add(s)) { return; }
        Count++;
        if (s.Started) { _started++; }
    }

    public bool Remove(Sequence s)
    {
        string client = s.Owner.Request.Client;
        if (!_clients.TryGetValue(client, out SortedSet<Sequence>? line) || !line.Remove(s)) { return false; }
        if (line.Count == 0) { _clients.Remove(client); }
        Count--;
        if (s.Started) { _started--; }
        return true;
    }

    /// <summary>Who is next; null when nobody is.</summary>
    /// <param name="onlyStarted">Among those that have run before.</param>
    public Sequence? Next(bool onlyStarted)
    {
        (Sequence? best, long served) = (null, 0);
        foreach ((string client, SortedSet<Sequence> line) in _clients)
        {
            Sequence? first = onlyStarted ? line.FirstOrDefault(s => s.Started) : line.Min;
            if (first is null) { continue; }
            long mine = share.Served(client);
            if (best is null || Before(first, mine, best, served)) { (best, served) = (first, mine); }
        }

        return best;
    }

    private static bool Before(Sequence a, long servedA, Sequence b, long servedB)
    {
        int order = a.Owner.Request.Priority.CompareTo(b.Owner.Request.Priority);
        if (order == 0) { order = servedA.CompareTo(servedB); }
        return order != 0 ? order < 0 : ArrivalOrder.Instance.Compare(a, b) < 0;
    }
}
