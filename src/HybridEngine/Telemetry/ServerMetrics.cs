using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace HybridEngine;

/// <summary>What one engine measures of its requests, by the conventions' server metrics.</summary>
internal sealed class ServerMetrics : IDisposable
{
    private readonly Meter _meter = new(EngineTelemetry.MeterName);
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _perToken;
    private readonly string _model;

    public ServerMetrics(string model, Func<int> pending)
    {
        _model = model;
        _duration = Seconds(GenAI.RequestDuration, "Time from submission to the last token.", GenAI.DurationBounds);
        _firstToken = Seconds(GenAI.TimeToFirstToken, "Time from submission to the first token.", GenAI.FirstTokenBounds);
        _perToken = Seconds(GenAI.TimePerOutputToken, "Time per token after the first.", GenAI.PerTokenBounds);
        KeyValuePair<string, object?> name = new(GenAI.RequestModel, model);
        _meter.CreateObservableUpDownCounter("hybridengine.requests.pending", () => new Measurement<int>(pending(), name), "{request}", "Requests that wait or run.");
    }

    public void Record(AsyncGeneration generation, Exception? error)
    {
        if (!_duration.Enabled && !_firstToken.Enabled && !_perToken.Enabled) { return; }
        TagList tags = GenAI.Tags(generation.Operation, _model);
        double seconds = generation.Duration.TotalSeconds;
        if (generation.TimeToFirstToken is { } first)
        {
            _firstToken.Record(first.TotalSeconds, tags);
            // Of one sequence: n choices run side by side.
            double perChoice = (double)generation.Tokens / generation.Request.Choices;
            if (perChoice > 1) { _perToken.Record((seconds - first.TotalSeconds) / (perChoice - 1), tags); }
        }

        if (error is not null) { tags.Add(GenAI.ErrorType, error.GetType().FullName); }
        _duration.Record(seconds, tags);
    }

    public void Dispose() => _meter.Dispose();

    private Histogram<double> Seconds(string name, string description, double[] bounds) =>
        _meter.CreateHistogram(name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });
}
