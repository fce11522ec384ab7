namespace HybridEngine.Models;

/// <summary>A token of the result.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Text">The token as the vocabulary writes it; for an added token the text that it was found in.</param>
/// <param name="Start">First code point of the original text; 0 for a token that stands for no text.</param>
/// <param name="End">One past the last.</param>
/// <param name="TypeId">Which of two texts it belongs to, as the model is to be told.</param>
internal readonly record struct Token(int Id, string Text, int Start, int End, int TypeId);

/// <summary>What happens to the tokens of one text, or of two that belong together, at the end.</summary>
internal interface IPostProcessor
{
    List<List<Token>> Apply(List<List<Token>> texts, bool addSpecialTokens);
}

/// <summary>Post-processors one after the other.</summary>
internal sealed class PostProcessorSequence(IReadOnlyList<IPostProcessor> steps) : IPostProcessor
{
    public List<List<Token>> Apply(List<List<Token>> texts, bool addSpecialTokens) =>
        steps.Aggregate(texts, (current, step) => step.Apply(current, addSpecialTokens));
}

/// <summary>ByteLevel's: takes the white space of a token out of its offsets.</summary>
internal sealed class TrimOffsetsPostProcessor(bool trim, bool addPrefixSpace) : IPostProcessor
{
    public List<List<Token>> Apply(List<List<Token>> texts, bool addSpecialTokens)
    {
        if (!trim) return texts;
        foreach (List<Token> tokens in texts)
        {
            for (int i = 0; i < tokens.Count; i++) tokens[i] = Trim(tokens[i], i == 0);
        }
        return texts;
    }

    private Token Trim(Token token, bool first)
    {
        int leading = 0, trailing = 0;
        while (leading < token.Text.Length && IsSpace(token.Text[leading])) leading++;
        while (trailing < token.Text.Length && IsSpace(token.Text[^(trailing + 1)])) trailing++;
        int start = token.Start, end = token.End;
        if (leading > 0)
        {
            // One space before the first token was put there, it has no place in the text; several are the text's own.
            if (leading == 1 && addPrefixSpace && (first || start == 0)) leading = 0;
            start = Math.Min(start + leading, end);
        }
        if (trailing > 0 && end >= trailing) end = Math.Max(end - trailing, start);
        return token with { Start = start, End = end };
    }

    private static bool IsSpace(char letter) => letter == ByteAlphabet.Space || char.IsWhiteSpace(letter);
}

/// <summary>Puts special tokens around the text: <c>cls A sep</c>, with a second text <c>cls A sep [sep] B sep</c>.</summary>
internal sealed class BracketPostProcessor(Token cls, Token sep, bool doubled) : IPostProcessor
{
    public List<List<Token>> Apply(List<List<Token>> texts, bool addSpecialTokens)
    {
        if (!addSpecialTokens) return texts;
        List<Token> result = [cls, .. texts[0], sep];
        if (texts.Count > 1)
        {
            // RoBERTa separates by two tokens and tells no types apart; BERT gives the second text type 1.
            int type = doubled ? 0 : 1;
            if (doubled) result.Add(sep);
            result.AddRange(texts[1].Select(token => token with { TypeId = type }));
            result.Add(sep with { TypeId = type });
        }
        return [doubled ? [.. result.Select(token => token with { TypeId = 0 })] : result];
    }
}

/// <summary>Builds the result from a template of texts and special tokens.</summary>
internal sealed class TemplatePostProcessor(IReadOnlyList<TemplatePostProcessor.Part> single, IReadOnlyList<TemplatePostProcessor.Part> pair) : IPostProcessor
{
    public List<List<Token>> Apply(List<List<Token>> texts, bool addSpecialTokens)
    {
        var result = new List<Token>();
        foreach (Part part in texts.Count > 1 ? pair : single)
        {
            if (part.Special == null) result.AddRange(texts[part.Text].Select(token => token with { TypeId = part.TypeId }));
            else if (addSpecialTokens) result.AddRange(part.Special.Select(token => token with { TypeId = part.TypeId }));
        }
        return [result];
    }

    /// <summary>A place of a template: special tokens, or text number <paramref name="Text"/>.</summary>
    internal sealed record Part(IReadOnlyList<Token>? Special, int Text, int TypeId);
}
