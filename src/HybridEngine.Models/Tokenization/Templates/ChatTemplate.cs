using System.Numerics;
using System.Text.Json;

namespace HybridEngine.Models;

/// <summary>One message of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c>, <c>assistant</c>, or what else the template knows.</param>
/// <param name="Content">What was said.</param>
public sealed record ChatMessage(string Role, string Content);

/// <summary>A model's chat template: Jinja as transformers runs it, able to reach nothing but its variables, and bounded in steps, depth and output.</summary>
/// <remarks>Instances may be shared by threads.</remarks>
public sealed class ChatTemplate
{
    private readonly IReadOnlyDictionary<string, string> _specialTokens;
    private readonly Lazy<IReadOnlyList<TemplateNode>> _nodes;

    /// <summary>A template; it is read when it is first rendered.</summary>
    /// <param name="source">Jinja source.</param>
    /// <param name="specialTokens">The tokens that the template may name (<c>bos_token</c>, <c>eos_token</c>, ...).</param>
    public ChatTemplate(string source, IReadOnlyDictionary<string, string>? specialTokens = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        Source = source;
        _specialTokens = specialTokens ?? new Dictionary<string, string>();
        _nodes = new Lazy<IReadOnlyList<TemplateNode>>(() => TemplateParser.Parse(source));
    }

    /// <summary>The template's source.</summary>
    public string Source { get; }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages, oldest first.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of an answer.</param>
    /// <returns>The text; encode it without adding special tokens.</returns>
    /// <exception cref="TemplateException">The template is broken, or refuses the messages (then the message is its own).</exception>
    public string Render(IEnumerable<ChatMessage> messages, bool addGenerationPrompt = true)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return Render(JsonSerializer.SerializeToElement(new Dictionary<string, object>
        {
            ["messages"] = messages.Select(message => new Dictionary<string, string> { ["role"] = message.Role, ["content"] = message.Content }),
            ["add_generation_prompt"] = addGenerationPrompt,
        }));
    }

    /// <summary>Renders with any variables.</summary>
    /// <param name="variables">An object: <c>messages</c>, <c>tools</c>, <c>documents</c>, <c>add_generation_prompt</c> and whatever else the template reads. A text
    /// <c>strftime_now</c> is what that function returns.</param>
    /// <param name="now">What the template takes for the present; the local time when it is null.</param>
    /// <returns>The text; encode it without adding special tokens.</returns>
    /// <exception cref="TemplateException">The template is broken, or refuses the messages (then the message is its own).</exception>
    public string Render(JsonElement variables, DateTime? now = null)
    {
        if (variables.ValueKind != JsonValueKind.Object) throw new Core.InvalidInputException("chat template", $"variables of kind {variables.ValueKind}", "an object with messages");
        TemplateScope globals = TemplateGlobals.Create(now ?? DateTime.Now);
        var scope = new TemplateScope(globals);
        foreach ((string name, string text) in _specialTokens) scope[name] = text;
        // transformers defines these always.
        (scope["tools"], scope["documents"], scope["add_generation_prompt"]) = (null, null, false);
        try
        {
            foreach (JsonProperty variable in variables.EnumerateObject())
            {
                object? value = FromJson(variable.Value);
                scope[variable.Name] = variable.Name == "strftime_now" && value is string ? new TemplateFunction(variable.Name, _ => value) : value;
            }
        }
        catch (InvalidOperationException error)
        {
            throw new Core.InvalidInputException("chat template", $"a variable that is not valid Unicode ({error.Message})", "texts without unpaired surrogates");
        }
        try
        {
            return TemplateInterpreter.Render(_nodes.Value, scope);
        }
        catch (Exception error) when (error is not Core.HybridEngineException)
        {
            // The last line against a template that finds a way to upset the library beneath (a sort wraps what its comparison throws): its error, not ours.
            throw error.InnerException as TemplateException ?? new TemplateException($"the chat template cannot be rendered: {error.Message}");
        }
    }

    private static object? FromJson(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var dict = new TemplateDict();
                foreach (JsonProperty member in element.EnumerateObject()) dict[member.Name] = FromJson(member.Value);
                return dict;
            case JsonValueKind.Array: return new TemplateList([.. element.EnumerateArray().Select(FromJson)]);
            case JsonValueKind.String: return element.GetString();
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.Number:
                string text = element.GetRawText();
                return text.AsSpan().IndexOfAny('.', 'e', 'E') < 0 && text.Length <= 4000 ? BigInteger.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : element.GetDouble();
            default: return null;
        }
    }
}
