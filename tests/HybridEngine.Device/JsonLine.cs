using System.Text.Json;

namespace HybridEngine.Device;

/// <summary>A result: one line on standard output.</summary>
internal static class JsonLine
{
    public static void Write(Action<Utf8JsonWriter> fields)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter w = new(buffer))
        {
            w.WriteStartObject();
            fields(w);
            w.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        using Stream output = Console.OpenStandardOutput();
        buffer.WriteTo(output); // whole, beside whatever else writes there
    }
}
