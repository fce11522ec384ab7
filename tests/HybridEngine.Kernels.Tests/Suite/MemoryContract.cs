using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IDeviceMemory.</summary>
public abstract class MemoryContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    [SkippableFact]
    public void Allocate_AnyType_IsZero()
    {
        foreach (DType dtype in new[] { DType.Float32, DType.Int32, DType.Float64, DType.UInt8, DType.BFloat16 })
        {
            Tensor t = Kernels.Allocate(dtype, 3, 5);
            byte[] bytes = new byte[dtype.Bytes(15)];
            Kernels.Download(new Tensor(t.Memory!, DType.UInt8, new Shape(bytes.Length)), bytes.AsSpan());
            Assert.All(bytes, b => Assert.Equal(0, b));
            Assert.Equal(Kernels.Device, t.Memory!.Device);
            t.Memory.Dispose();
        }
    }

    [SkippableFact]
    public void Upload_ThenDownload_GivesTheSameBits()
    {
        float[] values = [float.NaN, -0f, float.PositiveInfinity, 1e-42f, .. Random.Normal(13)];
        Compare.SameBits(values, Kernels.Read(Kernels.Floats(values)));
        Assert.Equal(-0f, Kernels.Read(Kernels.Floats(values))[1]);
        Assert.Equal([long.MinValue, 7], Kernels.Read<long>(Kernels.Longs([long.MinValue, 7])));
    }

    [SkippableFact]
    public void Transfer_WrongCount_IsRefused()
    {
        Tensor t = Kernels.Allocate(DType.Float32, 4);
        Refuses("destination", () => Kernels.Upload<float>([1, 2, 3], t));
        Refuses("source", () => Kernels.Download(t, new float[5].AsSpan()));
        Refuses("destination", () => Kernels.Upload<double>([1, 2, 3, 4], t));
    }

    [SkippableFact]
    public void Copy_StridedRows_MovesRowsAndNothingElse()
    {
        float[] values = Random.Normal(7 * 17);
        Tensor from = Place(Kernels, values, 7, 17), to = Space(Kernels, 7, 17);
        Kernels.Copy(from, to);
        Compare.SameBits(values, Kernels.Read(to), Random);
    }

    [SkippableFact]
    public void Copy_OtherShape_IsRefused() => Refuses("destination", () => Kernels.Copy(Kernels.Allocate(DType.Float32, 2, 3), Kernels.Allocate(DType.Float32, 3, 2)));

    [SkippableFact]
    public void Zero_StridedRows_ClearsRowsAndNothingElse()
    {
        Tensor t = Place(Kernels, Random.Normal(5 * 33), 5, 33);
        Kernels.Zero(t);
        Assert.All(Kernels.Read(t), v => Assert.Equal(0, v));
    }
}
