using System.Runtime.CompilerServices;

// Only blittable types cross the C ABI: no hidden copies, no hidden conversions.
[assembly: DisableRuntimeMarshalling]
[assembly: InternalsVisibleTo("HybridEngine.Native.Tests")]
