using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Inference;
using Microsoft.Extensions.AI;

namespace HybridEngine;

/// <summary>A call that the model has to make: its beginning is written for it, its arguments are held to the function's schema, its end is added.</summary>
/// <param name="Begun">What the model finds written.</param>
/// <param name="Arguments">What it may write; null where it is free, because the format or the schema allows no more.</param>
/// <param name="Closing">What makes the call whole after it.</param>
internal sealed record RequiredCall(string Begun, TokenConstraint? Arguments, string Closing)
{
    public static RequiredCall Of(ToolCallFormat format, ChatCall call, CompiledConstraints constraints)
    {
        // The caller holds the model to a form of its own.
        if (call.Sampling.Constraint is not null) { return new RequiredCall(format.Begin(call.RequiredFunction), null, ""); }
        JsonArray tools = TemplateMessages.Write(call.Tools);
        if (call.RequiredFunction is { } name)
        {
            JsonNode function = tools.First(t => (string?)t!["function"]!["name"] == name)!["function"]!;
            string begun = format.Begin(name);
            return Try(constraints, Schema(function)) is { } arguments ? new RequiredCall(begun, arguments, format.Write(name, "")[begun.Length..]) : new RequiredCall(begun, null, "");
        }

        string open = format.Begin(null);
        if (format.Keys is not { } keys) { return new RequiredCall(open, null, ""); }
        JsonArray choices = [];
        foreach (JsonNode? tool in tools)
        {
            JsonNode function = tool!["function"]!;
            choices.Add(new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject { [keys.Name] = new JsonObject { ["const"] = (string)function["name"]! }, [keys.Arguments] = Schema(function) },
                ["required"] = new JsonArray(keys.Name, keys.Arguments),
                ["additionalProperties"] = false,
            });
        }

        int brace = open.LastIndexOf('{');
        string whole = format.Write("", "");
        return Try(constraints, new JsonObject { ["anyOf"] = choices }) is { } any ? new RequiredCall(open[..brace], any, whole[(whole.LastIndexOf('}') + 1)..]) : new RequiredCall(open, null, "");
    }

    private static JsonObject Schema(JsonNode function)
    {
        JsonObject schema = function["parameters"] is JsonObject given ? (JsonObject)given.DeepClone() : [];
        schema.TryAdd("type", "object");
        return schema;
    }

    // A schema that no constraint can be made of leaves the arguments free; the function will say what is wrong with them.
    private static TokenConstraint? Try(CompiledConstraints constraints, JsonObject schema)
    {
        try
        {
            return constraints.JsonSchema(ClosedSchema.Of(schema.ToJsonString()));
        }
        catch (HybridEngineException)
        {
            return null;
        }
    }
}
