using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>The scheduler against a model of the cache that remembers, for every slot, which prefix was written there: reading anything else is a wrong answer.</summary>
public sealed class SchedulerTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Schedule_RandomArrivalsAndCancellationsInATinyCache_EverySequenceReadsItsOwnTokensAndEnds(bool keepPrefixes)
    {
        for (int run = 0; run < 60; run++)
        {
            int seed = Random.Shared.Next();
            Random random = new(seed);
            Simulation world = new(random, blocks: random.Next(8, 30), maxSequences: random.Next(1, 9), budget: random.Next(9, 60), keepPrefixes);
            try { world.Run(requests: 25); }
            catch (Exception e) { throw new InvalidOperationException($"seed {seed}: {e.Message}", e); }
        }
    }

    [Fact]
    public void Schedule_LongPromptBesideRunningSequences_TheyGetARowInEveryForward()
    {
        BlockManager blocks = new(100, 16, keepPrefixes: false);
        Scheduler scheduler = new(blocks, maxSequences: 4, tokenBudget: 8);
        Sequence small = Make(3, 50), large = Make(200, 5);
        scheduler.Add(small);
        scheduler.Add(large);
        int steps = 0;
        while (large.Computed < 200)
        {
            List<Chunk> chunks = scheduler.Schedule();
            Assert.True(chunks.Sum(c => c.Count) <= 8);
            Assert.Contains(chunks, c => c.Sequence == small);
            foreach (Chunk c in chunks)
            {
                bool draws = c.Draws;
                scheduler.Complete(c);
                if (draws) { c.Sequence.Append(1); }
            }

            steps++;
        }

        Assert.InRange(steps, 200 / 8, 200 / 7 + 2);
    }

    [Fact]
    public void Schedule_SecondPromptBeginsAlike_TakesFullBlocksFromTheCache()
    {
        BlockManager blocks = new(20, 16, keepPrefixes: true);
        Scheduler scheduler = new(blocks, 4, 100);
        Sequence first = Make(50, 5), second = Make(50, 5);
        scheduler.Add(first);
        foreach (Chunk c in scheduler.Schedule().ToArray()) { scheduler.Complete(c); }
        scheduler.Remove(first);
        scheduler.Add(second);
        Chunk chunk = Assert.Single(scheduler.Schedule());
        Assert.Equal((48, 2), (chunk.Start, chunk.Count));
        Assert.Equal(48, scheduler.Cache.PrefixHits);
    }

    private static Sequence Make(int prompt, int maxTokens) =>
        Requests.Submitted(new GenerationRequest { Prompt = [.. Enumerable.Range(0, prompt)], Sampling = new() { MaxTokens = maxTokens } }).Sequences[0];

    private sealed class Simulation(Random random, int blocks, int maxSequences, int budget, bool keepPrefixes)
    {
        private readonly BlockManager _blocks = new(blocks, 16, keepPrefixes);
        private readonly Dictionary<int, long> _cache = [];
        private readonly List<Sequence> _alive = [];
        private Scheduler _scheduler = null!;

        public void Run(int requests)
        {
            _scheduler = new Scheduler(_blocks, maxSequences, budget);
            int ended = 0, submitted = 0, total = 0, idle = 0;
            while (submitted < requests || _alive.Count > 0)
            {
                if (submitted < requests && random.Next(3) == 0)
                {
                    total += Submit();
                    submitted++;
                }

                if (_alive.Count > 0 && random.Next(20) == 0)
                {
                    End(_alive[random.Next(_alive.Count)]);
                    ended++;
                }

                List<Chunk> chunks = _scheduler.Schedule();
                idle = chunks.Count == 0 && _alive.Count > 0 ? idle + 1 : 0;
                Assert.True(idle < 3, "nothing runs although something waits");
                Assert.True(chunks.Sum(c => c.Count) <= budget);
                Assert.True(_scheduler.Running.Count <= maxSequences);
                foreach (Chunk c in chunks) { Forward(c); }
                foreach (Chunk c in chunks.ToArray())
                {
                    bool draws = c.Draws;
                    _scheduler.Complete(c);
                    if (draws) { ended += Draw(c.Sequence); }
                }
            }

            Assert.Equal(total, ended);
            Assert.Equal(blocks, _blocks.FreeBlocks);
        }

        private int Submit()
        {
            int most = (blocks * 16) - 1;
            int prompt = random.Next(1, Math.Min(most, 90));
            int fresh = random.Next(1, Math.Min(most - prompt, 60) + 1);
            int common = random.Next(prompt + 1);   // prompts that begin alike
            int[] ids = [.. Enumerable.Range(0, prompt).Select(i => i < common ? i : random.Next(50))];
            Generation g = Requests.Submitted(new GenerationRequest { Prompt = ids, Choices = random.Next(1, 5), Sampling = new() { MaxTokens = fresh } });
            _scheduler.Add(g.Sequences[0]);
            foreach (Sequence s in g.Sequences) { _alive.Add(s); }
            return g.Sequences.Length;
        }

        private void Forward(Chunk c)
        {
            long prefix = 17;
            for (int p = 0; p < c.Start + c.Count; p++)
            {
                prefix = (prefix * 1_000_003) + c.Sequence.Tokens[p];
                int slot = (c.Sequence.Blocks[p / 16] * 16) + (p % 16);
                if (p >= c.Start) { _cache[slot] = prefix; }
                else { Assert.Equal(prefix, _cache[slot]); }
            }
        }

        private int Draw(Sequence s)
        {
            int ended = 0;
            if (s.Siblings is { } siblings)
            {
                s.Siblings = null;
                foreach (Sequence sibling in siblings)
                {
                    if (!_scheduler.TryFork(s, sibling, out int from, out int to)) { continue; }
                    for (int i = 0; from >= 0 && i < 16; i++) { _cache[(to * 16) + i] = _cache.GetValueOrDefault((from * 16) + i); }
                    ended += Append(sibling);
                }
            }

            return ended + Append(s);
        }

        private int Append(Sequence s)
        {
            s.Append(random.Next(50));
            if (s.Generated < s.Owner.Request.Sampling.MaxTokens) { return 0; }
            End(s);
            return 1;
        }

        private void End(Sequence s)
        {
            if (s.Siblings is { } siblings)
            {
                // The leader goes before it has computed the prompt: the others go on alone.
                s.Siblings = null;
                foreach (Sequence sibling in siblings) { _scheduler.Add(sibling); }
            }
            else if (s.Owner.Sequences[0].Siblings is { } waiting) { waiting.Remove(s); }

            _scheduler.Remove(s);
            _alive.Remove(s);
        }
    }
}
