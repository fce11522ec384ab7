using System.Globalization;
using System.Net;
using System.Text;

namespace HybridEngine.Rlhf;

/// <summary>One curve as SVG: the values pale, their moving mean strong, least and greatest value at the axis.</summary>
internal static class LineChart
{
    private const double Width = 320, Height = 150, Left = 46, Right = 8, Top = 8, Bottom = 20;
    private const int MostPoints = 400;

    /// <param name="points">Ascending in X; finite.</param>
    /// <param name="label">Read aloud in place of the picture.</param>
    public static string Svg(IReadOnlyList<(double X, double Y)> points, string label)
    {
        (double X, double Y)[] shown = Thin(points), trend = MovingMean(points);
        double xMin = points[0].X, xMax = points[^1].X, yMin = points.Min(p => p.Y), yMax = points.Max(p => p.Y);
        if (yMax - yMin < 1e-12) { (yMin, yMax) = (yMin - 0.5 * Math.Max(1e-6, Math.Abs(yMin)), yMax + 0.5 * Math.Max(1e-6, Math.Abs(yMax))); }
        double Px(double x) => Left + (Width - Left - Right) * (xMax > xMin ? (x - xMin) / (xMax - xMin) : 0.5);
        double Py(double y) => Height - Bottom - (Height - Top - Bottom) * (y - yMin) / (yMax - yMin);
        string Path((double X, double Y)[] line) => string.Join(' ', line.Select((p, i) => string.Create(CultureInfo.InvariantCulture, $"{(i == 0 ? 'M' : 'L')}{Px(p.X):F1} {Py(p.Y):F1}")));

        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(label)}: from {Number(points[0].Y)} to {Number(points[^1].Y)}\">")
            .Append(CultureInfo.InvariantCulture, $"<path class=\"axis\" fill=\"none\" d=\"M{Left} {Top}V{Height - Bottom}H{Width - Right}\"/>")
            .Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 4}\" y=\"{Top + 8}\" text-anchor=\"end\">{Number(yMax)}</text><text x=\"{Left - 4}\" y=\"{Height - Bottom}\" text-anchor=\"end\">{Number(yMin)}</text>")
            .Append(CultureInfo.InvariantCulture, $"<text x=\"{Left}\" y=\"{Height - 5}\">{Number(xMin)}</text><text x=\"{Width - Right}\" y=\"{Height - 5}\" text-anchor=\"end\">step {Number(xMax)}</text>");
        if (points.Count == 1)
        {
            return svg.Append(CultureInfo.InvariantCulture, $"<circle class=\"trend\" cx=\"{Px(xMin):F1}\" cy=\"{Py(points[0].Y):F1}\" r=\"2\"/></svg>").ToString();
        }

        return svg.Append($"<path class=\"raw\" fill=\"none\" d=\"{Path(shown)}\"/><path class=\"trend\" fill=\"none\" d=\"{Path(trend)}\"/></svg>").ToString();
    }

    private static string Number(double x) => x.ToString(Math.Abs(x) is >= 1e5 or (> 0 and < 1e-3) ? "0.#e0" : "0.###", CultureInfo.InvariantCulture);

    private static (double X, double Y)[] Thin(IReadOnlyList<(double X, double Y)> points)
    {
        int every = (points.Count + MostPoints - 1) / MostPoints;
        return [.. points.Where((_, i) => i % every == 0 || i == points.Count - 1)];
    }

    /// <summary>Mean over a window of a twentieth of the run around each point.</summary>
    private static (double X, double Y)[] MovingMean(IReadOnlyList<(double X, double Y)> points)
    {
        int half = points.Count / 40;
        double[] sums = new double[points.Count + 1];
        for (int i = 0; i < points.Count; i++) { sums[i + 1] = sums[i] + points[i].Y; }
        (double X, double Y)[] mean = new (double, double)[points.Count];
        for (int i = 0; i < mean.Length; i++)
        {
            int a = Math.Max(0, i - half), b = Math.Min(points.Count, i + half + 1);
            mean[i] = (points[i].X, (sums[b] - sums[a]) / (b - a));
        }

        return Thin(mean);
    }
}
