using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine;

public sealed partial class HybridModel
{
    /// <summary>Answers a conversation, by the model's chat template.</summary>
    /// <param name="messages">Roles and contents, oldest first.</param>
    /// <param name="sampling">How to draw.</param>
    public GenerationResult Chat(IReadOnlyList<ChatMessage> messages, SamplingOptions? sampling = null) => Generate([EncodeChat(messages)], sampling)[0].Results()[0];

    /// <summary>Ids of a conversation up to where the assistant answers.</summary>
    /// <exception cref="UnsupportedException">The model has no chat template.</exception>
    public int[] EncodeChat(IReadOnlyList<ChatMessage> messages)
    {
        Tokenizer tokenizer = RequireTokenizer();
        ChatTemplate template = tokenizer.ChatTemplate ?? throw new UnsupportedException("messages", "a model without a chat template", "prompt");
        return tokenizer.Encode(template.Render(messages), addSpecialTokens: false);
    }
}
