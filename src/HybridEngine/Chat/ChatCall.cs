using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Inference;
using Microsoft.Extensions.AI;

namespace HybridEngine;

/// <summary>A call's <see cref="ChatOptions"/>, read: every member is honoured here or refused by its name.</summary>
internal sealed record ChatCall
{
    /// <summary>How to draw; its longest answer is a wish that the context may cut.</summary>
    public required SamplingOptions Sampling { get; init; }

    /// <summary>The caller's seed, or null.</summary>
    public long? Seed { get; init; }

    /// <summary>As <see cref="GenerationRequest.Priority"/>.</summary>
    public int Priority { get; init; }

    /// <summary>As <see cref="GenerationRequest.Client"/>.</summary>
    public string Client { get; init; } = "";

    /// <summary>Name of the adapter to answer with, or null.</summary>
    public string? Adapter { get; init; }

    /// <summary>A system message before the conversation.</summary>
    public string? Instructions { get; init; }

    /// <summary>Functions that the model may call; none when the mode forbids them.</summary>
    public IReadOnlyList<AITool> Tools { get; init; } = [];

    /// <summary>It must call one.</summary>
    public bool RequireCall { get; init; }

    /// <summary>It must call this one.</summary>
    public string? RequiredFunction { get; init; }

    /// <summary>Stop after the first call.</summary>
    public bool SingleCall { get; init; }

    /// <summary>Leave reasoning out of the answer.</summary>
    public bool HideReasoning { get; init; }

    /// <summary>Variables of the template.</summary>
    public JsonObject Variables { get; init; } = [];

    /// <summary>The answer has a given form from its first character.</summary>
    public bool HasForm { get; init; }

    /// <summary>The answer is JSON.</summary>
    public bool IsJson { get; init; }

    /// <exception cref="HybridEngineException">An option cannot be honoured; the message names it.</exception>
    public static ChatCall Read(ChatOptions? options, ChatClientOptions defaults, AsyncEngine engine, IChatClient client)
    {
        SamplingOptions sampling = defaults.Sampling with { MaxTokens = defaults.MaxOutputTokens };
        if (options is null) { return new ChatCall { Sampling = sampling }; }
        Refuse(options, engine.ModelId);
        sampling = Raw(options.RawRepresentationFactory?.Invoke(client), sampling);
        sampling = sampling with
        {
            Temperature = options.Temperature ?? sampling.Temperature,
            TopP = options.TopP ?? sampling.TopP,
            TopK = options.TopK ?? sampling.TopK,
            FrequencyPenalty = options.FrequencyPenalty ?? sampling.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? sampling.PresencePenalty,
            MaxTokens = options.MaxOutputTokens ?? sampling.MaxTokens,
            StopTexts = options.StopSequences is { Count: > 0 } stops ? [.. stops] : sampling.StopTexts,
        };
        JsonObject variables = Reasoning(options.Reasoning);
        (int priority, string user, string? adapter, List<string> forms) = (0, "", null, []);
        foreach ((string name, object? value) in options.AdditionalProperties ?? [])
        {
            string known = name.Replace('-', '_');
            switch (known)
            {
                case OwnOptions.TemplateVariables: Merge(variables, value); break;
                case OwnOptions.Priority: priority = OwnOptions.Integer(known, value); break;
                case OwnOptions.Adapter: adapter = value?.ToString(); break;
                case OwnOptions.Client: user = value?.ToString() ?? ""; break;
                case OwnOptions.Regex: sampling = sampling with { Constraint = engine.Constraints.Regex(OwnOptions.Text(known, value)) }; forms.Add(known); break;
                case OwnOptions.Choice: sampling = sampling with { Constraint = engine.Constraints.Choice(OwnOptions.Texts(known, value)) }; forms.Add(known); break;
                case OwnOptions.Grammar: sampling = sampling with { Constraint = engine.Constraints.Grammar(OwnOptions.Text(known, value)) }; forms.Add(known); break;
                default: sampling = OwnOptions.Apply(sampling, known, value); break;
            }
        }

        IReadOnlyList<AITool> tools = options.ToolMode is NoneChatToolMode || options.Tools is null ? [] : [.. options.Tools];
        RequiredChatToolMode? required = options.ToolMode as RequiredChatToolMode;
        if (required is not null) { RequireTool(tools, required.RequiredFunctionName); }
        ChatResponseFormatJson? format = options.ResponseFormat as ChatResponseFormatJson;
        if (format is not null)
        {
            forms.Add("response_format");
            sampling = sampling with { Constraint = format.Schema is { ValueKind: JsonValueKind.Object } schema ? engine.Constraints.JsonSchema(ClosedSchema.Of(schema.GetRawText())) : engine.Constraints.JsonObject() };
            // What is constrained from its first character has no room for reasoning.
            variables.TryAdd("enable_thinking", false);
        }

        if (forms.Count > 1) { throw new UnsupportedException(forms[1], $"together with {forms[0]}", "one form of the answer"); }
        if (forms.Count > 0 && tools.Count > 0) { throw new UnsupportedException(forms[0], "together with tools", "one of the two in a call"); }
        return new ChatCall
        {
            Sampling = sampling,
            Seed = options.Seed,
            Priority = priority,
            Client = user,
            Adapter = adapter,
            Instructions = options.Instructions,
            Tools = tools,
            RequireCall = required is not null,
            RequiredFunction = required?.RequiredFunctionName ?? (required is not null && tools.Count == 1 ? tools[0].Name : null),
            SingleCall = options.AllowMultipleToolCalls == false,
            HideReasoning = options.Reasoning?.Output == ReasoningOutput.None,
            Variables = variables,
            HasForm = forms.Count > 0,
            IsJson = format is not null,
        };
    }

    private static void Refuse(ChatOptions options, string model)
    {
        if (options.ConversationId is { } id) { throw new UnsupportedException("conversation_id", $"'{id}' (conversations are not kept here)", "all messages in each call"); }
        if (options.ContinuationToken is not null) { throw new UnsupportedException("continuation_token", "continuing an answer", "a call that runs to its end"); }
        if (options.AllowBackgroundResponses == true) { throw new UnsupportedException("allow_background_responses", "true", "a call that runs to its end"); }
        if (options.ModelId is { } wanted && wanted != model) { throw new InvalidInputException("model", $"'{wanted}'", $"'{model}', or none"); }
        if (options.ResponseFormat is { } format and not (ChatResponseFormatText or ChatResponseFormatJson)) { throw new UnsupportedException("response_format", format.GetType().Name, "text, json, json schema"); }
        if (options.ToolMode is { } mode and not (AutoChatToolMode or NoneChatToolMode or RequiredChatToolMode)) { throw new UnsupportedException("tool_mode", mode.GetType().Name, "auto, none, required"); }
        if (options.MaxOutputTokens is < 1) { throw new InvalidInputException("max_output_tokens", $"{options.MaxOutputTokens}", "at least 1"); }
    }

    private static SamplingOptions Raw(object? raw, SamplingOptions otherwise) => raw switch
    {
        null => otherwise,
        SamplingOptions given => given,
        _ => throw new UnsupportedException("raw_representation_factory", raw.GetType().Name, nameof(SamplingOptions)),
    };

    // Qwen3, SmolLM3 and others switch their reasoning by enable_thinking; gpt-oss reads reasoning_effort.
    private static JsonObject Reasoning(ReasoningOptions? reasoning)
    {
        JsonObject variables = [];
        if (reasoning?.Output == ReasoningOutput.Summary) { throw new UnsupportedException("reasoning.output", "summary", "none, full"); }
        if (reasoning?.Effort is { } effort)
        {
            variables["enable_thinking"] = effort != ReasoningEffort.None;
            if (effort != ReasoningEffort.None) { variables["reasoning_effort"] = effort.ToString().ToLowerInvariant(); }
        }

        return variables;
    }

    private static void Merge(JsonObject variables, object? value)
    {
        JsonNode? given = value switch
        {
            JsonObject o => o.DeepClone(),
            JsonElement { ValueKind: JsonValueKind.Object } e => JsonObject.Create(e),
            IDictionary<string, object?> d => JsonSerializer.SerializeToNode(d, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(IDictionary<string, object?>))),
            _ => throw new InvalidInputException(OwnOptions.TemplateVariables, value?.GetType().Name ?? "null", "an object"),
        };
        foreach ((string name, JsonNode? member) in given!.AsObject())
        {
            if (name is "messages" or "add_generation_prompt") { throw new InvalidInputException(OwnOptions.TemplateVariables, name, "variables other than the conversation's own"); }
            variables[name] = member?.DeepClone();
        }
    }

    private static void RequireTool(IReadOnlyList<AITool> tools, string? name)
    {
        if (tools.Count == 0) { throw new InvalidInputException("tool_mode", "a required call without tools", "tools"); }
        if (name is not null && !tools.Any(t => t.Name == name)) { throw new InvalidInputException("tool_mode", $"'{name}'", string.Join(", ", tools.Select(t => t.Name))); }
    }
}
