using System.Diagnostics;

namespace HybridEngine;

/// <summary>Names under which this library reports: <c>AddSource</c> and <c>AddMeter</c> of OpenTelemetry take them. Nothing is measured unless somebody listens.</summary>
/// <remarks>
/// Metrics of the GenAI conventions: <c>gen_ai.client.operation.duration</c> and <c>gen_ai.client.token.usage</c> (of the chat client and the embedding generator),
/// <c>gen_ai.server.request.duration</c>, <c>gen_ai.server.time_to_first_token</c> and <c>gen_ai.server.time_per_output_token</c> (of every request of an <see cref="AsyncEngine"/>),
/// and <c>hybridengine.requests.pending</c>. Activities: <c>chat MODEL</c>, <c>embeddings MODEL</c>. No prompt or answer is ever recorded.
/// </remarks>
public static class EngineTelemetry
{
    /// <summary>Name of the <see cref="System.Diagnostics.ActivitySource"/>.</summary>
    public const string ActivitySourceName = "HybridEngine";

    /// <summary>Name of the <see cref="System.Diagnostics.Metrics.Meter"/>s.</summary>
    public const string MeterName = "HybridEngine";

    internal static readonly ActivitySource Activities = new(ActivitySourceName);
}
