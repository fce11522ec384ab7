using Xunit;

namespace HybridEngine.Inference.Tests;

public sealed class BlockManagerTests
{
    [Fact]
    public void AnySchedule_AllReleased_EveryBlockIsFreeAgain()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        BlockManager blocks = new(37, 16, keepPrefixes: true);
        List<int> held = [];    // one entry a reader
        for (int step = 0; step < 4_000; step++)
        {
            int action = random.Next(5);
            if (action == 0 && blocks.FreeBlocks > 0)
            {
                int b = blocks.Allocate();
                Assert.DoesNotContain(b, held);
                held.Add(b);
            }
            else if (action == 1 && held.Count > 0)
            {
                int b = held[random.Next(held.Count)];
                blocks.Share(b);
                held.Add(b);
            }
            else if (action == 2 && held.Count > 0) { blocks.Register(random.Next(3), Tokens(random.Next(40)), held[random.Next(held.Count)]); }
            else if (action == 3 && blocks.TryAcquire(random.Next(3), Tokens(random.Next(40)), out int found, out _)) { held.Add(found); }
            else if (held.Count > 0)
            {
                int i = random.Next(held.Count);
                blocks.Release(held[i]);
                held.RemoveAt(i);
            }

            Assert.True(blocks.Blocks - held.Distinct().Count() == blocks.FreeBlocks, $"seed {seed}, step {step}");
            foreach (int b in held) { Assert.Equal(held.Count(h => h == b), blocks.Readers(b)); }
        }

        foreach (int b in held) { blocks.Release(b); }
        Assert.Equal(37, blocks.FreeBlocks);
        Assert.Equal(Enumerable.Range(0, 37), Enumerable.Range(0, 37).Select(_ => blocks.Allocate()).Order());
    }

    [Fact]
    public void Allocate_NoneFree_Throws()
    {
        BlockManager blocks = new(1, 16, keepPrefixes: false);
        blocks.Allocate();
        Assert.Throws<InvalidOperationException>(() => blocks.Allocate());
    }

    [Fact]
    public void Release_Twice_Throws()
    {
        BlockManager blocks = new(2, 16, keepPrefixes: false);
        int b = blocks.Allocate();
        blocks.Release(b);
        Assert.Throws<InvalidOperationException>(() => blocks.Release(b));
    }

    [Fact]
    public void TryAcquire_SameTokensAfterAnotherPrefix_FindsNothing()
    {
        BlockManager blocks = new(4, 16, keepPrefixes: true);
        int b = blocks.Allocate();
        long prefix = blocks.Register(0, Tokens(1), b);
        Assert.True(blocks.TryAcquire(0, Tokens(1), out int found, out long number));
        Assert.Equal((b, prefix), (found, number));
        Assert.False(blocks.TryAcquire(prefix, Tokens(1), out _, out _));
        Assert.False(blocks.TryAcquire(0, Tokens(2), out _, out _));
    }

    [Fact]
    public void Allocate_FreeBlocksOfKnownContent_GoLastAndOldestFirst()
    {
        BlockManager blocks = new(4, 16, keepPrefixes: true);
        int first = blocks.Allocate(), second = blocks.Allocate(), plain = blocks.Allocate();
        blocks.Register(0, Tokens(1), first);
        blocks.Register(0, Tokens(2), second);
        blocks.Release(first);
        blocks.Release(second);
        blocks.Release(plain);
        Assert.Equal(plain, blocks.Allocate());
        Assert.NotEqual(first, blocks.Allocate());
        Assert.True(blocks.TryAcquire(0, Tokens(1), out _, out _));
        blocks.Release(first);
        Assert.Equal(second, blocks.Allocate());
        Assert.Equal(first, blocks.Allocate());
        Assert.False(blocks.TryAcquire(0, Tokens(1), out _, out _));
    }

    [Fact]
    public void ForgetPrefixes_AfterRegister_FindsNothing()
    {
        BlockManager blocks = new(2, 16, keepPrefixes: true);
        int b = blocks.Allocate();
        blocks.Register(0, Tokens(1), b);
        blocks.Release(b);
        blocks.ForgetPrefixes();
        Assert.False(blocks.TryAcquire(0, Tokens(1), out _, out _));
        Assert.Equal(2, blocks.FreeBlocks);
    }

    private static int[] Tokens(int kind) => [.. Enumerable.Range(kind, 16)];
}
