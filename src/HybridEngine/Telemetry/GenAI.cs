using System.Diagnostics;

namespace HybridEngine;

/// <summary>Names of OpenTelemetry's semantic conventions for generative AI, as far as this engine reports them.</summary>
/// <remarks>Source: opentelemetry.io/docs/specs/semconv/gen-ai (version 1.37): spans, metrics.</remarks>
internal static class GenAI
{
    // Operations.
    public const string Chat = "chat", TextCompletion = "text_completion", Embeddings = "embeddings";

    public const string Provider = "hybridengine";

    // Attributes.
    public const string OperationName = "gen_ai.operation.name";
    public const string ProviderName = "gen_ai.provider.name";
    public const string RequestModel = "gen_ai.request.model";
    public const string ResponseModel = "gen_ai.response.model";
    public const string TokenType = "gen_ai.token.type";
    public const string ErrorType = "error.type";

    // Metrics.
    public const string TokenUsage = "gen_ai.client.token.usage";
    public const string OperationDuration = "gen_ai.client.operation.duration";
    public const string RequestDuration = "gen_ai.server.request.duration";
    public const string TimeToFirstToken = "gen_ai.server.time_to_first_token";
    public const string TimePerOutputToken = "gen_ai.server.time_per_output_token";

    // Bucket bounds that the conventions ask for; seconds, tokens.
    public static readonly double[] DurationBounds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
    public static readonly double[] FirstTokenBounds = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
    public static readonly double[] PerTokenBounds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
    public static readonly long[] TokenBounds = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];

    public static TagList Tags(string operation, string model) => new()
    {
        { OperationName, operation },
        { ProviderName, Provider },
        { RequestModel, model },
        { ResponseModel, model },
    };
}
