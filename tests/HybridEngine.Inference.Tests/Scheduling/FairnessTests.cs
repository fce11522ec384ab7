using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Who goes first, and who is not made to wait.</summary>
public sealed class FairnessTests
{
    [Fact]
    public void Schedule_SmallerPriorityNumberComesLater_IsAdmittedFirst()
    {
        Scheduler scheduler = new(new BlockManager(20, 16, keepPrefixes: false), maxSequences: 1, tokenBudget: 64);
        Sequence running = Make(10), late = Make(10), urgent = Make(10, priority: -1);
        scheduler.Add(running);
        Step(scheduler);
        scheduler.Add(late);
        scheduler.Add(urgent);
        scheduler.Remove(running);
        Step(scheduler);
        Assert.Equal([urgent], scheduler.Running);
    }

    [Theory]
    [InlineData(1, 20)]     // no place
    [InlineData(4, 3)]      // no blocks
    public void Schedule_UrgentOneFindsNoRoom_TheLeastUrgentGivesUpItsOwn(int places, int blocks)
    {
        Scheduler scheduler = new(new BlockManager(blocks, 16, keepPrefixes: false), places, tokenBudget: 64);
        Sequence patient = Make(40, priority: 3), urgent = Make(30, priority: 1);
        scheduler.Add(patient);
        Step(scheduler);
        Step(scheduler);
        scheduler.Add(urgent);
        List<Chunk> chunks = Step(scheduler);
        Assert.Equal([urgent], chunks.Select(c => c.Sequence));
        Assert.Equal(1, scheduler.Preemptions);
        scheduler.Remove(urgent);
        Step(scheduler);
        Assert.Equal([patient], scheduler.Running);
    }

    [Fact]
    public void Schedule_UrgentOneThatEvenAllOthersCannotMakeRoomFor_SendsNobodyAway()
    {
        BlockManager blocks = new(10, 16, keepPrefixes: false);
        Scheduler scheduler = new(blocks, 8, tokenBudget: 200);
        Sequence same = Make(100, priority: 0), patient = Make(20, priority: 5), urgent = Make(90, priority: 0);
        scheduler.Add(same);
        scheduler.Add(patient);
        Step(scheduler);
        scheduler.Add(urgent);
        Step(scheduler);
        Assert.Equal([same, patient], scheduler.Running);
        Assert.Equal(0, scheduler.Preemptions);
    }

    [Fact]
    public void Schedule_OneClientFloods_TheOtherGetsHalf()
    {
        Scheduler scheduler = new(new BlockManager(100, 16, keepPrefixes: false), maxSequences: 2, tokenBudget: 64);
        List<Sequence> flood = [], modest = [];
        for (int i = 0; i < 40; i++) { flood.Add(Make(8, client: "flood", fresh: 8)); }
        foreach (Sequence s in flood) { scheduler.Add(s); }
        for (int i = 0; i < 6; i++) { Step(scheduler); }    // the flood has the machine to itself
        for (int i = 0; i < 10; i++) { modest.Add(Make(8, client: "modest", fresh: 8)); }
        foreach (Sequence s in modest) { scheduler.Add(s); }
        int before = flood.Sum(s => s.Generated);
        for (int step = 0; modest.Exists(s => s.Finish == FinishReason.None); step++)
        {
            Step(scheduler);
            Assert.True(step < 400, "the modest client never ends");
        }

        int floods = flood.Sum(s => s.Generated) - before, modests = modest.Sum(s => s.Generated);
        Assert.InRange(floods, modests * 0.7, modests * 1.4);
    }

    [Fact]
    public void Serve_ClientComesBackAfterAPause_HasNoClaimToWhatItMissed()
    {
        FairShare share = new();
        share.Enter("a");
        share.Serve("a", 1000, 500);
        share.Enter("b");
        Assert.Equal(2000, share.Served("b"));
        share.Serve("b", 10, 0);
        share.Leave("b");
        share.Serve("a", 0, 1);
        share.Enter("b");
        Assert.Equal(2010, share.Served("b"));
    }

    [Fact]
    public void Leave_VeryManyClients_AccountsOfThoseAwayAreDropped()
    {
        FairShare share = new();
        for (int i = 0; i < 10_000; i++)
        {
            share.Enter($"{i}");
            share.Serve($"{i}", 1, 0);
            share.Leave($"{i}");
        }

        Assert.InRange(Enumerable.Range(0, 10_000).Count(i => share.Served($"{i}") > 0), 0, 4097);
    }

    [Fact]
    public void Schedule_ShortPromptBehindALongOne_IsReadAtOnceAndTheLongOneKeepsItsHalf()
    {
        Scheduler scheduler = new(new BlockManager(1000, 16, keepPrefixes: false), maxSequences: 8, tokenBudget: 64);
        Sequence large = Make(4000), small = Make(20);
        scheduler.Add(large);
        Step(scheduler);
        scheduler.Add(small);
        Step(scheduler);
        Assert.Equal(1, small.Generated);
        Assert.True(large.Computed >= 64 + 32);
    }

    [Fact]
    public void Schedule_PromptsBesideRunningSequences_KeepToTheirOwnBudget()
    {
        Scheduler scheduler = new(new BlockManager(1000, 16, keepPrefixes: false), maxSequences: 8, tokenBudget: 64, promptBudget: 24);
        Sequence running = Make(4, fresh: 100);
        scheduler.Add(running);
        Step(scheduler);
        scheduler.Add(Make(500));
        for (int i = 0; i < 10; i++)
        {
            List<Chunk> chunks = Step(scheduler);
            Assert.Equal(1, chunks.Single(c => c.Sequence == running).Count);
            Assert.Equal(24, chunks.Single(c => c.Sequence != running).Count);
        }
    }

    private static Sequence Make(int prompt, int priority = 0, string client = "", int fresh = 50) =>
        Requests.Submitted(new GenerationRequest { Prompt = new int[prompt], Priority = priority, Client = client, Sampling = new() { MaxTokens = fresh } }).Sequences[0];

    private static List<Chunk> Step(Scheduler scheduler)
    {
        List<Chunk> chunks = scheduler.Schedule();
        foreach (Chunk c in chunks.ToArray())
        {
            scheduler.Complete(c);
            if (!c.Draws) { continue; }
            Sequence s = c.Sequence;
            s.Append(1);
            if (s.Generated < s.Owner.Request.Sampling.MaxTokens) { continue; }
            s.Finish = FinishReason.Length;
            scheduler.Remove(s);
        }

        return chunks;
    }
}
