using System.Diagnostics;
using System.Text.Json;
using HybridEngine.Testing;

namespace HybridEngine.Cli.Tests;

/// <summary>What one call of the command gave.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Error)
{
    /// <summary>The one line that an error is.</summary>
    public string ErrorLine => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault(l => l.StartsWith("error: ", StringComparison.Ordinal)) ?? "";

    public JsonElement[] Json() => [.. Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
}

/// <summary>Runs the built command as a process of its own, as users do.</summary>
internal static class Cli
{
    private static readonly string Assembly = Path.Combine(AppContext.BaseDirectory, "HybridEngine.Cli.dll");

    public static string Llama => RepoRoot.Golden("models", "llama");

    public static CliResult Run(params string[] arguments) => RunWith("", arguments);

    public static CliResult RunWith(string input, params string[] arguments)
    {
        using Process process = Start(arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromMinutes(5)))
        {
            process.Kill();
            throw new TimeoutException(string.Join(' ', arguments));
        }

        return new CliResult(process.ExitCode, output.Result, error.Result);
    }

    public static Process Start(params string[] arguments)
    {
        ProcessStartInfo info = new("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add(Assembly);
        foreach (string a in arguments) { info.ArgumentList.Add(a); }
        return Process.Start(info)!;
    }
}

/// <summary>A folder that goes away with the test.</summary>
internal sealed class Scratch : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("he-cli-").FullName;

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(At(name), text);
        return At(name);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
