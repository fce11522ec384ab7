namespace ManagedCuda.BasicTypes;

/// <summary>A size in bytes, as wide as a pointer.</summary>
public struct SizeT
{
    private readonly nuint _value;

    private SizeT(nuint value) => _value = value;

    /// <summary>From a length.</summary>
    public static implicit operator SizeT(long value) => new(checked((nuint)value));

    /// <summary>As a length.</summary>
    public static implicit operator long(SizeT value) => checked((long)value._value);

    /// <summary>As an unsigned length.</summary>
    public static implicit operator ulong(SizeT value) => value._value;

    /// <inheritdoc />
    public override readonly string ToString() => _value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>An address in device memory.</summary>
/// <param name="pointer">Its value.</param>
public struct CUdeviceptr(SizeT pointer)
{
    /// <summary>Its value.</summary>
    public SizeT Pointer = pointer;
}

/// <summary>A device of the driver.</summary>
public struct CUdevice
{
    /// <summary>The driver's number for it.</summary>
    public int Pointer;
}

/// <summary>A context: memory, modules and streams of one device.</summary>
public struct CUcontext
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}

/// <summary>A loaded image of kernels.</summary>
public struct CUmodule
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}

/// <summary>A kernel of a module.</summary>
public struct CUfunction
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}

/// <summary>A queue of work.</summary>
public struct CUstream
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}

/// <summary>A place in a stream.</summary>
public struct CUevent
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}

/// <summary>Captured work.</summary>
public struct CUgraph
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}

/// <summary>Captured work, ready to launch.</summary>
public struct CUgraphExec
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}
