using System.Globalization;
using System.Net;
using System.Text;

namespace HybridEngine.Rlhf;

/// <summary>The metrics of one stage of a report.</summary>
/// <param name="Name">Shown as the heading: <c>sft</c>, <c>reward</c>, <c>ppo</c>.</param>
/// <param name="History">A line a step.</param>
public sealed record ReportStage(string Name, IReadOnlyList<StepMetrics> History);

/// <summary>One answer before and after training.</summary>
/// <param name="Prompt">What was asked.</param>
/// <param name="Before">The first model's answer.</param>
/// <param name="After">The last model's answer.</param>
public sealed record ReportSample(string Prompt, string Before, string After);

/// <summary>One row of the table at the top of a report.</summary>
/// <param name="Name">What.</param>
/// <param name="Value">How much, as text.</param>
public sealed record ReportFact(string Name, string Value);

/// <summary>One self-contained page: curves, time breakdown, samples. No scripts, nothing from elsewhere; readable in light and dark and on a phone.</summary>
/// <param name="title">The page's heading.</param>
/// <param name="stages">Their metrics.</param>
public sealed class ReportPage(string title, IReadOnlyList<ReportStage> stages)
{
    // The curves that a reader looks at first, by stage; others are in metrics.jsonl.
    private static readonly Dictionary<string, (string Metric, string Label)[]> Curves = new()
    {
        ["sft"] = [("loss", "loss, nats per token"), ("eval/loss", "held-out loss"), ("grad_norm", "gradient norm"), ("learning_rate", "learning rate")],
        ["reward"] = [("loss", "loss"), ("accuracy", "pairs in the right order"), ("eval/accuracy", "held-out accuracy"), ("margin", "chosen minus rejected")],
        ["ppo"] =
        [
            ("objective/scores", "mean score"), ("pocket/exact", "exact answers (the truth)"), ("objective/kl", "KL to the reference, nats per answer"), ("policy/entropy_avg", "entropy, nats per token"),
            ("completions/mean_length", "mean length, tokens"), ("policy/clipfrac_avg", "clipped ratios"), ("loss/value_avg", "value loss"), ("sampling/sampling_logp_difference/max", "sampling against training, largest difference"),
        ],
    };

    /// <summary>Facts shown at the top.</summary>
    public IReadOnlyList<ReportFact> Facts { get; init; } = [];

    /// <summary>Answers before and after.</summary>
    public IReadOnlyList<ReportSample> Samples { get; init; } = [];

    /// <summary>The resolved configuration, or empty.</summary>
    public string Configuration { get; init; } = "";

    /// <summary>The page.</summary>
    public string ToHtml()
    {
        StringBuilder page = new();
        page.Append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
            .Append($"<title>{Text(title)}</title><style>{Style}</style></head><body><main><h1>{Text(title)}</h1>\n");
        AppendFacts(page);
        foreach (ReportStage stage in stages) { AppendCurves(page, stage); }
        AppendTimes(page);
        AppendSamples(page);
        if (Configuration.Length > 0) { page.Append($"<details><summary>Configuration</summary><pre>{Text(Configuration)}</pre></details>\n"); }
        return page.Append("</main></body></html>\n").ToString();
    }

    private void AppendFacts(StringBuilder page)
    {
        if (Facts.Count == 0) { return; }
        page.Append("<section><table><tbody>");
        foreach (ReportFact fact in Facts) { page.Append($"<tr><th scope=\"row\">{Text(fact.Name)}</th><td>{Text(fact.Value)}</td></tr>"); }
        page.Append("</tbody></table></section>\n");
    }

    private static void AppendCurves(StringBuilder page, ReportStage stage)
    {
        if (stage.History.Count == 0 || !Curves.TryGetValue(stage.Name, out (string Metric, string Label)[]? curves)) { return; }
        page.Append($"<section><h2>{Text(stage.Name)}</h2><div class=\"charts\">");
        foreach ((string metric, string label) in curves)
        {
            (double X, double Y)[] points = [.. stage.History.Select(m => ((double)m.Step, m[metric])).Where(p => double.IsFinite(p.Item2))];
            if (points.Length > 0) { page.Append($"<figure><figcaption>{Text(label)}</figcaption>{LineChart.Svg(points, label)}</figure>"); }
        }

        page.Append("</div></section>\n");
    }

    private void AppendTimes(StringBuilder page)
    {
        List<(string Name, double Seconds)> times = [];
        foreach (ReportStage stage in stages)
        {
            double total = stage.History.Sum(m => m.Seconds);
            string[] phases = stage.History.Count == 0 ? [] : [.. stage.History[0].Values.Where(v => v.Key.StartsWith("time/", StringComparison.Ordinal)).Select(v => v.Key)];
            if (phases.Length == 0) { times.Add((stage.Name, total)); }
            foreach (string phase in phases) { times.Add(($"{stage.Name}: {phase["time/".Length..]}", stage.History.Sum(m => m[phase]))); }
        }

        double all = times.Sum(t => t.Seconds), longest = times.Count == 0 ? 0 : times.Max(t => t.Seconds);
        if (all <= 0) { return; }
        page.Append("<section><h2>Where the time went</h2><table class=\"bars\"><tbody>");
        foreach ((string name, double seconds) in times)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><th scope=\"row\">{Text(name)}</th><td>{seconds:F1} s</td><td>{100 * seconds / all:F0} %</td>")
                .Append(CultureInfo.InvariantCulture, $"<td class=\"bar\"><span style=\"width:{100 * seconds / longest:F1}%\"></span></td></tr>");
        }

        page.Append("</tbody></table></section>\n");
    }

    private void AppendSamples(StringBuilder page)
    {
        if (Samples.Count == 0) { return; }
        page.Append("<section><h2>The same questions before and after</h2>");
        foreach (ReportSample s in Samples)
        {
            page.Append($"<article><p class=\"prompt\">{Text(s.Prompt)}</p><dl><dt>before</dt><dd>{Text(s.Before)}</dd><dt>after</dt><dd>{Text(s.After)}</dd></dl></article>");
        }

        page.Append("</section>\n");
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private const string Style = """
        :root{color-scheme:light dark;--ink:#1c1e21;--soft:#5f6670;--line:#d8dce2;--page:#fff;--card:#f6f7f9;--accent:#2563c9}
        @media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa3ad;--line:#353a41;--page:#15171a;--card:#1d2024;--accent:#6ea3ff}}
        *{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:68rem;margin:0 auto;padding:1.5rem 1rem 4rem}h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2rem 0 .75rem}
        .charts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr))}
        figure,article{margin:0;background:var(--card);border-radius:8px;padding:.75rem}figcaption{font-size:.85rem;color:var(--soft);margin-bottom:.25rem}
        svg{width:100%;height:auto;display:block}svg .axis{stroke:var(--line)}svg text{fill:var(--soft);font-size:11px}svg .raw{stroke:var(--accent);opacity:.3}svg .trend{stroke:var(--accent);stroke-width:2}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);font-weight:400;font-variant-numeric:tabular-nums}th{color:var(--soft)}
        .bar{width:45%}.bar span{display:block;height:.7rem;border-radius:3px;background:var(--accent)}
        article{margin-bottom:.75rem}.prompt{margin:0 0 .4rem;font-weight:600;white-space:pre-wrap}dl{display:grid;grid-template-columns:auto 1fr;gap:.2rem .8rem;margin:0}dt{color:var(--soft)}dd{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
        pre{overflow-x:auto;background:var(--card);padding:.75rem;border-radius:8px;font-size:.85rem}summary{cursor:pointer;margin-top:2rem}
        """;
}
