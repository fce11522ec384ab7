using Xunit;

namespace HybridEngine.Native.Tests;

public sealed class NativeLoaderTests
{
    [Fact]
    public void Load_NothingThere_ReportsEveryAttempt()
    {
        NativeLibraryReport report = NativeLoader.Load(["/nowhere/a.so", "/nowhere/b.so"]).Report;
        Assert.False(report.IsLoaded);
        Assert.Equal(["/nowhere/a.so", "/nowhere/b.so"], report.Attempts.Select(a => a.Path));
        Assert.All(report.Attempts, a => Assert.Equal("no such file", a.Outcome));
        Assert.Contains("/nowhere/b.so: no such file", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FileIsNoLibrary_SaysWhyAndGoesOn()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "not a library");
            NativeLibraryReport report = NativeLoader.Load([path, "/nowhere/b.so"]).Report;
            Assert.Equal(2, report.Attempts.Count);
            Assert.NotEqual("loaded", report.Attempts[0].Outcome);
            Assert.DoesNotContain('\n', report.ToString());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Candidates_VariableIsSet_TriesNothingElse() => Assert.Equal(["/some/lib.so"], NativeLoader.Candidates("/some/lib.so", "/app"));

    [Fact]
    public void Candidates_InACheckout_EndWithItsBuild()
    {
        string[] candidates = [.. NativeLoader.Candidates(null, AppContext.BaseDirectory)];
        Assert.Equal(3, candidates.Length);
        Assert.Equal(AppContext.BaseDirectory.TrimEnd('/'), Path.GetDirectoryName(candidates[0]));
        Assert.Contains("runtimes", candidates[1], StringComparison.Ordinal);
        Assert.StartsWith(Repository.PathOf("artifacts/native"), candidates[2], StringComparison.Ordinal);
    }
}
