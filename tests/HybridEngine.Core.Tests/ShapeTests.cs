using Xunit;

namespace HybridEngine.Core.Tests;

public sealed class ShapeTests
{
    [Fact]
    public void Index_FromBothEnds_GivesTheExtent()
    {
        Shape s = new(2, 3, 5);
        Assert.Equal((3, 30L, 2L, 5L, 5L, 2L), (s.Rank, s.Count, s[0], s[2], s[-1], s[-3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => s[3]);
        Assert.Throws<ArgumentOutOfRangeException>(() => s[-4]);
    }

    [Fact]
    public void Count_RankZeroIsOne_ZeroExtentIsZero()
    {
        Assert.Equal(1, new Shape().Count);
        Assert.Equal(0, new Shape(3, 0, 4).Count);
    }

    [Fact]
    public void Count_BeyondInt64_IsRefused() => Assert.Throws<OverflowException>(() => new Shape(long.MaxValue, 2).Count);

    [Fact]
    public void RowMajorStrides_InnermostIsOne() => Assert.Equal(new Shape(15, 5, 1), new Shape(2, 3, 5).RowMajorStrides());

    [Fact]
    public void With_ReplacesOneExtent()
    {
        Assert.Equal(new Shape(2, 9, 5), new Shape(2, 3, 5).With(1, 9));
        Assert.Equal(new Shape(2, 3, 9), new Shape(2, 3, 5).With(-1, 9));
    }

    [Fact]
    public void Equality_LooksAtRankAndExtents()
    {
        Assert.True(new Shape(2, 3) == new Shape(2, 3));
        Assert.True(new Shape(2, 3) != new Shape(3, 2));
        Assert.True(new Shape(2) != new Shape(2, 1));
        Assert.Equal(new Shape(2, 3).GetHashCode(), new Shape(2, 3).GetHashCode());
    }

    [Fact]
    public void Constructor_FiveDimensions_IsRefused() => Assert.Throws<ArgumentException>(() => new Shape(1, 2, 3, 4, 5));

    [Fact]
    public void ToString_ListsTheExtents() => Assert.Equal("[2, 3]", new Shape(2, 3).ToString());
}
