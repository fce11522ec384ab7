using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c>, <c>assistant</c>.</param>
/// <param name="Content">Its text.</param>
public sealed record ChatTurn(string Role, string Content);

/// <summary>One line of training data, before tokenization. Which kind a line is follows from its keys.</summary>
/// <param name="Origin"><c>file:line</c>.</param>
public abstract record Example(string Origin)
{
    /// <summary>The line's JSON: further keys (a reference answer, say) for reward functions.</summary>
    public JsonLine Line { get; init; }

    /// <summary>Reads one line.</summary>
    /// <exception cref="InvalidInputException">Keys are missing or of the wrong type.</exception>
    public static Example Parse(JsonLine line)
    {
        Example example = line switch
        {
            _ when line.Has("chosen") || line.Has("rejected") => new PreferenceExample(line.Origin, line.TryText("prompt") ?? "", line.Text("chosen"), line.Text("rejected"), Margin(line)),
            _ when line.TryIds("chosen_token_ids") is { } chosen => PreferenceIds(line, chosen),
            _ when line.TryIds("token_ids") is { } ids => Ids(line, ids),
            _ when line.TryIds("prompt_token_ids") is { } prompt => new IdsExample(line.Origin, NotEmpty(line, "prompt_token_ids", prompt), prompt.Length),
            _ when line.Has("messages") => new ChatExample(line.Origin, Turns(line)),
            _ when line.Has("instruction") => new InstructionExample(line.Origin, line.Text("instruction"), line.TryText("input") ?? "", line.Text("output")),
            _ when line.Has("prompt") => new PromptExample(line.Origin, line.Text("prompt"), line.TryText("completion")),
            _ when line.Has("text") => new TextExample(line.Origin, line.Text("text")),
            _ => throw new InvalidInputException(line.Origin, $"keys {line.Keys()}", "messages, prompt (with completion, or chosen and rejected), instruction with output, text, or token_ids"),
        };
        return example with { Line = line };
    }

    private static float Margin(JsonLine line) => (float)(line.TryNumber("margin") ?? 0);

    private static PreferenceIdsExample PreferenceIds(JsonLine line, int[] chosen)
    {
        int[] rejected = line.TryIds("rejected_token_ids") ?? throw new InvalidInputException(line.Origin, "chosen_token_ids alone", "rejected_token_ids beside it");
        return new PreferenceIdsExample(line.Origin, NotEmpty(line, "chosen_token_ids", chosen), NotEmpty(line, "rejected_token_ids", rejected), Margin(line));
    }

    private static IdsExample Ids(JsonLine line, int[] ids)
    {
        NotEmpty(line, "token_ids", ids);
        double prompt = line.TryNumber("prompt_length") ?? 0;
        return prompt >= 0 && prompt <= ids.Length && prompt == Math.Floor(prompt)
            ? new IdsExample(line.Origin, ids, (int)prompt)
            : throw new InvalidInputException(line.Origin, $"\"prompt_length\" = {prompt}", $"a whole number from 0 to the {ids.Length} ids of the line");
    }

    private static int[] NotEmpty(JsonLine line, string key, int[] ids) => ids.Length > 0 ? ids : throw new InvalidInputException(line.Origin, $"\"{key}\" without ids", "at least one id");

    private static ChatTurn[] Turns(JsonLine line)
    {
        System.Text.Json.JsonElement list = line.Value.GetProperty("messages");
        if (list.ValueKind != System.Text.Json.JsonValueKind.Array || list.GetArrayLength() == 0) { throw line.WrongType("messages", list, "an array of {\"role\", \"content\"}"); }
        ChatTurn[] turns = new ChatTurn[list.GetArrayLength()];
        int i = 0;
        foreach (System.Text.Json.JsonElement e in list.EnumerateArray())
        {
            if (e.ValueKind != System.Text.Json.JsonValueKind.Object) { throw line.WrongType($"messages[{i}]", e, "an object with \"role\" and \"content\""); }
            JsonLine turn = new($"{line.Origin} messages[{i}]", e);
            turns[i++] = new ChatTurn(turn.Text("role"), turn.Text("content"));
        }

        return turns;
    }
}

/// <summary>Plain text: every token is learned.</summary>
/// <param name="Origin"><c>file:line</c>.</param>
/// <param name="Text">The text.</param>
public sealed record TextExample(string Origin, string Text) : Example(Origin);

/// <summary>A prompt, with a completion that is learned (SFT) or without (rollouts).</summary>
/// <param name="Origin"><c>file:line</c>.</param>
/// <param name="Prompt">The prompt.</param>
/// <param name="Completion">What follows, or null.</param>
public sealed record PromptExample(string Origin, string Prompt, string? Completion) : Example(Origin);

/// <summary>A conversation: every assistant turn is learned.</summary>
/// <param name="Origin"><c>file:line</c>.</param>
/// <param name="Turns">The turns in order.</param>
public sealed record ChatExample(string Origin, IReadOnlyList<ChatTurn> Turns) : Example(Origin);

/// <summary>An instruction with an optional input, and the output that is learned.</summary>
/// <param name="Origin"><c>file:line</c>.</param>
/// <param name="Instruction">What to do.</param>
/// <param name="Input">With what; may be empty.</param>
/// <param name="Output">The answer.</param>
public sealed record InstructionExample(string Origin, string Instruction, string Input, string Output) : Example(Origin)
{
    /// <summary>Instruction and, on a line of its own, the input.</summary>
    public string Prompt => Input.Length == 0 ? Instruction : $"{Instruction}\n{Input}";
}

/// <summary>Two answers to one prompt.</summary>
/// <param name="Origin"><c>file:line</c>.</param>
/// <param name="Prompt">The prompt; may be empty.</param>
/// <param name="Chosen">The better answer.</param>
/// <param name="Rejected">The worse answer.</param>
/// <param name="Margin">How much better, for losses with a margin.</param>
public sealed record PreferenceExample(string Origin, string Prompt, string Chosen, string Rejected, float Margin) : Example(Origin);

/// <summary>Ids in place of text.</summary>
/// <param name="Origin"><c>file:line</c>.</param>
/// <param name="Ids">All tokens.</param>
/// <param name="PromptLength">Tokens that are given, not learned.</param>
public sealed record IdsExample(string Origin, int[] Ids, int PromptLength) : Example(Origin);

/// <summary>Two whole sequences of ids.</summary>
/// <param name="Origin"><c>file:line</c>.</param>
/// <param name="Chosen">Prompt and better answer.</param>
/// <param name="Rejected">Prompt and worse answer.</param>
/// <param name="Margin">How much better.</param>
public sealed record PreferenceIdsExample(string Origin, int[] Chosen, int[] Rejected, float Margin) : Example(Origin);
