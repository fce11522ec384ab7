using Xunit;

namespace HybridEngine.Core.Tests;

/// <summary>The pieces of the argument checks; each family's own checks are tested through the backends that call them.</summary>
public sealed class ContractTests
{
    private static Tensor Floats(params long[] extents) => new(HostMemory.Allocate(new Shape(extents).Count * 4), DType.Float32, new Shape(extents));

    [Fact]
    public void Require_Wrong_SaysArgumentFoundAndExpected()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => Contract.Require(DeviceKind.Host, Floats(3, 4), "x", DType.Float32, -1, 5));
        Assert.Equal("x", e.ParamName);
        Assert.StartsWith("x is Float32 [3, 4], expected Float32 [*, 5].", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Require_Missing_SaysSo() =>
        Assert.StartsWith("x is missing, expected Float32 [2].", Assert.Throws<ArgumentException>(() => Contract.Require(DeviceKind.Host, default, "x", DType.Float32, 2)).Message, StringComparison.Ordinal);

    [Fact]
    public void Require_OtherDevice_IsRefused() =>
        Assert.StartsWith("x is in Host memory, expected Cuda memory.", Assert.Throws<ArgumentException>(() => Contract.Require(DeviceKind.Cuda, Floats(2), "x", DType.Float32, 2)).Message, StringComparison.Ordinal);

    [Fact]
    public void Require_AnyRowStride_IsAccepted() => Contract.Require(DeviceKind.Host, Floats(3, 8).Slice(1, 2, 4), "x", DType.Float32, 3, 4);

    [Fact]
    public void Require_GapInsideARow_IsRefused()
    {
        Tensor cube = Floats(3, 2, 8).Slice(2, 0, 4);
        Assert.Throws<ArgumentException>(() => Contract.Require(DeviceKind.Host, cube, "x", DType.Float32, 3, 2, 4));
        Tensor transposed = new(cube.Memory!, DType.Float32, new Shape(4, 3), new Shape(1, 4), 0);
        Assert.Throws<ArgumentException>(() => Contract.Require(DeviceKind.Host, transposed, "x", DType.Float32, 4, 3));
    }

    [Fact]
    public void RequireVector_Strided_IsRefused()
    {
        Tensor column = new(HostMemory.Allocate(64), DType.Float32, new Shape(4), new Shape(3), 0);
        Assert.Throws<ArgumentException>(() => Contract.RequireVector(DeviceKind.Host, column, "x", DType.Float32, 4));
    }

    [Fact]
    public void RequireDisjoint_SharedElements_AreRefused()
    {
        Tensor t = Floats(6, 8);
        void Same(Tensor a, Tensor b, bool exact = false) => Contract.RequireDisjoint(a, "y", b, "x", exact);
        Assert.Throws<ArgumentException>(() => Same(t, t));
        Assert.Throws<ArgumentException>(() => Same(t.Rows(0, 3), t.Rows(2, 3)));
        Assert.Throws<ArgumentException>(() => Same(t.Rows(0, 3), t.Rows(2, 3), exact: true));
        Assert.Throws<ArgumentException>(() => Same(t.Slice(1, 0, 4), t.Slice(1, 3, 4)));
        Assert.Throws<ArgumentException>(() => Same(t.Slice(1, 0, 4), t.View(48).Rows(1, 2)));
    }

    [Fact]
    public void RequireDisjoint_ApartOrAllowed_IsAccepted()
    {
        Tensor t = Floats(6, 8);
        Contract.RequireDisjoint(t, "y", t, "x", exactAllowed: true);
        Contract.RequireDisjoint(t.Rows(0, 3), "y", t.Rows(3, 3), "x");
        // Columns of a fused projection: the ranges of addresses cross, the elements do not.
        Contract.RequireDisjoint(t.Slice(1, 0, 4), "y", t.Slice(1, 4, 4), "x");
        Contract.RequireDisjoint(t.Slice(1, 5, 3), "y", t.Rows(1, 4).Slice(1, 2, 3), "x");
        Contract.RequireDisjoint(t, "y", Floats(6, 8), "x");
        Contract.RequireDisjoint(default, "y", t, "x");
    }
}
