namespace HybridEngine.Rlhf.Tests;

public sealed class ReportPageTests
{
    [Fact]
    public void ToHtml_HostileTexts_AreEscaped()
    {
        string html = new ReportPage("<script>", []) { Samples = [new ReportSample("<b>", "\"><img src=x>", "&")], Configuration = "</pre>" }.ToHtml();
        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", html, StringComparison.Ordinal);
        Assert.DoesNotContain("</pre></pre>", html, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme:dark", html, StringComparison.Ordinal);
        Assert.Contains("viewport", html, StringComparison.Ordinal);
    }

    [Fact]
    public void ToHtml_Curve_GoesThroughItsPointsAndSkipsWhatIsNoNumber()
    {
        StepMetrics[] history = [.. Enumerable.Range(1, 3).Select(i => new StepMetrics(i) { Seconds = 1, ["loss"] = i == 2 ? double.NaN : 4 - i })];
        string html = new ReportPage("run", [new ReportStage("sft", history)]).ToHtml();
        Assert.Contains("M46.0 8.0 L312.0 130.0", html, StringComparison.Ordinal);
        Assert.Contains("from 3 to 1", html, StringComparison.Ordinal);
        Assert.Contains("3.0 s", html, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", html, StringComparison.Ordinal);
    }

    [Fact]
    public void MetricsLog_Reopened_DropsLaterAndTornLines()
    {
        string path = Path.GetTempFileName();
        try
        {
            using (MetricsLog log = new(path, 0))
            {
                for (int i = 1; i <= 4; i++) { log.Add(new StepMetrics(i) { Tokens = i, ["loss"] = 0.1 * i, ["loss/ptx"] = double.NaN }); }
            }

            File.AppendAllText(path, "{\"step\": 5, \"sec");
            using (MetricsLog log = new(path, 3)) { log.Add(new StepMetrics(4) { ["loss"] = 7 }); }
            IReadOnlyList<StepMetrics> lines = MetricsLog.Read(path);
            Assert.Equal([1, 2, 3, 4], lines.Select(l => l.Step));
            Assert.Equal(7, lines[3]["loss"]);
            Assert.Equal(0.3, lines[2]["loss"], 6);
            Assert.True(double.IsNaN(lines[2]["loss/ptx"]));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
