using Xunit;

namespace HybridEngine.Core.Tests;

public sealed class TensorPoolTests
{
    [Fact]
    public void Rent_AfterReturnOfTheSameSize_ReusesTheMemory()
    {
        using TensorPool pool = new(new Host());
        Tensor first = pool.Rent(DType.Float32, 100, 10);
        pool.Return(first.Rows(3, 2));
        Tensor second = pool.Rent(DType.Int32, 10, 100);
        Assert.Same(first.Memory, second.Memory);
        Assert.Equal(new Shape(10, 100), second.Shape);
    }

    [Fact]
    public void Rent_TwiceWithoutReturn_GivesDifferentMemory()
    {
        using TensorPool pool = new(new Host());
        Assert.NotSame(pool.Rent(DType.Float32, 100).Memory, pool.Rent(DType.Float32, 100).Memory);
    }

    [Fact]
    public void Counters_FollowRentReturnAndTrim()
    {
        using TensorPool pool = new(new Host());
        Tensor a = pool.Rent(DType.Float32, 5000), b = pool.Rent(DType.Float32, 5000);
        long bytes = a.Memory!.Bytes;
        Assert.True(bytes >= 20000);
        Assert.Equal((2 * bytes, 0L, 2 * bytes), (pool.BytesInUse, pool.BytesIdle, pool.PeakBytes));
        pool.Return(a);
        pool.Return(b);
        Assert.Equal((0L, 2 * bytes, 2 * bytes), (pool.BytesInUse, pool.BytesIdle, pool.PeakBytes));
        pool.Trim();
        Assert.Equal((0L, 0L, 2 * bytes), (pool.BytesInUse, pool.BytesIdle, pool.PeakBytes));
        Assert.True(a.Memory.IsDisposed && b.Memory!.IsDisposed);
    }

    [Fact]
    public void Return_OfNoTensor_DoesNothing()
    {
        using TensorPool pool = new(new Host());
        pool.Return(default);
        Assert.Equal(0, pool.BytesInUse);
    }

    [Fact]
    public void Rent_AnySize_HoldsItAndWastesLittle()
    {
        using TensorPool pool = new(new Host());
        foreach (long n in new long[] { 0, 1, 4096, 4097, 100_000, 1_000_003 })
        {
            Tensor t = pool.Rent(DType.UInt8, n);
            Assert.InRange(t.Memory!.Bytes, n, n + Math.Max(8192, n / 8));
            pool.Return(t);
        }
    }

    [Fact]
    public void Rent_ALittleLess_ReusesTheMemory()
    {
        using TensorPool pool = new(new Host());
        Tensor first = pool.Rent(DType.UInt8, 1_000_000);
        pool.Return(first);
        Assert.Same(first.Memory, pool.Rent(DType.UInt8, 800_000).Memory);
        Assert.NotSame(first.Memory, pool.Rent(DType.UInt8, 100_000).Memory);
    }

    [Fact]
    public void Rent_OfEverChangingSizes_KeepsNoMoreThanWasInUseAndAQuarter()
    {
        using TensorPool pool = new(new Host());
        Random random = new(3);
        for (int step = 0; step < 200; step++)
        {
            int tokens = random.Next(1, 4000);
            Tensor[] rented = [.. Enumerable.Range(1, 6).Select(i => pool.Rent(DType.UInt8, tokens * 97L * i))];
            foreach (Tensor t in rented) { pool.Return(t); }
            Assert.True(pool.BytesIdle <= pool.PeakBytes * 5 / 4, $"step {step}: {pool.BytesIdle} idle, {pool.PeakBytes} at most in use");
        }
    }

    // Just enough of a device.
    private sealed class Host : IDeviceMemory
    {
        public DeviceKind Device => DeviceKind.Host;

        public Tensor Allocate(DType dtype, params ReadOnlySpan<long> extents) => new(HostMemory.Allocate(dtype.Bytes(new Shape(extents).Count)), dtype, new Shape(extents));

        public void Upload<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged => throw new NotSupportedException();

        public void Download<T>(Tensor source, Span<T> destination) where T : unmanaged => throw new NotSupportedException();

        public void Copy(Tensor source, Tensor destination) => throw new NotSupportedException();

        public void Zero(Tensor tensor) => throw new NotSupportedException();

        public void Synchronize() { }
    }
}
