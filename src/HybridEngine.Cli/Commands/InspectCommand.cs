using System.CommandLine;
using System.Text.Json;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine inspect</c>: what a model holds, and whether the engine runs it.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        Argument<string> path = new("path") { Description = "Folder in Hugging Face layout, .gguf, .safetensors or llama2.c .bin file." };
        Option<bool> all = new("--tensors") { Description = "List every tensor." };
        Command command = new("inspect", "Configuration, tensors, types, bytes, and what of it the engine supports.") { path, all };
        command.SetAction(parse =>
        {
            ModelInspection found = ModelInspector.Inspect(parse.GetValue(path)!);
            if (parse.GetValue(GlobalOptions.Json)) { JsonLine.Write(w => Write(w, found)); }
            else { Print(found, parse.GetValue(all)); }
            return 0;
        });
        return command;
    }

    private static void Print(ModelInspection m, bool tensors)
    {
        Console.WriteLine($"{m.Path}: {m.Format}{(m.Format.StartsWith("LoRA", StringComparison.Ordinal) ? "" : $", model_type {m.ModelType ?? "unknown"}")}");
        Console.WriteLine(!m.Supported ? $"not supported: {m.Problem}" : m.Adapter is null ? "supported: generates and trains" : "supported: generates, scores and merges, beside its base");
        if (m.Adapter is { } a)
        {
            Console.WriteLine($"{a.Kind}, rank {a.Rank}, alpha {a.Alpha:R}, of {a.BaseModel ?? "an unnamed base"}");
            Console.WriteLine($"modules: {string.Join(", ", a.Modules.Select(p => $"{p.Key} x {p.Value}"))}{(a.Saved.Count > 0 ? $"; whole: {string.Join(", ", a.Saved)}" : "")}");
        }

        if (m.Config is { } c)
        {
            Console.WriteLine($"{c.Layers} layers, hidden {c.HiddenSize}, {c.QueryHeads} query and {c.KeyHeads} key heads of {c.HeadSize}, MLP {c.IntermediateSize}, vocabulary {c.VocabularySize}, context {c.MaxPositions}{(c.TiedEmbeddings ? ", tied embeddings" : "")}");
        }

        Console.WriteLine($"tokenizer: {m.Tokenizer}");
        Console.WriteLine($"{m.Parameters:N0} parameters in {m.Tensors.Count} tensors, {m.Bytes:N0} bytes: {string.Join(", ", m.Types.Select(t => $"{t.Type} {t.Bytes:N0} bytes in {t.Tensors}{Remark(t.Type)}"))}");
        if (!tensors) { return; }
        foreach (InspectedTensor t in m.Tensors) { Console.WriteLine($"  {t.Name,-56} {t.Type,-6} [{string.Join(", ", t.Shape)}]{(t.Readable ? "" : "  not readable")}"); }
    }

    // What becomes of a type, where that is not what stands in the file.
    private static string Remark(string type) => StoredType.Find(type) switch
    {
        null or { IsReadable: false } => " (not readable)",
        { IsBlocked: true, StaysCompact: false } => " (float32 in memory)",
        _ => "",
    };

    private static void Write(Utf8JsonWriter w, ModelInspection m)
    {
        w.WriteStartObject();
        w.WriteString("path", m.Path);
        w.WriteString("format", m.Format);
        w.WriteString("model_type", m.ModelType);
        w.WriteBoolean("supported", m.Supported);
        w.WriteString("problem", m.Problem);
        w.WriteString("tokenizer", m.Tokenizer);
        if (m.Adapter is { } adapter)
        {
            w.WriteStartObject("adapter");
            w.WriteString("base_model", adapter.BaseModel);
            w.WriteString("kind", adapter.Kind);
            w.WriteNumber("rank", adapter.Rank);
            w.WriteNumber("alpha", adapter.Alpha);
            w.WriteStartObject("modules");
            foreach ((string module, int count) in adapter.Modules) { w.WriteNumber(module, count); }
            w.WriteEndObject();
            w.WriteEndObject();
        }

        w.WriteNumber("parameters", m.Parameters);
        w.WriteNumber("bytes", m.Bytes);
        if (m.ConfigJson is { } config)
        {
            w.WritePropertyName("config");
            w.WriteRawValue(config);
        }

        w.WriteStartObject("metadata");
        foreach ((string key, string value) in m.Metadata) { w.WriteString(key, value); }
        w.WriteEndObject();
        w.WriteStartArray("types");
        foreach ((string name, int tensors, long bytes) in m.Types)
        {
            StoredType? type = StoredType.Find(name);
            w.WriteStartObject();
            w.WriteString("type", name);
            w.WriteNumber("tensors", tensors);
            w.WriteNumber("bytes", bytes);
            if (type is not null) { w.WriteNumber("bits_per_value", type.BitsPerValue); }
            w.WriteBoolean("readable", type is { IsReadable: true });
            w.WriteString("in_memory", type is not { IsReadable: true } ? null : type.StaysCompact ? name : "F32");
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteStartArray("tensors");
        foreach (InspectedTensor t in m.Tensors)
        {
            w.WriteStartObject();
            w.WriteString("name", t.Name);
            w.WriteString("type", t.Type);
            w.WriteStartArray("shape");
            foreach (long extent in t.Shape) { w.WriteNumberValue(extent); }
            w.WriteEndArray();
            w.WriteNumber("bytes", t.Bytes);
            w.WriteBoolean("readable", t.Readable);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }
}
