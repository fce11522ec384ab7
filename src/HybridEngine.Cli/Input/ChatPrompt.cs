using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Input;

/// <summary>Conversations as prompts: the model's chat template, then the tokenizer without further special tokens.</summary>
internal static class ChatPrompt
{
    /// <summary>A system message, when there is one, and a user's.</summary>
    public static IReadOnlyList<ChatMessage> Messages(string? system, string user) =>
        system is null ? [new ChatMessage("user", user)] : [new ChatMessage("system", system), new ChatMessage("user", user)];

    /// <summary>Ids of a conversation up to where the assistant answers.</summary>
    public static int[] Encode(Tokenizer tokenizer, IReadOnlyList<ChatMessage> messages, string origin) =>
        tokenizer.Encode(Template(tokenizer, origin).Render(messages), addSpecialTokens: false);

    /// <summary>Ids of the <c>messages</c> of a line of input, with whatever keys they hold.</summary>
    public static int[] Encode(Tokenizer tokenizer, JsonElement messages, string origin)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0) { throw new InvalidInputException($"{origin}: messages", messages.GetRawText(), "a list of messages"); }
        JsonElement variables = JsonSerializer.SerializeToElement(new Dictionary<string, object> { ["messages"] = messages, ["add_generation_prompt"] = true });
        try
        {
            return tokenizer.Encode(Template(tokenizer, origin).Render(variables), addSpecialTokens: false);
        }
        catch (TemplateException e)
        {
            throw new InvalidInputException(origin, $"messages that the chat template refuses ({e.Message})", "messages that it renders");
        }
    }

    private static ChatTemplate Template(Tokenizer tokenizer, string origin) =>
        tokenizer.ChatTemplate ?? throw new InvalidInputException(origin, "a model without a chat template", "plain prompts, or a model that has one");
}
