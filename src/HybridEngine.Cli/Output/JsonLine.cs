using System.Text.Encodings.Web;
using System.Text.Json;
using HybridEngine.Inference;

namespace HybridEngine.Cli.Output;

/// <summary>JSON Lines on standard output, UTF-8, one document a call.</summary>
internal static class JsonLine
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly Lazy<Stream> Standard = new(Console.OpenStandardOutput);

    /// <summary>Writes one line; NaN and infinities inside become strings by the caller's choice.</summary>
    public static void Write(Action<Utf8JsonWriter> write)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, Options)) { write(writer); }
        buffer.WriteByte((byte)'\n');
        buffer.Position = 0;
        buffer.CopyTo(Standard.Value);
        Standard.Value.Flush();
    }

    /// <summary>A number, or null where JSON has none for it.</summary>
    public static void WriteNumber(this Utf8JsonWriter writer, float value)
    {
        if (float.IsFinite(value)) { writer.WriteNumberValue(value); } else { writer.WriteNullValue(); }
    }

    /// <summary>An array of ids.</summary>
    public static void WriteIds(this Utf8JsonWriter writer, string name, ReadOnlySpan<int> ids)
    {
        writer.WriteStartArray(name);
        foreach (int id in ids) { writer.WriteNumberValue(id); }
        writer.WriteEndArray();
    }

    /// <summary>An array of numbers.</summary>
    public static void WriteNumbers(this Utf8JsonWriter writer, string name, ReadOnlySpan<float> values)
    {
        writer.WriteStartArray(name);
        foreach (float value in values) { writer.WriteNumber(value); }
        writer.WriteEndArray();
    }

    /// <summary>The most likely tokens of one position, best first.</summary>
    public static void WriteTop(this Utf8JsonWriter writer, ReadOnlySpan<TokenLogProb> tokens)
    {
        writer.WriteStartArray();
        foreach (TokenLogProb t in tokens)
        {
            writer.WriteStartObject();
            writer.WriteNumber("id", t.Id);
            writer.WritePropertyName("logprob");
            writer.WriteNumber(t.LogProb);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
