using Xunit;
using Xunit.Abstractions;

namespace HybridEngine.Device;

/// <summary>xunit's messages until the last one.</summary>
internal abstract class Sink : LongLivedMarshalByRefObject, IMessageSink, IDisposable
{
    private readonly ManualResetEventSlim _done = new();

    public bool OnMessage(IMessageSinkMessage message)
    {
        if (Take(message)) { _done.Set(); }
        return true;
    }

    public void Wait() => _done.Wait();

    public void Dispose() => _done.Dispose();

    /// <summary>Whether this was the last.</summary>
    protected abstract bool Take(IMessageSinkMessage message);
}

/// <summary>Tests of a class.</summary>
internal sealed class Found : Sink
{
    public List<ITestCase> Cases { get; } = [];

    protected override bool Take(IMessageSinkMessage message)
    {
        if (message is ITestCaseDiscoveryMessage found) { Cases.Add(found.TestCase); }
        return message is IDiscoveryCompleteMessage;
    }
}

/// <summary>What became of them.</summary>
internal sealed class Outcome : Sink
{
    public int Passed { get; private set; }

    public int Skipped { get; private set; }

    public int Failed => Failures.Count;

    public List<(string Test, string Message)> Failures { get; } = [];

    protected override bool Take(IMessageSinkMessage message)
    {
        switch (message)
        {
            case ITestPassed: Passed++; break;
            case ITestSkipped skipped:
                Skipped++;
                Console.Error.WriteLine($"skipped: {skipped.Test.DisplayName}: {skipped.Reason}");
                break;
            case IFailureInformation failure: // of a test, or of what surrounds one
                string test = message is ITestMessage of ? of.Test.DisplayName : message.GetType().Name;
                string text = string.Join(" <- ", failure.ExceptionTypes.Zip(failure.Messages, (type, why) => $"{type}: {why}"));
                Failures.Add((test, text));
                Console.Error.WriteLine($"failed: {test}: {text}\n{failure.StackTraces.FirstOrDefault()}");
                break;
        }

        return message is ITestAssemblyFinished;
    }
}

/// <summary>One test at a time: they share a GPU, and a fault belongs to the test that it shows in.</summary>
internal sealed class TestOptions : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
{
    private readonly Dictionary<string, object?> _values = new()
    {
        ["xunit.execution.DisableParallelization"] = true, ["xunit.execution.SynchronousMessageReporting"] = true, ["xunit.discovery.SynchronousMessageReporting"] = true,
    };

    public TValue GetValue<TValue>(string name) => _values.TryGetValue(name, out object? value) && value is TValue typed ? typed : default!;

    public void SetValue<TValue>(string name, TValue value) => _values[name] = value;
}
