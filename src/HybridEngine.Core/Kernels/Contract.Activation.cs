namespace HybridEngine.Core;

// IActivationKernels: any rank, equal shapes, dense rows.
public static partial class Contract
{
    /// <summary>Checks <see cref="IActivationKernels.Activate"/>.</summary>
    public static void Activate(DeviceKind device, ActivationKind kind, Tensor x, Tensor y)
    {
        RequireActivation(kind);
        RequireElements(device, x, nameof(x));
        RequireLike(device, y, nameof(y), x);
        RequireDisjoint(y, nameof(y), x, nameof(x), exactAllowed: true);
    }

    /// <summary>Checks <see cref="IActivationKernels.ActivateBackward"/>.</summary>
    public static void ActivateBackward(DeviceKind device, ActivationKind kind, Tensor x, Tensor dy, Tensor dx)
    {
        RequireActivation(kind);
        RequireElements(device, x, nameof(x));
        RequireLike(device, dy, nameof(dy), x);
        RequireLike(device, dx, nameof(dx), x);
        RequireDisjoint(dx, nameof(dx), x, nameof(x));
        RequireDisjoint(dx, nameof(dx), dy, nameof(dy), exactAllowed: true);
    }

    /// <summary>Checks <see cref="IActivationKernels.Gate"/>.</summary>
    public static void Gate(DeviceKind device, ActivationKind kind, Tensor gate, Tensor up, Tensor y)
    {
        RequireActivation(kind);
        RequireElements(device, gate, nameof(gate));
        RequireLike(device, up, nameof(up), gate);
        RequireLike(device, y, nameof(y), gate);
        RequireDisjoint(y, nameof(y), gate, nameof(gate), exactAllowed: true);
        RequireDisjoint(y, nameof(y), up, nameof(up), exactAllowed: true);
    }

    /// <summary>Checks <see cref="IActivationKernels.GateBackward"/>.</summary>
    public static void GateBackward(DeviceKind device, ActivationKind kind, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        RequireActivation(kind);
        RequireElements(device, gate, nameof(gate));
        RequireLike(device, up, nameof(up), gate);
        RequireLike(device, dy, nameof(dy), gate);
        RequireLike(device, dGate, nameof(dGate), gate);
        RequireLike(device, dUp, nameof(dUp), gate);
        RequireDisjoint(dGate, nameof(dGate), gate, nameof(gate), exactAllowed: true);
        RequireDisjoint(dGate, nameof(dGate), up, nameof(up));
        RequireDisjoint(dGate, nameof(dGate), dy, nameof(dy));
        RequireDisjoint(dUp, nameof(dUp), up, nameof(up), exactAllowed: true);
        RequireDisjoint(dUp, nameof(dUp), gate, nameof(gate));
        RequireDisjoint(dUp, nameof(dUp), dy, nameof(dy));
        RequireDisjoint(dGate, nameof(dGate), dUp, nameof(dUp));
    }

    /// <summary>Checks <see cref="IActivationKernels.Axpby"/>.</summary>
    public static void Axpby(DeviceKind device, Tensor x, Tensor y)
    {
        RequireElements(device, x, nameof(x));
        RequireLike(device, y, nameof(y), x);
        RequireDisjoint(y, nameof(y), x, nameof(x), exactAllowed: true);
    }

    /// <summary>Checks <see cref="IActivationKernels.ScaleColumns"/>.</summary>
    public static void ScaleColumns(DeviceKind device, Tensor x, Tensor scale, Tensor offset, Tensor y)
    {
        Require(device, x, nameof(x), DType.Float32, -1, -1);
        RequireVector(device, scale, nameof(scale), DType.Float32, x.Shape[1]);
        RequireOptionalVector(device, offset, nameof(offset), DType.Float32, x.Shape[1]);
        RequireLike(device, y, nameof(y), x);
        RequireDisjoint(y, nameof(y), x, nameof(x), exactAllowed: true);
        RequireDisjoint(y, nameof(y), scale, nameof(scale));
        RequireDisjoint(y, nameof(y), offset, nameof(offset));
    }

    private static void RequireActivation(ActivationKind kind)
    {
        if (!Enum.IsDefined(kind)) { throw Wrong(nameof(kind), $"{kind}", "Relu, Silu, Gelu or GeluTanh"); }
    }

    private static void RequireElements(DeviceKind device, Tensor tensor, string name)
    {
        if (tensor.IsEmpty || tensor.Rank == 0) { throw Wrong(name, $"{tensor}", "Float32 of 1 to 4 dimensions"); }
        RequireShape(device, tensor, name, DType.Float32, tensor.Shape);
    }

    private static void RequireLike(DeviceKind device, Tensor tensor, string name, Tensor other) => RequireShape(device, tensor, name, other.DType, other.Shape);

    private static void RequireShape(DeviceKind device, Tensor tensor, string name, DType dtype, Shape shape)
    {
        Span<long> extents = stackalloc long[Shape.MaxRank];
        for (int i = 0; i < shape.Rank; i++) { extents[i] = shape[i]; }
        Require(device, tensor, name, dtype, extents[..shape.Rank]);
    }
}
