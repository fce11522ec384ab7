using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Architecture.Tests;

/// <summary>The tables of docs/benchmarks say what the raw measurements beside them say (benchmarks/tables.py --check).</summary>
public sealed partial class BenchmarkPageTests
{
    [SkippableFact]
    public void Tables_OfEveryPage_AgreeWithTheirData()
    {
        string[] pages = [.. Directory.GetFiles(RepoRoot.Combine("docs", "benchmarks"), "*.md").Where(p => File.ReadAllText(p).Contains("<!-- table:", StringComparison.Ordinal))];
        Assert.NotEmpty(pages);
        (int code, string output) = Check(pages);
        Assert.True(code == 0, output);
    }

    [SkippableFact]
    public void Check_FigureChangedByHand_NamesThePage()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("he-pages-");
        try
        {
            string page = Path.Combine(folder.FullName, "page.md"), raw = RepoRoot.Combine("docs", "benchmarks", "raw", "epyc-zen5");
            DirectoryInfo copy = folder.CreateSubdirectory("raw");
            foreach (string file in Directory.GetFiles(raw)) { File.Copy(file, Path.Combine(copy.FullName, Path.GetFileName(file))); }
            File.WriteAllText(page, "<!-- table: roofs raw -->\n<!-- end -->\n");
            Assert.Equal(0, Python(RepoRoot.Combine("benchmarks", "tables.py"), page).ExitCode);
            Assert.Equal(0, Check(page).ExitCode);

            string written = File.ReadAllText(page), changed = Figure().Replace(written, m => m.Value == "9" ? "8" : "9", 1);
            Assert.NotEqual(written, changed);
            File.WriteAllText(page, changed);
            (int code, string output) = Check(page);
            Assert.Equal(1, code);
            Assert.Contains(page, output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static (int ExitCode, string Output) Check(params string[] pages) => Python([RepoRoot.Combine("benchmarks", "tables.py"), "--check", .. pages]);

    private static (int ExitCode, string Output) Python(params string[] arguments)
    {
        // tables.py needs nothing but Python's own library; -B leaves no compiled files in the checkout.
        ProcessStartInfo info = new("python3", ["-B", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process? process = null;
        try
        {
            process = Process.Start(info);
        }
        catch (Win32Exception e)
        {
            Skip.If(true, $"python3 was not found ({e.Message}): benchmarks/tables.py was not run");
        }

        using (process)
        {
            Task<string> errors = process!.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + errors.Result);
        }
    }

    // The last digit of the first cell that is a number.
    [GeneratedRegex(@"(?<=\| \d+\.\d*)\d(?= \|)")]
    private static partial Regex Figure();
}
