using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Rlhf;

/// <summary>Turns data lines into token sequences for training.</summary>
/// <remarks>
/// Text gets the tokenizer's own special tokens; a rendered chat template gets none added. A completion ends with the end token; in conversations every assistant turn is learned,
/// with the end of turn that the template writes. Prompt and completion are tokenised apart, so that the prompt's tokens are those that generation sees.
/// Sequences beyond the length cap are cut at the end (one without a learned token left is dropped); prompts of rollouts at the beginning.
/// </remarks>
public sealed class ExampleTokenizer
{
    private readonly Tokenizer? _tokenizer;
    private readonly int? _endToken;
    private readonly string _chat;
    private readonly int _maxLength;
    private readonly int _vocabularySize;

    /// <param name="tokenizer">The model's, or null where it has none (then data must hold ids).</param>
    /// <param name="config">Vocabulary, end tokens, longest context.</param>
    /// <param name="chat">auto, always or never: whether prompts are rendered with the chat template.</param>
    /// <param name="maxLength">Tokens of a sequence, at most; 0 is the model's limit.</param>
    public ExampleTokenizer(Tokenizer? tokenizer, DecoderConfig config, string chat, int maxLength)
    {
        ArgumentNullException.ThrowIfNull(config);
        (_tokenizer, _chat, _vocabularySize) = (tokenizer, chat, config.VocabularySize);
        _maxLength = maxLength == 0 ? config.MaxPositions : Math.Min(maxLength, config.MaxPositions);
        _endToken = tokenizer?.EosTokenId ?? (config.EosTokenIds.Count > 0 ? config.EosTokenIds[0] : null);
        if (chat == "always" && tokenizer?.ChatTemplate is null) { throw new InvalidInputException("chat", "always, but the model has no chat template", "auto or never"); }
    }

    /// <summary>A sequence to learn, or null when nothing of it is left within the length cap.</summary>
    /// <param name="example">Any form but a pair.</param>
    /// <param name="learnPrompts">Prompts and user turns are learned too.</param>
    /// <exception cref="InvalidInputException">The line cannot be used for this.</exception>
    public TrainingSequence? Sequence(Example example, bool learnPrompts = false)
    {
        ArgumentNullException.ThrowIfNull(example);
        TrainingSequence whole = example switch
        {
            TextExample e => TrainingSequence.FromPrompt([.. Encode(e, e.Text, true), .. End(e)], 0),
            IdsExample e => TrainingSequence.FromPrompt(Check(e, e.Ids), e.PromptLength),
            PromptExample { Completion: { } completion } e => Completed(e, e.Prompt, completion, useTemplate: _chat == "always"),
            InstructionExample e => Completed(e, e.Prompt, e.Output, useTemplate: _chat != "never" && _tokenizer?.ChatTemplate is not null),
            ChatExample e => Conversation(e),
            PromptExample => throw new InvalidInputException(example.Origin, "a prompt without completion", "a completion to learn"),
            _ => throw new InvalidInputException(example.Origin, "a pair of answers", "messages, prompt and completion, instruction and output, text, or token_ids"),
        };
        if (learnPrompts) { whole = TrainingSequence.FromPrompt(whole.Ids, 0); }
        TrainingSequence cut = whole.Truncate(_maxLength);
        return cut.LearnedTokens > 0 ? cut : null;
    }

    /// <summary>A pair, or null when both answers are the same within the length cap.</summary>
    /// <exception cref="InvalidInputException">The line is no pair.</exception>
    public Comparison? Pair(Example example)
    {
        ArgumentNullException.ThrowIfNull(example);
        (int[] chosen, int[] rejected, float margin) = example switch
        {
            PreferenceExample e => (Completed(e, e.Prompt, e.Chosen, _chat == "always").Ids, Completed(e, e.Prompt, e.Rejected, _chat == "always").Ids, e.Margin),
            PreferenceIdsExample e => (Check(e, e.Chosen), Check(e, e.Rejected), e.Margin),
            _ => throw new InvalidInputException(example.Origin, $"keys {example.Line.Keys()}", "prompt, chosen and rejected"),
        };
        chosen = chosen[..Math.Min(chosen.Length, _maxLength)];
        rejected = rejected[..Math.Min(rejected.Length, _maxLength)];
        return chosen.AsSpan().SequenceEqual(rejected) ? null : new Comparison([chosen, rejected], [new RankedPair(0, 1, margin)]);
    }

    /// <summary>A prompt that leaves room for an answer: its last tokens when it is too long.</summary>
    /// <param name="example">Anything with a prompt.</param>
    /// <param name="newTokens">Room that is needed.</param>
    /// <exception cref="InvalidInputException">The line has no prompt, or no room is left.</exception>
    public RolloutPrompt Prompt(Example example, int newTokens)
    {
        ArgumentNullException.ThrowIfNull(example);
        int[] ids = example switch
        {
            PromptExample e => PromptIds(e, e.Prompt, _chat == "always"),
            PreferenceExample e => PromptIds(e, e.Prompt, _chat == "always"),
            InstructionExample e => PromptIds(e, e.Prompt, _chat != "never" && _tokenizer?.ChatTemplate is not null),
            IdsExample e => Check(e, e.PromptLength > 0 ? e.Ids[..e.PromptLength] : e.Ids),
            ChatExample e => Encode(e, Render(e, [.. e.Turns.Reverse().SkipWhile(t => t.Role == "assistant").Reverse()], true), false),
            _ => throw new InvalidInputException(example.Origin, $"keys {example.Line.Keys()}", "a prompt"),
        };
        int room = _maxLength - newTokens;
        if (room < 1) { throw new InvalidInputException("max_new_tokens", $"{newTokens}", $"less than max_length, {_maxLength}"); }
        if (ids.Length == 0) { throw new InvalidInputException(example.Origin, "an empty prompt", "at least one token"); }
        return new RolloutPrompt(ids.Length <= room ? ids : ids[^room..], example);
    }

    /// <summary>Text of sampled ids, special tokens left out; empty without a tokenizer.</summary>
    public string Decode(int[] ids) => _tokenizer?.Decode(ids, skipSpecialTokens: true) ?? "";

    private TrainingSequence Completed(Example example, string prompt, string completion, bool useTemplate)
    {
        if (useTemplate) { return Conversation(example, [new ChatTurn("user", prompt), new ChatTurn("assistant", completion)]); }
        int[] given = PromptIds(example, prompt, false);
        return TrainingSequence.FromPrompt([.. given, .. Encode(example, completion, false), .. End(example)], given.Length);
    }

    private int[] PromptIds(Example example, string prompt, bool useTemplate) =>
        useTemplate ? Encode(example, Render(example, [new ChatTurn("user", prompt)], true), false) : Encode(example, prompt, true);

    private TrainingSequence Conversation(ChatExample example) => _tokenizer?.ChatTemplate is null
        ? throw new InvalidInputException(example.Origin, "messages, but the model has no chat template", "prompt and completion, or a model with a template")
        : Conversation(example, example.Turns);

    // What the template writes up to an assistant turn is given, what the turn adds is learned, piece by piece.
    private TrainingSequence Conversation(Example example, IReadOnlyList<ChatTurn> turns)
    {
        List<int> ids = [];
        List<bool> learned = [];
        string done = "";
        for (int i = 0; i < turns.Count; i++)
        {
            if (turns[i].Role != "assistant") { continue; }
            string given = Render(example, [.. turns.Take(i)], true), with = Render(example, [.. turns.Take(i + 1)], false);
            if (!given.StartsWith(done, StringComparison.Ordinal) || !with.StartsWith(given, StringComparison.Ordinal))
            {
                throw new UnsupportedException(example.Origin, "a chat template that changes earlier turns", "one that only appends");
            }

            Add(Encode(example, given[done.Length..], false), false);
            Add(Encode(example, with[given.Length..], false), true);
            done = with;
        }

        if (ids.Count == 0) { throw new InvalidInputException(example.Origin, "messages without an assistant turn", "at least one to learn"); }
        learned[0] = false;
        return new TrainingSequence([.. ids], [.. learned]);

        void Add(int[] piece, bool learn)
        {
            ids.AddRange(piece);
            learned.AddRange(Enumerable.Repeat(learn, piece.Length));
        }
    }

    private string Render(Example example, IReadOnlyList<ChatTurn> turns, bool addGenerationPrompt)
    {
        ChatTemplate template = _tokenizer?.ChatTemplate ?? throw new InvalidInputException(example.Origin, "a conversation, but the model has no chat template", "plain text");
        return template.Render(turns.Select(t => new ChatMessage(t.Role, t.Content)), addGenerationPrompt);
    }

    private int[] Encode(Example example, string text, bool addSpecialTokens) =>
        _tokenizer?.Encode(text, addSpecialTokens) ?? throw new InvalidInputException(example.Origin, "text, but the model has no tokenizer", "token_ids");

    private int[] End(Example example) => _endToken is { } id ? [id] : throw new InvalidInputException(example.Origin, "a text to learn, but the model has no end token", "a model with one");

    private int[] Check(Example example, int[] ids)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] >= _vocabularySize) { throw new InvalidInputException(example.Origin, $"token id {ids[i]} at position {i}", $"ids below the model's {_vocabularySize}"); }
        }

        return ids;
    }
}
