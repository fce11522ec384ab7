using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

public sealed partial class Tokenizer
{
    /// <summary>Loads a tokenizer.</summary>
    /// <param name="path">A folder with tokenizer.json (and tokenizer_config.json, chat_template.jinja), a tokenizer.json, or a vocabulary of llama2.c (.bin).</param>
    /// <exception cref="InvalidInputException">The file is missing or damaged.</exception>
    /// <exception cref="UnsupportedException">The file asks for a step that is not implemented; the message names it.</exception>
    public static Tokenizer Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.EndsWith(".bin", StringComparison.OrdinalIgnoreCase)) return Llama2CVocabulary.Read(path, ReadFile(path));
        string file = Directory.Exists(path) ? Path.Combine(path, "tokenizer.json") : path;
        if (!File.Exists(file)) throw new InvalidInputException(path, Directory.Exists(path) ? "no tokenizer.json" : "no such file or folder", "a tokenizer.json or a folder that has one");
        string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        return FromJson(ReadFile(file), file, TokenizerSettings.Read(folder));
    }

    /// <summary>A tokenizer from the content of a tokenizer.json.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="file">What messages call it.</param>
    /// <param name="settings">Names of special tokens and the chat template.</param>
    internal static Tokenizer FromJson(ReadOnlyMemory<byte> json, string file, TokenizerSettings settings) => Guard(file, () =>
    {
        ReadOnlyMemory<byte> body = json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json;
        using JsonDocument document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 128 });
        return new Tokenizer(TokenizerJsonReader.Read(new JsonSection(document.RootElement, file, "$"), settings) with { Json = json });
    });

    /// <summary>What the JSON reader throws at broken UTF-8, unpaired surrogates and broken syntax becomes one line that names the file.</summary>
    internal static T Guard<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidInputException(file, error.Message.ReplaceLineEndings(" "), "valid JSON in UTF-8");
        }
    }

    /// <summary>All of a file; one line that names it when it cannot be read.</summary>
    internal static byte[] ReadFile(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InvalidInputException(file, error.Message, "a readable file");
        }
    }
}
