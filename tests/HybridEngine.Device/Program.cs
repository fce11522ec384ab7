using System.Globalization;
using HybridEngine.Core;
using HybridEngine.Cuda;

namespace HybridEngine.Device;

/// <summary>What tests/device/run.sh calls on a machine with a GPU; results are JSON lines on standard output.</summary>
internal static class Program
{
    private const string Usage = """
        usage: HybridEngine.Device cli ARGUMENTS...           the command hybridengine
               HybridEngine.Device classes                    names of the test classes that run on CUDA
               HybridEngine.Device conformance CLASS...       runs them
               HybridEngine.Device agree MODEL TYPE BOUND N   a model's scores on CUDA in this type against the CPU's in float32, of sequences up to N tokens: no log-probability
                                                              farther apart than BOUND
               HybridEngine.Device ptx FOLDER                 writes the PTX of this build
        """;

    public static async Task<int> Main(string[] args)
    {
        try
        {
            switch (args)
            {
                case ["cli", .. string[] rest]:
                    return await Cli.Program.Main(rest).ConfigureAwait(false);
                case ["classes"]:
                    foreach (Type type in Conformance.Classes) { Console.WriteLine(type.Name); }
                    return 0;
                case ["conformance", _, ..]:
                    bool[] passed = [.. args[1..].Select(Conformance.Run)];
                    return passed.All(p => p) ? 0 : 1;
                case ["agree", string model, string type, string bound, string longest]:
                    return Agreement.Holds(model, type, double.Parse(bound, CultureInfo.InvariantCulture), int.Parse(longest, CultureInfo.InvariantCulture)) ? 0 : 1;
                case ["ptx", string folder]:
                    return WritePtx(folder);
                default:
                    await Console.Error.WriteLineAsync(Usage).ConfigureAwait(false);
                    return 2;
            }
        }
        catch (HybridEngineException e)
        {
            await Console.Error.WriteLineAsync($"error: {e.Message}").ConfigureAwait(false);
            return 1;
        }
    }

    private static int WritePtx(string folder)
    {
        System.Reflection.Assembly kernels = typeof(CudaKernels).Assembly;
        string[] names = [.. kernels.GetManifestResourceNames().Where(n => n.EndsWith(".ptx", StringComparison.Ordinal))];
        Directory.CreateDirectory(folder);
        foreach (string name in names)
        {
            using Stream image = kernels.GetManifestResourceStream(name)!;
            using FileStream file = File.Create(Path.Combine(folder, name));
            image.CopyTo(file);
        }

        if (names.Length > 0) { return 0; }
        Console.Error.WriteLine("error: this build holds no PTX (docs/cuda.md)");
        return 1;
    }
}
