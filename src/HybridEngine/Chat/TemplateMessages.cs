using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using Microsoft.Extensions.AI;

namespace HybridEngine;

/// <summary>Messages and tools of Microsoft.Extensions.AI as a chat template's variables, in OpenAI's layout, which templates read.</summary>
internal static class TemplateMessages
{
    /// <summary>How a template wants calls of earlier turns: arguments as an object or as JSON text, an absent text as "" or as null.</summary>
    public readonly record struct CallStyle(bool ArgumentsAsText, bool NullContent);

    /// <summary>The styles in the order in which they are tried.</summary>
    public static IReadOnlyList<CallStyle> Styles { get; } = [new(false, false), new(true, false), new(true, true), new(false, true)];

    /// <exception cref="UnsupportedException">A message holds content that is neither text, reasoning, a function call nor a result.</exception>
    public static JsonArray Write(IEnumerable<ChatMessage> messages, string? instructions, CallStyle style)
    {
        JsonArray all = [];
        if (!string.IsNullOrEmpty(instructions)) { all.Add(new JsonObject { ["role"] = "system", ["content"] = instructions }); }
        Dictionary<string, string> names = new(StringComparer.Ordinal);
        foreach (ChatMessage message in messages) { Add(all, message, style, names); }
        return all;
    }

    /// <summary>Functions in OpenAI's layout.</summary>
    /// <param name="tools">Functions.</param>
    /// <param name="describeParameters">Give parameters without a description an empty one: Command R's template stumbles over its absence.</param>
    /// <exception cref="UnsupportedException">A tool is not a function.</exception>
    public static JsonArray Write(IEnumerable<AITool> tools, bool describeParameters = false)
    {
        JsonArray all = [];
        foreach (AITool tool in tools)
        {
            AIFunctionDeclaration function = tool as AIFunctionDeclaration ?? throw new UnsupportedException("tools", $"{tool.Name} ({tool.GetType().Name})", "functions");
            JsonNode? parameters = JsonNode.Parse(function.JsonSchema.GetRawText());
            if (describeParameters) { Describe(parameters); }
            all.Add(new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = function.Name, ["description"] = function.Description, ["parameters"] = parameters } });
        }

        return all;
    }

    private static void Describe(JsonNode? schema)
    {
        if (schema is not JsonObject || schema["properties"] is not JsonObject properties) { return; }
        foreach ((_, JsonNode? property) in properties)
        {
            if (property is JsonObject p && !p.ContainsKey("description")) { p["description"] = ""; }
            Describe(property);
        }
    }

    /// <summary>Names of all functions that messages call.</summary>
    public static IEnumerable<string> CalledFunctions(IEnumerable<ChatMessage> messages) => messages.SelectMany(m => m.Contents).OfType<FunctionCallContent>().Select(c => c.Name);

    /// <summary>Arguments of a call as JSON.</summary>
    public static string Arguments(FunctionCallContent call) => JsonText.Of<IDictionary<string, object?>>(call.Arguments ?? new Dictionary<string, object?>());

    /// <summary>What a function returned, as text.</summary>
    public static string Result(FunctionResultContent result) => result.Result switch
    {
        null => result.Exception is { } e ? $"error: {e.Message}" : "",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } text => text.GetString()!,
        JsonElement json => JsonText.Of(json),
        TextContent text => text.Text,
        object value => JsonText.Of(value),
    };

    private static void Add(JsonArray all, ChatMessage message, CallStyle style, Dictionary<string, string> names)
    {
        string text = "", reasoning = "";
        JsonArray calls = [];
        List<JsonObject> results = [];
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextReasoningContent r: reasoning += r.Text; break;
                case TextContent t: text += t.Text; break;
                case FunctionCallContent call:
                    names[call.CallId] = call.Name;
                    JsonNode arguments = style.ArgumentsAsText ? JsonValue.Create(Arguments(call)) : JsonNode.Parse(Arguments(call))!;
                    calls.Add(new JsonObject { ["id"] = call.CallId, ["type"] = "function", ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = arguments } });
                    break;
                case FunctionResultContent result:
                    results.Add(new JsonObject { ["role"] = "tool", ["tool_call_id"] = result.CallId, ["name"] = names.GetValueOrDefault(result.CallId, ""), ["content"] = Result(result) });
                    break;
                case UsageContent: break;
                default: throw new UnsupportedException("messages", $"{content.GetType().Name} in a message of role {message.Role}", "text, reasoning, function calls and results");
            }
        }

        if (results.Count == 0 || text.Length > 0 || calls.Count > 0)
        {
            JsonObject written = new() { ["role"] = message.Role.Value, ["content"] = calls.Count > 0 && text.Length == 0 && style.NullContent ? null : text };
            if (message.AuthorName is { Length: > 0 } author) { written["name"] = author; }
            if (reasoning.Length > 0) { written["reasoning_content"] = reasoning; }
            if (calls.Count > 0) { written["tool_calls"] = calls; }
            all.Add(written);
        }

        foreach (JsonObject result in results) { all.Add(result); }
    }
}
