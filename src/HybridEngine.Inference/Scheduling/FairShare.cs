namespace HybridEngine.Inference;

/// <summary>How much each client has been served, in tokens: the virtual token counter of Sheng et al. 2024 ("Fairness in Serving Large Language Models").</summary>
/// <remarks>
/// A generated token counts twice a prompt token, for it costs about that much. A client that comes back after a pause starts at the least served of those that are there:
/// nobody saves up a right to the whole machine by being away.
/// </remarks>
internal sealed class FairShare
{
    private const int PromptWeight = 1, NewWeight = 2;
    // Accounts of clients that are away are dropped beyond this number: the names come from outside.
    private const int MaxAway = 4096;

    private readonly Dictionary<string, Account> _accounts = [];
    private int _present;

    /// <summary>A sequence of the client comes; <see cref="Leave"/> when it ends.</summary>
    public void Enter(string client)
    {
        if (!_accounts.TryGetValue(client, out Account? account)) { _accounts[client] = account = new Account(); }
        if (account.Sequences++ > 0) { return; }
        long least = long.MaxValue;
        foreach (Account other in _accounts.Values)
        {
            if (other.Sequences > 0 && other != account) { least = Math.Min(least, other.Served); }
        }

        if (least != long.MaxValue) { account.Served = Math.Max(account.Served, least); }
        _present++;
    }

    /// <summary>A sequence of the client has ended.</summary>
    public void Leave(string client)
    {
        if (--_accounts[client].Sequences > 0) { return; }
        _present--;
        if (_accounts.Count - _present <= MaxAway) { return; }
        foreach ((string name, Account account) in _accounts)
        {
            if (account.Sequences == 0) { _accounts.Remove(name); }
        }
    }

    /// <summary>Tokens that were computed for a client.</summary>
    public void Serve(string client, int promptTokens, int newTokens) => _accounts[client].Served += (long)promptTokens * PromptWeight + (long)newTokens * NewWeight;

    /// <summary>What the client has had.</summary>
    public long Served(string client) => _accounts.TryGetValue(client, out Account? account) ? account.Served : 0;

    private sealed class Account
    {
        public long Served { get; set; }

        public int Sequences { get; set; }
    }
}
