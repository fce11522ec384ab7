using Xunit;

namespace HybridEngine.Core.Tests;

public sealed class TensorTests
{
    private static Tensor Counting(params long[] extents)
    {
        Shape shape = new(extents);
        Tensor t = new(HostMemory.Allocate(shape.Count * 4), DType.Float32, shape);
        for (int i = 0; i < t.Count; i++) { t.AsSpan<float>()[i] = i; }
        return t;
    }

    [Fact]
    public void Slice_OfRows_IsContiguousAndStartsThere()
    {
        Tensor rows = Counting(4, 3).Rows(1, 2);
        Assert.True(rows.IsContiguous);
        Assert.Equal([3, 4, 5, 6, 7, 8], rows.AsSpan<float>().ToArray());
    }

    [Fact]
    public void Slice_OfColumns_IsStrided()
    {
        Tensor columns = Counting(4, 3).Slice(1, 1, 2);
        Assert.False(columns.IsContiguous);
        Assert.Equal(new Shape(3, 1), columns.Strides);
        Assert.Equal([7, 8], columns.Rows(2, 1).AsSpan<float>().ToArray());
        Assert.Throws<InvalidOperationException>(() => columns.AsSpan<float>());
        Assert.Throws<ArgumentException>(() => columns.View(8));
    }

    [Theory, InlineData(-1, 1), InlineData(0, 5), InlineData(4, 1), InlineData(0, -1)]
    public void Slice_OutsideTheDimension_IsRefused(long start, long length) => Assert.Throws<ArgumentOutOfRangeException>(() => Counting(4, 3).Slice(0, start, length));

    [Fact]
    public void Slice_Empty_HasNoElements() => Assert.Equal(0, Counting(4, 3).Rows(4, 0).AsSpan<float>().Length);

    [Fact]
    public void View_SameCount_SharesTheElements()
    {
        Tensor t = Counting(4, 3);
        Assert.Equal(11, t.View(2, 6).Rows(1, 1).AsSpan<float>()[5]);
        Assert.Throws<ArgumentException>(() => t.View(5, 2));
    }

    [Fact]
    public void Constructor_BeyondTheMemory_IsRefused()
    {
        using HostMemory memory = HostMemory.Allocate(48);
        _ = new Tensor(memory, DType.Float32, new Shape(12));
        Assert.Throws<ArgumentException>(() => new Tensor(memory, DType.Float32, new Shape(13)));
        Assert.Throws<ArgumentException>(() => new Tensor(memory, DType.Float32, new Shape(12), 1));
        Assert.Throws<ArgumentException>(() => new Tensor(memory, DType.Float32, new Shape(2, 3), new Shape(10, 1), 0));
        Assert.Throws<ArgumentException>(() => new Tensor(memory, DType.Float32, new Shape(1), -1));
        // Nothing is touched through an empty view, wherever it starts.
        _ = new Tensor(memory, DType.Float32, new Shape(0), 99);
    }

    [Fact]
    public void AsSpan_OtherElementSize_IsRefused() => Assert.Throws<InvalidOperationException>(() => Counting(4).AsSpan<double>());

    [Fact]
    public void Address_AfterDispose_IsRefused()
    {
        Tensor t = Counting(4);
        t.Memory!.Dispose();
        t.Memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => t.Address);
        Assert.Throws<ObjectDisposedException>(() => t.Rows(1, 1).Address);
    }

    [Fact]
    public void Default_IsNoTensor()
    {
        Tensor none = default;
        Assert.True(none.IsEmpty);
        Assert.Equal("no tensor", none.ToString());
        Assert.Throws<InvalidOperationException>(() => none.Address);
    }

    [Theory, InlineData(DType.Q8_0, 34), InlineData(DType.Q4_0, 18), InlineData(DType.Q4_1, 20)]
    public void BlockTypes_CountInWholeBlocks(DType dtype, int bytes)
    {
        Assert.Equal(3 * bytes, dtype.Bytes(96));
        Assert.Throws<ArgumentException>(() => dtype.Bytes(95));
        Tensor t = new(HostMemory.Allocate(dtype.Bytes(96)), dtype, new Shape(96));
        Assert.Equal(t.Address + bytes, t.Rows(32, 32).Address);
    }

    [Fact]
    public void HostMemory_MoreThanTheSystemHas_IsOneLine()
    {
        HybridEngineException e = Assert.Throws<HybridEngineException>(() => HostMemory.Allocate(long.MaxValue / 2));
        Assert.Contains("cannot allocate", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }
}
