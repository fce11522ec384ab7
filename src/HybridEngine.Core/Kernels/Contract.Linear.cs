namespace HybridEngine.Core;

// ILinearKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="ILinearKernels.CreateWeight"/>.</summary>
    public static void CreateWeight(long outputs, long inputs)
    {
        if (outputs < 0) { throw Wrong(nameof(outputs), $"{outputs}", "0 or more"); }
        if (inputs < 0) { throw Wrong(nameof(inputs), $"{inputs}", "0 or more"); }
    }

    /// <summary>Checks <see cref="ILinearKernels.Narrow"/>.</summary>
    public static void Narrow(DeviceKind device, WeightMatrix master, WeightMatrix copy)
    {
        RequireFloat32(device, master, nameof(master));
        RequireComputeCopy(device, copy, nameof(copy), master.Outputs, master.Inputs);
    }

    /// <summary>Checks <see cref="ILinearKernels.Pack"/>.</summary>
    public static void Pack(DeviceKind device, Tensor source, WeightMatrix destination)
    {
        RequireWeight(device, destination, nameof(destination), -1, -1);
        Require(device, source, nameof(source), destination.DType, destination.Outputs, destination.Inputs);
        RequireDisjoint(destination.Storage, nameof(destination), source, nameof(source));
    }

    /// <summary>Checks <see cref="ILinearKernels.Unpack"/>.</summary>
    public static void Unpack(DeviceKind device, WeightMatrix source, Tensor destination)
    {
        RequireWeight(device, source, nameof(source), -1, -1);
        Require(device, destination, nameof(destination), DType.Float32, source.Outputs, source.Inputs);
        RequireDisjoint(destination, nameof(destination), source.Storage, nameof(source));
    }

    /// <summary>Checks <see cref="ILinearKernels.Linear"/>.</summary>
    public static void Linear(DeviceKind device, Tensor x, WeightMatrix w, Tensor bias, Tensor y)
    {
        RequireForward(device, w, nameof(w));
        Require(device, x, nameof(x), DType.Float32, -1, w.Inputs);
        RequireOptionalVector(device, bias, nameof(bias), DType.Float32, w.Outputs);
        Require(device, y, nameof(y), DType.Float32, x.Shape[0], w.Outputs);
        RequireDisjoint(y, nameof(y), x, nameof(x));
    }

    /// <summary>Checks <see cref="ILinearKernels.LinearBackwardInput"/>.</summary>
    public static void LinearBackwardInput(DeviceKind device, Tensor dy, WeightMatrix w, Tensor dx)
    {
        RequireBackward(device, w, nameof(w));
        Require(device, dy, nameof(dy), DType.Float32, -1, w.Outputs);
        Require(device, dx, nameof(dx), DType.Float32, dy.Shape[0], w.Inputs);
        RequireDisjoint(dx, nameof(dx), dy, nameof(dy));
    }

    /// <summary>Checks <see cref="ILinearKernels.LinearBackwardWeight"/>.</summary>
    public static void LinearBackwardWeight(DeviceKind device, Tensor x, Tensor dy, WeightMatrix dw, Tensor dBias)
    {
        RequireFloat32(device, dw, nameof(dw));
        Require(device, x, nameof(x), DType.Float32, -1, dw.Inputs);
        Require(device, dy, nameof(dy), DType.Float32, x.Shape[0], dw.Outputs);
        RequireOptionalVector(device, dBias, nameof(dBias), DType.Float32, dw.Outputs);
    }

    /// <summary>Checks <see cref="ILinearKernels.MergeLora"/>.</summary>
    public static void MergeLora(DeviceKind device, WeightMatrix w, Tensor a, Tensor b, WeightMatrix destination)
    {
        RequireFloat32(device, w, nameof(w));
        RequireWeight(device, destination, nameof(destination), w.Outputs, w.Inputs);
        RequireSameLayout(destination, nameof(destination), w, nameof(w));
        Require(device, a, nameof(a), DType.Float32, -1, w.Inputs);
        Require(device, b, nameof(b), DType.Float32, w.Outputs, a.Shape[0]);
    }
}
