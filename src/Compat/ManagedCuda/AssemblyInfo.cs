using System.Runtime.CompilerServices;

// Only blittable types cross into the driver: no hidden copies, no hidden conversions.
[assembly: DisableRuntimeMarshalling]
