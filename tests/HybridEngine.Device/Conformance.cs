using System.Diagnostics;
using System.Reflection;
using HybridEngine.Cuda.Tests;
using HybridEngine.Kernels.Tests;
using Xunit;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace HybridEngine.Device;

/// <summary>The test classes that run on CUDA, inside this process.</summary>
/// <remarks>A process runs one class, or few: after a fault in a kernel every further call of the process fails.</remarks>
internal static class Conformance
{
    private static readonly Assembly _suite = typeof(CudaBackend).Assembly, _backend = typeof(EndToEndTests).Assembly;

    /// <summary>The conformance suite's on this backend, then the backend's own.</summary>
    public static IEnumerable<Type> Classes =>
        [.. _suite.GetTypes().Where(t => t.BaseType is { IsGenericType: true } suite && suite.GenericTypeArguments.Any(IsCuda)), .. _backend.GetTypes().Where(t => t is { IsPublic: true, IsAbstract: false } && HasTests(t))];

    /// <summary>Runs a class; its line goes to standard output, failures go to standard error.</summary>
    /// <returns>Whether something passed and nothing failed.</returns>
    public static bool Run(string name)
    {
        Type type = Classes.SingleOrDefault(t => t.Name == name) ?? throw new Core.InvalidInputException("CLASS", $"'{name}'", $"one of {string.Join(", ", Classes.Select(t => t.Name))}");
        using XunitTestFramework framework = new(new NullMessageSink());
        TestOptions options = new();
        using Found found = new();
        using (ITestFrameworkDiscoverer discoverer = framework.GetDiscoverer(Reflector.Wrap(type.Assembly)))
        {
            discoverer.Find(type.FullName!, includeSourceInformation: false, found, options);
            found.Wait();
        }

        using Outcome outcome = new();
        long start = Stopwatch.GetTimestamp();
        using (ITestFrameworkExecutor executor = framework.GetExecutor(type.Assembly.GetName()))
        {
            executor.RunTests(found.Cases, outcome, options);
            outcome.Wait();
        }

        Write(name, outcome, Stopwatch.GetElapsedTime(start).TotalSeconds);
        return outcome is { Passed: > 0, Failed: 0 };
    }

    private static bool IsCuda(Type backend) => backend == typeof(CudaBackend) || backend == typeof(CudaAtLength);

    private static bool HasTests(Type type) => type.GetMethods().Any(m => m.GetCustomAttributes<FactAttribute>(inherit: true).Any());

    private static void Write(string name, Outcome outcome, double seconds) => JsonLine.Write(w =>
    {
        w.WriteString("class", name);
        w.WriteNumber("passed", outcome.Passed);
        w.WriteNumber("failed", outcome.Failed);
        w.WriteNumber("skipped", outcome.Skipped);
        w.WriteNumber("seconds", Math.Round(seconds, 2));
        w.WriteStartArray("failures");
        foreach ((string test, string message) in outcome.Failures.Take(20))
        {
            w.WriteStartObject();
            w.WriteString("test", test);
            w.WriteString("message", message.Length > 400 ? message[..400] : message);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    });
}
