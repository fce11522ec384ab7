using System.Diagnostics;

namespace HybridEngine.Inference;

/// <summary>Decides what each forward computes: one row for every sequence that is being continued, pieces of prompts as far as the token budget goes, then drafts.</summary>
/// <remarks>
/// Waiting sequences are admitted by <see cref="WaitingLine"/>'s order, with blocks for all tokens they have. When a running one finds no block for its next token, the last in
/// <see cref="ArrivalOrder"/> gives up its blocks, goes back to the line and is computed again later: results do not depend on how a sequence was cut into chunks, so nothing changes
/// but time. The first in that order always proceeds, so every sequence ends (submitting refuses what the whole cache cannot hold). A waiting sequence of smaller priority
/// number sends running ones of larger number away in the same manner.
/// </remarks>
internal sealed class Scheduler
{
    // While a long prompt is read, this many more may be read beside it, so that short ones do not wait for its end.
    private const int ReadersAtOnce = 4;
    // A piece of a prompt is not cut smaller than this, or rows would be dominated by what a forward costs anyway.
    private const int SmallestPiece = 16;

    private readonly FairShare _share = new();
    private readonly WaitingLine _line;
    private readonly List<Sequence> _running = [];  // in arrival order
    private readonly List<Sequence> _reading = [];
    private readonly List<Chunk> _chunks = [];
    private readonly SequenceBlocks _cache;
    private readonly int _maxSequences, _tokenBudget, _promptBudget;
    private long _arrivals;

    /// <param name="blocks">The cache's blocks.</param>
    /// <param name="maxSequences">Sequences that run at once, at most.</param>
    /// <param name="tokenBudget">Rows of one forward, at most; not less than <paramref name="maxSequences"/>.</param>
    /// <param name="promptBudget">Rows of prompts in a forward that also continues sequences, at most; 0 is no further limit.</param>
    /// <param name="window">Positions that every layer looks back at most; 0 when some layer sees all.</param>
    public Scheduler(BlockManager blocks, int maxSequences, int tokenBudget, int promptBudget = 0, int window = 0)
    {
        Debug.Assert(tokenBudget >= maxSequences);
        (_maxSequences, _tokenBudget, _promptBudget) = (maxSequences, tokenBudget, promptBudget == 0 ? tokenBudget : promptBudget);
        _line = new WaitingLine(_share);
        _cache = new SequenceBlocks(blocks, window, tokenBudget);
    }

    /// <summary>Sequences that hold blocks, in arrival order.</summary>
    public IReadOnlyList<Sequence> Running => _running;

    /// <summary>Sequences that wait for blocks or for a place.</summary>
    public int WaitingCount => _line.Count;

    /// <summary>The same, in no particular order.</summary>
    public IEnumerable<Sequence> Waiting => _line.All;

    /// <summary>Sequences that run or wait.</summary>
    public int SequenceCount => _running.Count + _line.Count;

    /// <summary>True when something that has been in the batch has not ended.</summary>
    public bool HasStarted => _running.Count > 0 || _line.HasStarted;

    /// <summary>Admit nothing that has not been in the batch before.</summary>
    public bool OnlyStarted { get; set; }

    /// <summary>Who guesses tokens, or null.</summary>
    public IDraftPlanner? Drafts { get; set; }

    /// <summary>Guess only while at most this many sequences run.</summary>
    public int MaxDrafting { get; set; }

    /// <summary>Times that a sequence gave up its blocks.</summary>
    public long Preemptions { get; private set; }

    /// <summary>Which blocks hold which sequence.</summary>
    public SequenceBlocks Cache => _cache;

    /// <summary>A sequence comes.</summary>
    public void Add(Sequence sequence)
    {
        Enter(sequence);
        _line.Add(sequence);
    }

    /// <summary>The rows of the next forward; empty when there is nothing to do. Valid until the next call.</summary>
    public List<Chunk> Schedule()
    {
        _chunks.Clear();
        int budget = _tokenBudget;
        long preemptions = Preemptions;
        for (int i = 0; i < _running.Count; i++)
        {
            Sequence s = _running[i];
            s.Grant = s.Remaining == 1 ? 1 : 0;
            if (!MakeRoom(s, i) || s.Grant == 0) { continue; }
            _chunks.Add(new Chunk(s, s.Computed, 1));
            budget--;
        }

        int promptBudget = _chunks.Count == 0 ? budget : Math.Min(budget, _promptBudget);
        // Who was just sent away waits for at least one step, or it would take back what was freed for the others.
        if (promptBudget > 0 && Preemptions == preemptions) { Admit(promptBudget); }
        budget -= ReadPrompts(promptBudget);
        if (Drafts is not null && _running.Count <= MaxDrafting) { AddDrafts(Drafts, budget); }
        foreach (Chunk c in _chunks)
        {
            bool continues = c.Start >= c.Sequence.PromptLength;
            _share.Serve(c.Sequence.Owner.Request.Client, continues ? 0 : c.Count, continues ? 1 : 0);
        }

        return _chunks;
    }

    /// <summary>Records that a chunk's keys and values are in the cache, drafts not counted.</summary>
    public void Complete(Chunk chunk) => _cache.Complete(chunk.Sequence, chunk.Start + chunk.Count - chunk.Drafts);

    /// <summary>Starts another choice of what <paramref name="leader"/> has just computed: full blocks are shared, the last partial one is to be copied.</summary>
    /// <param name="leader">Has computed all its tokens.</param>
    /// <param name="sibling">Has the same tokens and has computed nothing.</param>
    /// <param name="copySource">Block to copy, or -1 when the tokens fill their blocks.</param>
    /// <param name="copyDestination">Where to.</param>
    /// <returns>False when there is no place or block; the sibling then waits, on its own.</returns>
    public bool TryFork(Sequence leader, Sequence sibling, out int copySource, out int copyDestination)
    {
        (copySource, copyDestination) = (-1, -1);
        Enter(sibling);
        sibling.Arrival = leader.Arrival;
        sibling.Started = true;
        if (_running.Count >= _maxSequences || !_cache.TryFork(leader, sibling, out copySource, out copyDestination))
        {
            _line.Add(sibling);
            return false;
        }

        Run(sibling);
        return true;
    }

    /// <summary>Takes a sequence out, running or waiting, and frees its blocks.</summary>
    public void Remove(Sequence sequence)
    {
        if (_running.Remove(sequence)) { _cache.Release(sequence); }
        else { _line.Remove(sequence); }
        if (!sequence.Present) { return; }
        sequence.Present = false;
        _share.Leave(sequence.Owner.Request.Client);
    }

    /// <summary>Sends everything that runs back to the line, to be computed again.</summary>
    public void PreemptAll()
    {
        while (_running.Count > 0) { Preempt(_running.Count - 1); }
    }

    /// <summary>Sends one sequence back to the line, to be computed again, if it runs.</summary>
    public void Recompute(Sequence sequence)
    {
        if (_running.IndexOf(sequence) is >= 0 and int index) { Preempt(index); }
    }

    private void Enter(Sequence s)
    {
        if (s.Arrival == 0) { s.Arrival = ++_arrivals; }
        if (s.Present) { return; }
        s.Present = true;
        _share.Enter(s.Owner.Request.Client);
    }

    private void Run(Sequence s)
    {
        int at = _running.BinarySearch(s, ArrivalOrder.Instance);
        _running.Insert(~at, s);
    }

    // A block for the next position of the sequence at `index`; false when it had to give up itself.
    private bool MakeRoom(Sequence s, int index)
    {
        while (!_cache.TryCover(s, s.Computed + 1))
        {
            int last = _running.Count - 1;
            Preempt(last);
            if (last == index) { return false; }
        }

        return true;
    }

    private void Preempt(int index)
    {
        Sequence s = _running[index];
        _running.RemoveAt(index);
        _cache.Release(s);
        _line.Add(s);
        Preemptions++;
    }

    private void Admit(int promptBudget)
    {
        (int readers, int wanted) = (0, 0);
        foreach (Sequence s in _running)
        {
            if (s.Remaining > 1) { (readers, wanted) = (readers + 1, wanted + s.Remaining); }
        }

        while ((wanted < promptBudget || readers < ReadersAtOnce) && _line.Next(OnlyStarted) is { } next)
        {
            bool fits = TryAdmit(next), sentAway = false;
            while (!fits && SendLessUrgentAway(next))
            {
                sentAway = true;
                fits = TryAdmit(next);
            }

            if (!fits) { return; }
            _line.Remove(next);
            (next.Started, next.Grant) = (true, 0);
            Run(next);
            (readers, wanted) = (readers + 1, wanted + next.Remaining);
            if (sentAway) { return; }
        }
    }

    private bool TryAdmit(Sequence s) => _running.Count < _maxSequences && _cache.TryStart(s, spare: _running.Count);

    // The last in arrival order goes, when its priority number is larger and all such sequences together hold what is missing.
    private bool SendLessUrgentAway(Sequence urgent)
    {
        int priority = urgent.Owner.Request.Priority, gain = _cache.FreeBlocks, holders = 0;
        for (int i = _running.Count - 1; i >= 0 && _running[i].Owner.Request.Priority > priority; i--)
        {
            gain += _cache.OwnBlocks(_running[i]);
            holders++;
        }

        if (holders == 0 || gain < _cache.BlocksToStart(urgent) + _running.Count - holders) { return false; }
        Sequence last = _running[^1];
        _chunks.RemoveAll(c => c.Sequence == last);
        Preempt(_running.Count - 1);
        return true;
    }

    // Each prompt gets half of what those before it left, the last all of it, and what then is over goes round once more: the oldest advances fastest, and a short one behind it is soon done.
    private int ReadPrompts(int budget)
    {
        _reading.Clear();
        foreach (Sequence s in _running)
        {
            if (s.Grant == 0) { _reading.Add(s); }
        }

        int left = budget;
        for (int i = 0; i < _reading.Count; i++)
        {
            Sequence s = _reading[i];
            int share = i == _reading.Count - 1 ? left : Math.Max((left + 1) / 2, Math.Min(left, SmallestPiece));
            s.Grant = Math.Min(s.Remaining, share);
            left -= s.Grant;
        }

        foreach (Sequence s in _reading)
        {
            int more = Math.Min(s.Remaining - s.Grant, left);
            (s.Grant, left) = (s.Grant + more, left - more);
            int count = Math.Min(s.Grant, _cache.Cover(s, s.Computed + s.Grant) - s.Computed);
            if (count > 0) { _chunks.Add(new Chunk(s, s.Computed, count)); }
        }

        return budget - left;
    }

    // Guesses never send anybody away: they take rows and blocks that are free.
    private void AddDrafts(IDraftPlanner planner, int budget)
    {
        for (int i = 0; i < _chunks.Count && budget > 0; i++)
        {
            Chunk c = _chunks[i];
            Sequence s = c.Sequence;
            s.KeepDrafts(0);
            s.Drafting.Begin();
            if (c.Count != 1 || !c.Draws || s.Siblings is not null || s.Beam is not null) { continue; }
            int most = Math.Min(budget, s.Owner.Request.Sampling.MaxTokens - s.Generated - 1);
            // Behind that point the drafts would stand at other positions than the rest.
            if (s.LongFrom > 0 && s.PositionShift == 0) { most = Math.Min(most, s.LongFrom - s.Length); }
            if (most <= 0) { continue; }
            int drafts = planner.Plan(s, most);
            drafts = Math.Min(drafts, _cache.Cover(s, s.Length + drafts) - s.Length);
            if (drafts <= 0)
            {
                s.KeepDrafts(0);
                continue;
            }

            _chunks[i] = c with { Count = 1 + drafts, Drafts = drafts };
            budget -= drafts;
        }
    }
}
