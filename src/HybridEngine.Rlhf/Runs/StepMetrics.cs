using System.Globalization;
using System.Text;
using System.Text.Json;

namespace HybridEngine.Rlhf;

/// <summary>What one optimizer step reports: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Counts from 1.</param>
public sealed class StepMetrics(int Step)
{
    private readonly List<KeyValuePair<string, double>> _values = [];

    /// <summary>Counts from 1.</summary>
    public int Step { get; } = Step;

    /// <summary>Wall-clock seconds of the step.</summary>
    public double Seconds { get; set; }

    /// <summary>Tokens that were trained on (generated ones included once).</summary>
    public long Tokens { get; set; }

    /// <summary>Named values in the order they were set.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> Values => _values;

    /// <summary>A value; not-a-number when there is none of that name.</summary>
    public double this[string name]
    {
        get
        {
            foreach (KeyValuePair<string, double> v in _values)
            {
                if (v.Key == name) { return v.Value; }
            }

            return double.NaN;
        }

        set => _values.Add(new(name, value));
    }

    /// <summary>One line of JSON; what is not a number becomes null.</summary>
    public string ToJson()
    {
        StringBuilder line = new();
        line.Append(CultureInfo.InvariantCulture, $"{{\"step\": {Step}, \"seconds\": {Math.Round(Seconds, 4):R}, \"tokens\": {Tokens}");
        foreach ((string name, double value) in _values)
        {
            line.Append(CultureInfo.InvariantCulture, $", {JsonSerializer.Serialize(name)}: ");
            if (double.IsFinite(value)) { line.Append(value.ToString("G9", CultureInfo.InvariantCulture)); }
            else { line.Append("null"); }
        }

        return line.Append('}').ToString();
    }
}
