using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using HybridEngine.Core;
using Microsoft.Extensions.AI;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>Metrics and activities by the names of OpenTelemetry's GenAI conventions. Listeners hear the whole process: each test looks for its own model's name.</summary>
public sealed class TelemetryTests : IClassFixture<AsyncEngineTests.Model>
{
    private readonly TalkingModel _model;

    public TelemetryTests(AsyncEngineTests.Model model) => _model = model.Folder;

    [Fact]
    public async Task Chat_Listened_ReportsDurationsTokensAndTimesPerToken()
    {
        string name = Guid.NewGuid().ToString("N");
        using Recorder recorder = new(name);
        using (HybridChatClient client = new(_model.Open(new AsyncEngineOptions { ModelId = name }), ownsEngine: true))
        {
            ChatResponse response = await client.GetResponseAsync("hi", TalkingModel.Saying("hello"));
            Assert.Equal([response.Usage!.InputTokenCount!.Value], recorder.Values("gen_ai.client.token.usage", ("gen_ai.token.type", "input")));
            Assert.Equal([response.Usage.OutputTokenCount!.Value], recorder.Values("gen_ai.client.token.usage", ("gen_ai.token.type", "output")));
            Assert.Equal([0], recorder.Observe("hybridengine.requests.pending"));
        }

        foreach (string metric in (string[])["gen_ai.client.operation.duration", "gen_ai.server.request.duration", "gen_ai.server.time_to_first_token", "gen_ai.server.time_per_output_token"])
        {
            Assert.True(Assert.Single(recorder.Values(metric, ("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "hybridengine"), ("gen_ai.response.model", name))) > 0, metric);
            Assert.Equal("s", recorder.Unit(metric));
        }
    }

    [Fact]
    public async Task Chat_Listened_IsAnActivityWithTheRequestsAttributes()
    {
        string name = Guid.NewGuid().ToString("N");
        using Spans spans = new(name);
        using HybridChatClient client = new(_model.Open(new AsyncEngineOptions { ModelId = name }), ownsEngine: true);
        ChatOptions options = TalkingModel.Saying("hello");
        (options.Temperature, options.TopP, options.TopK, options.Seed, options.StopSequences, options.MaxOutputTokens) = (0.5f, 0.75f, 4, 11, ["zzz"], 50);
        ChatResponse response = await client.GetResponseAsync("hi", options);
        Activity span = Assert.Single(spans.Ended);
        Assert.Equal($"chat {name}", span.DisplayName);
        Dictionary<string, object?> tags = span.TagObjects.ToDictionary(t => t.Key, t => t.Value);
        Assert.Equal("chat", tags["gen_ai.operation.name"]);
        Assert.Equal("hybridengine", tags["gen_ai.provider.name"]);
        Assert.Equal(name, tags["gen_ai.request.model"]);
        Assert.Equal(name, tags["gen_ai.response.model"]);
        Assert.Equal((0.5, 0.75, 4.0, 11L, 50), (tags["gen_ai.request.temperature"], tags["gen_ai.request.top_p"], tags["gen_ai.request.top_k"], tags["gen_ai.request.seed"], tags["gen_ai.request.max_tokens"]));
        Assert.Equal(["zzz"], (string[])tags["gen_ai.request.stop_sequences"]!);
        Assert.Equal(["stop"], (string[])tags["gen_ai.response.finish_reasons"]!);
        Assert.Equal(response.ResponseId, tags["gen_ai.response.id"]);
        Assert.Equal((response.Usage!.InputTokenCount, response.Usage.OutputTokenCount), ((long)tags["gen_ai.usage.input_tokens"]!, (long)tags["gen_ai.usage.output_tokens"]!));
        Assert.Equal("text", tags["gen_ai.output.type"]);
    }

    [Fact]
    public async Task Chat_ThatFails_ReportsItsErrorType()
    {
        string name = Guid.NewGuid().ToString("N");
        using Recorder recorder = new(name);
        using Spans spans = new(name);
        using HybridChatClient client = new(_model.Open(new AsyncEngineOptions { ModelId = name }), ownsEngine: true);
        await Assert.ThrowsAnyAsync<HybridEngineException>(() => client.GetResponseAsync("hi", new ChatOptions { TopK = -1 }));
        Assert.Single(recorder.Values("gen_ai.client.operation.duration", ("error.type", "HybridEngine.Core.InvalidInputException")));
        Assert.Equal(ActivityStatusCode.Error, Assert.Single(spans.Ended).Status);
    }

    [Fact]
    public async Task Embeddings_Listened_AreAnOperationOfTheirOwn()
    {
        string name = Guid.NewGuid().ToString("N");
        using Recorder recorder = new(name);
        using Spans spans = new(name);
        using HybridEmbeddingGenerator generator = new(_model.Open(new AsyncEngineOptions { ModelId = name }), ownsEngine: true);
        await generator.GenerateAsync(["abc"]);
        Assert.Equal($"embeddings {name}", Assert.Single(spans.Ended).DisplayName);
        Assert.Equal([3], recorder.Values("gen_ai.client.token.usage", ("gen_ai.operation.name", "embeddings")));
    }

    private sealed class Recorder : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentBag<(string Metric, double Value, Dictionary<string, object?> Tags)> _all = [];
        private readonly ConcurrentDictionary<string, string?> _units = new();
        private readonly string _model;

        public Recorder(string model)
        {
            _model = model;
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name != EngineTelemetry.MeterName) { return; }
                _units[instrument.Name] = instrument.Unit;
                listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((i, v, tags, _) => Add(i, v, tags));
            _listener.SetMeasurementEventCallback<long>((i, v, tags, _) => Add(i, v, tags));
            _listener.SetMeasurementEventCallback<int>((i, v, tags, _) => Add(i, v, tags));
            _listener.Start();
        }

        public double[] Values(string metric, params (string Name, string Value)[] tags) =>
            [.. _all.Where(m => m.Metric == metric && tags.All(t => t.Value.Equals(m.Tags.GetValueOrDefault(t.Name)))).Select(m => m.Value)];

        public double[] Observe(string metric)
        {
            _listener.RecordObservableInstruments();
            return Values(metric);
        }

        public string? Unit(string metric) => _units[metric];

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            Dictionary<string, object?> all = [];
            foreach ((string key, object? v) in tags) { all[key] = v; }
            if (_model.Equals(all.GetValueOrDefault("gen_ai.request.model"))) { _all.Add((instrument.Name, value, all)); }
        }
    }

    private sealed class Spans : IDisposable
    {
        private readonly ActivityListener _listener;

        public Spans(string model)
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == EngineTelemetry.ActivitySourceName,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = activity => { if (activity.DisplayName.EndsWith(model, StringComparison.Ordinal)) { Ended.Enqueue(activity); } },
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public ConcurrentQueue<Activity> Ended { get; } = [];

        public void Dispose() => _listener.Dispose();
    }
}
