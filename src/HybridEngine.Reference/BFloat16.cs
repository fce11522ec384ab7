namespace HybridEngine.Reference;

/// <summary>The upper half of a float32.</summary>
internal static class BFloat16
{
    public static float ToFloat(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.</summary>
    public static ushort FromFloat(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) { return (ushort)(bits >> 16 | 0x40); }
        uint tie = bits >> 16 & 1;
        return (ushort)(bits + 0x7FFF + tie >> 16);
    }
}
