using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Models;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace HybridEngine;

/// <summary>A model's chat template as it behaves: found out once by rendering, then used for conversations with and without tools. Thread-safe.</summary>
internal sealed class ChatRenderer
{
    // Variables under which templates look for functions (SmolLM3: xml_tools; FireFunction: functions, as text).
    private static readonly string[] _toolVariables = ["tools", "xml_tools", "functions"];

    private readonly ChatTemplate _template;
    private readonly Lazy<string?> _toolVariable;
    // FireFunction cannot do without these two variables.
    private readonly bool _needsDate;

    public ChatRenderer(ChatTemplate template)
    {
        _template = template;
        _toolVariable = new Lazy<string?>(FindToolVariable);
        _needsDate = template.Source.Contains("functools", StringComparison.Ordinal) && template.Source.Contains("datetime", StringComparison.Ordinal);
        Calls = ToolCallFormat.Of(template.Source) ?? ToolCallFormat.Hermes;
        Thinks = template.Source.Contains("</think>", StringComparison.Ordinal);
    }

    /// <summary>How the model writes function calls.</summary>
    public ToolCallFormat Calls { get; }

    /// <summary>The model may reason between <c>&lt;think&gt;</c> and <c>&lt;/think&gt;</c>.</summary>
    public bool Thinks { get; }

    /// <summary>The template describes tools itself; else they are described in the system message.</summary>
    public bool RendersTools => _toolVariable.Value is not null;

    /// <summary>Renders a conversation up to where the assistant answers.</summary>
    /// <param name="messages">Oldest first.</param>
    /// <param name="instructions">A system message before all others; null for none.</param>
    /// <param name="tools">Functions; empty for none.</param>
    /// <param name="variables">Further variables of the template.</param>
    /// <exception cref="TemplateException">The template refuses the messages.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages, string? instructions, IReadOnlyList<AITool> tools, JsonObject variables)
    {
        if (tools.Count == 0) { return Render(messages, instructions, new JsonArray(), variables); }
        JsonArray described = TemplateMessages.Write(tools);
        if (!RendersTools) { return RenderPlain(messages, instructions, described, variables); }
        try
        {
            return Render(messages, instructions, described, variables);
        }
        catch (TemplateException e) when (!e.RaisedByTemplate)
        {
            return Render(messages, instructions, TemplateMessages.Write(tools, describeParameters: true), variables);
        }
    }

    // Earlier calls in whichever style the template shows them.
    private string Render(IReadOnlyList<ChatMessage> messages, string? instructions, JsonArray tools, JsonObject variables)
    {
        string[] called = [.. TemplateMessages.CalledFunctions(messages)];
        if (called.Length == 0) { return RenderOne(TemplateMessages.Write(messages, instructions, default), tools, variables); }
        TemplateException? first = null;
        foreach (TemplateMessages.CallStyle style in TemplateMessages.Styles)
        {
            try
            {
                string text = RenderOne(TemplateMessages.Write(messages, instructions, style), tools, variables);
                if (Array.TrueForAll(called, name => text.Contains(name, StringComparison.Ordinal))) { return text; }
            }
            catch (TemplateException e)
            {
                first ??= e;
            }
        }

        // A template that knows nothing of calls gets them as text; one that refuses says why.
        if (!RendersTools) { return RenderPlain(messages, instructions, tools, variables); }
        throw (HybridEngineException?)first ?? new UnsupportedException("messages", "function calls of earlier turns, which the chat template leaves out", "text, or a template that renders them");
    }

    private string RenderOne(JsonArray messages, JsonArray tools, JsonObject variables)
    {
        JsonObject all = (JsonObject)variables.DeepClone();
        all["messages"] = messages.DeepClone();
        all["add_generation_prompt"] = true;
        if (_needsDate) { (all["datetime"], all["functions"]) = (DateTime.Now.ToString("MMM dd yyyy HH:mm:ss", CultureInfo.InvariantCulture), "[]"); }
        if (tools.Count > 0 && _toolVariable.Value is { } name) { all[name] = ToolsAs(name, tools); }
        try
        {
            return _template.Render(JsonSerializer.SerializeToElement(all));
        }
        catch (TemplateException) when (tools.Count == 0 && !all.ContainsKey("tools"))
        {
            // Hermes' tool template loops over tools that are not there.
            all["tools"] = new JsonArray();
            try { return _template.Render(JsonSerializer.SerializeToElement(all)); }
            catch (TemplateException) { }

            throw;
        }
    }

    // For templates without tools: the functions in the system message, calls and results as text, in the words of SmolLM2's and Hermes' training.
    private string RenderPlain(IReadOnlyList<ChatMessage> messages, string? instructions, JsonArray tools, JsonObject variables)
    {
        List<ChatMessage> plain = [];
        if (tools.Count > 0)
        {
            string system = string.Join("\n\n", new[] { instructions ?? "" }.Concat(messages.Where(m => m.Role == ChatRole.System).Select(m => m.Text)).Where(t => t.Length > 0));
            plain.Add(new ChatMessage(ChatRole.System, $"{system}{(system.Length > 0 ? "\n\n" : "")}You may call functions to answer. Their signatures, between <tools> and </tools>:\n<tools>\n"
                + string.Join('\n', tools.Select(t => JsonText.Of(JsonSerializer.SerializeToElement(t))))
                + "\n</tools>\nTo call one, answer with a JSON object with its name and arguments between <tool_call> and </tool_call>:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>"));
            instructions = null;
        }

        foreach (ChatMessage message in messages.Where(m => tools.Count == 0 || m.Role != ChatRole.System))
        {
            IEnumerable<string> parts = message.Contents.Select(c => c switch
            {
                FunctionCallContent call => Calls.Write(call.Name, TemplateMessages.Arguments(call)),
                FunctionResultContent result => $"<tool_response>\n{TemplateMessages.Result(result)}\n</tool_response>",
                TextReasoningContent => "",
                TextContent text => text.Text,
                _ => "",
            });
            bool results = message.Contents.Any(c => c is FunctionResultContent);
            if (message.Contents.Any(c => c is FunctionResultContent or FunctionCallContent))
            {
                plain.Add(new ChatMessage(results ? ChatRole.User : message.Role, string.Join('\n', parts.Where(p => p.Length > 0))));
            }
            else
            {
                plain.Add(message);
            }
        }

        try
        {
            return RenderOne(TemplateMessages.Write(plain, instructions, default), [], variables);
        }
        catch (TemplateException e) when (e.RaisedByTemplate && tools.Count > 0 && plain.Find(m => m.Role == ChatRole.User) is { } user)
        {
            // No system messages (Gemma): what the functions are stands before the first question.
            plain[plain.IndexOf(user)] = new ChatMessage(ChatRole.User, $"{plain[0].Text}\n\n{user.Text}");
            plain.RemoveAt(0);
            return RenderOne(TemplateMessages.Write(plain, null, default), [], variables);
        }
    }

    private string? FindToolVariable()
    {
        const string probe = "probe_of_tools";
        AIFunctionDeclaration tool = AIFunctionFactory.CreateDeclaration(probe, "A probe.", JsonSerializer.SerializeToElement(new JsonObject { ["type"] = "object", ["properties"] = new JsonObject() }));
        JsonArray tools = TemplateMessages.Write([tool]);
        foreach (string name in _toolVariables)
        {
            JsonObject variables = new()
            {
                ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "x" }), ["add_generation_prompt"] = true, ["datetime"] = "", [name] = ToolsAs(name, tools),
            };
            try
            {
                if (_template.Render(JsonSerializer.SerializeToElement(variables)).Contains(probe, StringComparison.Ordinal)) { return name; }
            }
            catch (TemplateException)
            {
                // Not under this name.
            }
        }

        return null;
    }

    private static JsonNode ToolsAs(string variable, JsonArray tools) => variable == "functions" ? JsonValue.Create(JsonText.Of(JsonSerializer.SerializeToElement(tools))) : tools.DeepClone();
}
