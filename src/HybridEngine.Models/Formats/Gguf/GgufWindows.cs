using System.Text.Json.Nodes;

namespace HybridEngine.Models;

/// <summary>Sliding windows between GGUF's keys and transformers'.</summary>
internal static class GgufWindows
{
    private const string Window = "attention.sliding_window", Pattern = "attention.sliding_window_pattern";

    // What llama.cpp takes where the file of a Gemma 2 has no key.
    private const int Gemma2 = 4096;

    /// <summary>The window of the layers that have one; 0 when none has.</summary>
    public static int Size(GgufMetadata m, GgufArchitecture a) => m.Integer($"{a.Name}.{Window}") ?? (a.Name == "gemma2" ? Gemma2 : 0);

    /// <summary>Adds the keys that the families read.</summary>
    public static void AddTo(JsonObject json, GgufMetadata m, GgufArchitecture a, int window)
    {
        int layers = Math.Clamp(m.Integer($"{a.Name}.block_count") ?? 0, 0, 4096);
        if (window == 0)
        {
            // Families with a window by default have to be told.
            if (a.Name is "gemma3") { json["layer_types"] = Types(layers, _ => false); }
            else if (a.Name is "llama" or "phi3") { json["sliding_window"] = null; }
            return;
        }

        json["sliding_window"] = window;
        if (a.Name.StartsWith("qwen", StringComparison.Ordinal) || a.Name == "smollm3") { json["use_sliding_window"] = true; }
        Func<int, bool> slides = Slides(m, a);
        if (a.Name is not ("llama" or "phi3") || m.ContainsKey($"{a.Name}.{Pattern}")) { json["layer_types"] = Types(layers, slides); }
    }

    /// <summary>Writes window and pattern, and a note where llama.cpp pays no attention to them.</summary>
    public static void Write(DecoderConfig c, GgufMetadata m, GgufArchitecture a, string source, ICollection<string> notes)
    {
        int[] sizes = [.. c.Windows.Where(w => w > 0).Distinct()];
        if (sizes.Length == 0) { return; }
        if (sizes.Length > 1) { throw new Core.UnsupportedException(source, $"windows of {string.Join(" and ", sizes)} tokens in GGUF", "one size"); }
        m[$"{a.Name}.{Window}"] = (uint)sizes[0];
        if (!c.Windows.Select(w => w > 0).SequenceEqual(Enumerable.Range(0, c.Layers).Select(Slides(m, a)))) { m[$"{a.Name}.{Pattern}"] = c.Windows.Select(w => w > 0).ToArray(); }
        if (!a.UsesWindows && sizes[0] < c.MaxPositions) { notes.Add($"{source}: llama.cpp has no sliding windows in architecture {a.Name} and attends to everything beyond the {sizes[0]} tokens"); }
    }

    // Which layers slide: the file's own list or period, else the architecture's.
    private static Func<int, bool> Slides(GgufMetadata m, GgufArchitecture a)
    {
        string key = $"{a.Name}.{Pattern}";
        if (m.TryGetValue(key, out object? value) && value is Array)
        {
            int[] list = m.Integers(key)!;
            return i => i < list.Length && list[i] != 0;
        }

        int period = m.Integer(key) ?? (a.Name == "gemma2" ? 2 : a.Name == "gemma3" ? 6 : 0);
        return period > 0 ? i => i % period < period - 1 : _ => true;
    }

    private static JsonArray Types(int layers, Func<int, bool> slides) => new([.. Enumerable.Range(0, layers).Select(i => JsonValue.Create(slides(i) ? "sliding_attention" : "full_attention"))]);
}
