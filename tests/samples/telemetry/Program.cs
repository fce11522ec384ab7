// Shows what the engine reports to OpenTelemetry: an activity for each call, metrics by the GenAI conventions' names.
// Usage: telemetry MODEL
using HybridEngine;
using Microsoft.Extensions.AI;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

using TracerProvider traces = Sdk.CreateTracerProviderBuilder().AddSource(EngineTelemetry.ActivitySourceName).AddConsoleExporter().Build();
using MeterProvider metrics = Sdk.CreateMeterProviderBuilder().AddMeter(EngineTelemetry.MeterName).AddConsoleExporter().Build();

await using AsyncEngine engine = await AsyncEngine.LoadAsync(args[0], options: new AsyncEngineOptions { ModelId = "my-model" });
using IChatClient client = new HybridChatClient(engine);
await client.GetResponseAsync("Hello!", new ChatOptions { MaxOutputTokens = 16 });

metrics.ForceFlush();
