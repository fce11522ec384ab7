using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace HybridEngine;

/// <summary>One call of a client, from start to end: its activity, its duration, its tokens.</summary>
internal sealed class ClientOperation : IDisposable
{
    private static readonly Meter _meter = new(EngineTelemetry.MeterName);
    private static readonly Histogram<double> _duration =
        _meter.CreateHistogram(GenAI.OperationDuration, "s", "Time of a call.", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = GenAI.DurationBounds });
    private static readonly Histogram<long> _tokens =
        _meter.CreateHistogram(GenAI.TokenUsage, "{token}", "Tokens of a call.", tags: null, new InstrumentAdvice<long> { HistogramBucketBoundaries = GenAI.TokenBounds });

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly string _operation;
    private readonly string _model;
    private string? _error;
    private bool _ended;

    public ClientOperation(string operation, string model)
    {
        (_operation, _model) = (operation, model);
        // The model runs in this process: the conventions allow INTERNAL in place of CLIENT there.
        Activity = EngineTelemetry.Activities.StartActivity($"{operation} {model}", ActivityKind.Internal);
        Set(GenAI.OperationName, operation);
        Set(GenAI.ProviderName, GenAI.Provider);
        Set(GenAI.RequestModel, model);
    }

    /// <summary>The activity, or null when nobody listens.</summary>
    public Activity? Activity { get; }

    public void Set(string name, object? value)
    {
        if (value is not null) { Activity?.SetTag(name, value); }
    }

    /// <summary>What the call has used; also when it failed half way.</summary>
    public void Use(long inputTokens, long? outputTokens)
    {
        Set("gen_ai.usage.input_tokens", inputTokens);
        Set("gen_ai.usage.output_tokens", outputTokens);
        if (!_tokens.Enabled) { return; }
        Record(inputTokens, "input");
        if (outputTokens is { } n) { Record(n, "output"); }
    }

    public void Fail(Exception error)
    {
        _error = error.GetType().FullName;
        Activity?.SetStatus(ActivityStatusCode.Error, error.Message);
        Set(GenAI.ErrorType, _error);
    }

    public void Dispose()
    {
        if (_ended) { return; }
        _ended = true;
        Set(GenAI.ResponseModel, _model);
        if (_duration.Enabled)
        {
            TagList tags = GenAI.Tags(_operation, _model);
            if (_error is not null) { tags.Add(GenAI.ErrorType, _error); }
            _duration.Record(Stopwatch.GetElapsedTime(_start).TotalSeconds, tags);
        }

        Activity?.Dispose();
    }

    private void Record(long count, string type)
    {
        TagList tags = GenAI.Tags(_operation, _model);
        tags.Add(GenAI.TokenType, type);
        _tokens.Record(count, tags);
    }
}
