using System.Text.Encodings.Web;
using System.Text.Json;

namespace HybridEngine.Models;

/// <summary>Writes the tokenizer.json of a vocabulary that came in another format. Everything is then loaded, and saved, through one format.</summary>
internal sealed class TokenizerJsonWriter : IDisposable
{
    private readonly MemoryStream _stream = new();

    public TokenizerJsonWriter()
    {
        Json = new Utf8JsonWriter(_stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        Json.WriteStartObject();
        Json.WriteString("version", "1.0");
        Json.WriteNull("truncation");
        Json.WriteNull("padding");
    }

    public Utf8JsonWriter Json { get; }

    public byte[] Finish()
    {
        Json.WriteEndObject();
        Json.Flush();
        return _stream.ToArray();
    }

    /// <summary>Writes an array of objects <c>{"type": ..., ...}</c> under a name.</summary>
    public void WriteSteps(string name, string inner, IEnumerable<object> steps)
    {
        Json.WriteStartObject(name);
        Json.WriteString("type", "Sequence");
        Json.WritePropertyName(inner);
        JsonSerializer.Serialize(Json, steps);
        Json.WriteEndObject();
    }

    public void WriteAddedTokens(IReadOnlyList<string> texts, IEnumerable<(int Id, bool Special)> tokens)
    {
        Json.WriteStartArray("added_tokens");
        foreach ((int id, bool special) in tokens)
        {
            Json.WriteStartObject();
            Json.WriteNumber("id", id);
            Json.WriteString("content", texts[id]);
            foreach (string flag in new[] { "single_word", "lstrip", "rstrip", "normalized" }) Json.WriteBoolean(flag, false);
            Json.WriteBoolean("special", special);
            Json.WriteEndObject();
        }
        Json.WriteEndArray();
    }

    /// <summary>The post-processor that puts tokens before and after a text; null where there are none.</summary>
    public void WriteTemplate(IReadOnlyList<string> texts, int? before, int? after)
    {
        if (before == null && after == null)
        {
            Json.WriteNull("post_processor");
            return;
        }
        Json.WriteStartObject("post_processor");
        Json.WriteString("type", "TemplateProcessing");
        WriteParts("single", ["A"]);
        WriteParts("pair", ["A", "B"]);
        Json.WriteStartObject("special_tokens");
        foreach (int id in new[] { before, after }.OfType<int>().Distinct())
        {
            Json.WriteStartObject(texts[id]);
            Json.WriteString("id", texts[id]);
            Json.WritePropertyName("ids");
            JsonSerializer.Serialize(Json, new[] { id });
            Json.WritePropertyName("tokens");
            JsonSerializer.Serialize(Json, new[] { texts[id] });
            Json.WriteEndObject();
        }
        Json.WriteEndObject();
        Json.WriteEndObject();

        void WriteParts(string name, string[] sequences)
        {
            var parts = new List<object>();
            for (int type = 0; type < sequences.Length; type++)
            {
                if (before is { } bos) parts.Add(new { SpecialToken = new { id = texts[bos], type_id = type } });
                parts.Add(new { Sequence = new { id = sequences[type], type_id = type } });
                if (after is { } eos) parts.Add(new { SpecialToken = new { id = texts[eos], type_id = type } });
            }
            Json.WritePropertyName(name);
            JsonSerializer.Serialize(Json, parts);
        }
    }

    public void WriteVocabulary(IReadOnlyList<string> texts)
    {
        Json.WriteStartObject("vocab");
        for (int id = 0; id < texts.Count; id++) Json.WriteNumber(texts[id], id);
        Json.WriteEndObject();
    }

    public void Dispose()
    {
        Json.Dispose();
        _stream.Dispose();
    }
}
