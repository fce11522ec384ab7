using HybridEngine.Core;

namespace HybridEngine.Rlhf.Tests;

public sealed class StreamTests
{
    [Fact]
    public void Next_OnePass_YieldsEveryItemOnceInAnotherOrderEachTime()
    {
        int[] items = [.. Enumerable.Range(0, 101)];
        BlendedStream<int> stream = new([("a", items, 1)], 5, shuffle: true);
        int[] first = [.. items.Select(_ => stream.Next())], second = [.. items.Select(_ => stream.Next())];
        Assert.Equal(items, first.Order());
        Assert.Equal(items, second.Order());
        Assert.NotEqual(first, second);
        Assert.NotEqual(items, first);
    }

    [Fact]
    public void Next_WithoutShuffle_KeepsTheOrder()
    {
        BlendedStream<int> stream = new([("a", new[] { 3, 1, 2 }, 1)], 5, shuffle: false);
        Assert.Equal([3, 1, 2, 3], Enumerable.Range(0, 4).Select(_ => stream.Next()));
    }

    [Fact]
    public void Next_TwoSources_KeepsTheirShares()
    {
        BlendedStream<int> stream = new([("a", new[] { 0 }, 3), ("b", new[] { 1 }, 1)], 9, shuffle: true);
        double share = Enumerable.Range(0, 20_000).Average(_ => (double)stream.Next());
        Assert.InRange(share, 0.235, 0.265);
    }

    [Fact]
    public void Position_AnyPlace_ContinuesAsIfNeverStopped()
    {
        BlendedStream<int> Make() => new([("a", [.. Enumerable.Range(0, 17)], 2), ("b", [.. Enumerable.Range(100, 5)], 1)], 3, shuffle: true);
        BlendedStream<int> whole = Make();
        int[] expected = [.. Enumerable.Range(0, 90).Select(_ => whole.Next())];
        foreach (int at in (int[])[0, 1, 23, 89])
        {
            BlendedStream<int> resumed = Make();
            resumed.Position = at;
            Assert.Equal(expected[at..], Enumerable.Range(0, 90 - at).Select(_ => resumed.Next()));
        }

        whole.Position = 40;
        Assert.Equal(expected[40], whole.Next());
    }

    [Fact]
    public void Constructor_EmptySource_NamesIt() =>
        Assert.StartsWith("b.jsonl: found no usable examples", Assert.Throws<InvalidInputException>(() => new BlendedStream<int>([("a", new[] { 1 }, 1), ("b.jsonl", [], 1)], 0, true)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(1000, "2,4,4")]
    [InlineData(7, "2,4,4")]
    [InlineData(11, "1,1")]
    public void Indices_AllParts_CoverEverythingOnce(int count, string split)
    {
        double[] parts = DataSplit.Parse(split);
        int[][] cut = [.. parts.Select((_, i) => DataSplit.Indices(count, parts, i, 1))];
        Assert.Equal(Enumerable.Range(0, count), cut.SelectMany(x => x).Order());
        for (int i = 0; i < parts.Length; i++) { Assert.InRange(cut[i].Length, count * parts[i] / parts.Sum() - 1, count * parts[i] / parts.Sum() + 1); }
        Assert.NotEqual(cut[0], DataSplit.Indices(count, parts, 0, 2));
    }

    [Theory]
    [InlineData("a,b")]
    [InlineData("0,0")]
    [InlineData("-1,2")]
    public void Parse_BadSplit_Throws(string split) => Assert.Throws<InvalidInputException>(() => DataSplit.Parse(split));

    [Fact]
    public void Cut_Budget_KeepsOrderAndBounds()
    {
        Assert.Equal([(0, 2), (2, 3), (3, 4)], MicroBatches.Cut([3, 4, 9, 1], 8));
        Assert.Equal([(0, 4)], MicroBatches.Cut([3, 4, 9, 1], 0));
        Assert.Empty(MicroBatches.Cut([], 8));
    }

    [Fact]
    public void FromPrompt_FirstToken_NeverLearned()
    {
        Assert.Equal([false, true, true], TrainingSequence.FromPrompt([1, 2, 3], 0).Learned);
        Assert.Equal(1, TrainingSequence.FromPrompt([1, 2, 3], 2).LearnedTokens);
        Assert.Equal(0, TrainingSequence.FromPrompt([1], 0).LearnedTokens);
    }
}
