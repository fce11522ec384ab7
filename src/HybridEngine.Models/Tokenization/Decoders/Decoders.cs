using System.Globalization;
using System.Text;

namespace HybridEngine.Models;

/// <summary>Turns token texts into readable text; the texts of a finished chain are joined.</summary>
internal interface IDecoder
{
    List<string> Apply(List<string> tokens);
}

/// <summary>Decoders one after the other.</summary>
internal sealed class DecoderSequence(IReadOnlyList<IDecoder> steps) : IDecoder
{
    public IReadOnlyList<IDecoder> Steps => steps;

    public List<string> Apply(List<string> tokens) => steps.Aggregate(tokens, (current, step) => step.Apply(current));
}

/// <summary>Reads GPT-2's alphabet back as bytes of UTF-8. A token with a character that is not of the alphabet stands for itself.</summary>
internal sealed class ByteLevelDecoder : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        var bytes = new List<byte>(tokens.Count * 4);
        foreach (string token in tokens) bytes.AddRange(Bytes(token));
        return [Encoding.UTF8.GetString([.. bytes])];
    }

    /// <summary>The bytes of one token.</summary>
    public static byte[] Bytes(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            if (!ByteAlphabet.TryByte(token[i], out bytes[i])) return Encoding.UTF8.GetBytes(token);
        }
        return bytes;
    }
}

/// <summary>Reads runs of byte tokens (<c>&lt;0x41&gt;</c>) as UTF-8; a run that is not UTF-8 as a whole becomes one U+FFFD a byte.</summary>
internal sealed class ByteFallbackDecoder : IDecoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public List<string> Apply(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        var run = new List<byte>();
        foreach (string token in tokens)
        {
            if (TryByte(token, out byte value))
            {
                run.Add(value);
                continue;
            }
            Flush(run, result);
            result.Add(token);
        }
        Flush(run, result);
        return result;
    }

    /// <summary>Whether a token stands for one byte.</summary>
    public static bool TryByte(string token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static void Flush(List<byte> run, List<string> result)
    {
        if (run.Count == 0) return;
        try
        {
            result.Add(Strict.GetString([.. run]));
        }
        catch (DecoderFallbackException)
        {
            result.Add(new string('\uFFFD', run.Count));
        }
        run.Clear();
    }
}

/// <summary>Joins the tokens into one.</summary>
internal sealed class FuseDecoder : IDecoder
{
    public List<string> Apply(List<string> tokens) => [string.Concat(tokens)];
}

/// <summary>Replaces a fixed text inside each token.</summary>
internal sealed class ReplaceDecoder(string pattern, string content) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        for (int i = 0; i < tokens.Count; i++) tokens[i] = tokens[i].Replace(pattern, content, StringComparison.Ordinal);
        return tokens;
    }
}

/// <summary>Removes up to so many copies of a character from the ends of each token.</summary>
internal sealed class StripDecoder(char content, int start, int stop) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            string token = tokens[i];
            int from = 0, to = token.Length;
            while (from < start && from < token.Length && token[from] == content) from++;
            while (token.Length - to < stop && to > from && token[to - 1] == content) to--;
            tokens[i] = token[from..to];
        }
        return tokens;
    }
}

/// <summary>Writes word marks as spaces; those that begin the text were put there by the pre-tokenizer and go.</summary>
internal sealed class MetaspaceDecoder(string mark, PrependScheme scheme) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            string token = tokens[i];
            tokens[i] = i == 0 && scheme != PrependScheme.Never ? token.Replace(mark, "", StringComparison.Ordinal) : token.Replace(mark, " ", StringComparison.Ordinal);
        }
        return tokens;
    }
}

/// <summary>Writes the mark at the end of a word as a space, except after the last token.</summary>
internal sealed class EndOfWordDecoder(string suffix) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        for (int i = 0; i < tokens.Count; i++) tokens[i] = tokens[i].Replace(suffix, i + 1 == tokens.Count ? "" : " ", StringComparison.Ordinal);
        return tokens;
    }
}
