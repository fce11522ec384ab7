using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A tokenizer as GGUF metadata: copied from another GGUF file, or made from a <c>tokenizer.json</c>, which is put in whole beside the keys that llama.cpp reads.</summary>
internal static partial class GgufVocabulary
{
    /// <summary>The whole tokenizer.json, a key of the GGUF specification; its reading is exact where the other keys leave things out.</summary>
    public const string WholeJson = "tokenizer.huggingface.json";

    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;

    // What tokenizers cut differently: spaces, lines, digits, contractions, other scripts, several code points to a character, bytes without a token.
    private static readonly string[] _probes =
    [
        "a", " a", "Hello world", "  two  spaces ", "tab\tand\nlines\n\n  indented\r\n", "it's WE'LL they'd", "1234567 3.14 2nd", "x_y=f(a[0])!!! ...?", "Grüße, naïve café", "Привет мир", "日本語のテスト 你好",
        "\U0001f600\U0001f468‍\U0001f469‍\U0001f467", "ﬁ ½ ²", "cafe\u0301", "​\u0001", "\ue000",
    ];

    private static readonly string[] _preTokenizers = ["gpt-2", "smollm", "llama-bpe", "dbrx", "qwen2", "deepseek-v3", "falcon", "default"];

    /// <summary>True when the file has a vocabulary at all.</summary>
    public static bool IsIn(GgufMetadata metadata) => metadata.ContainsKey(WholeJson) || metadata.Text("tokenizer.ggml.model") is not (null or NoVocabulary or "none");

    // llama.cpp's name for a file that is fed ids.
    private const string NoVocabulary = "no_vocab";

    /// <summary>Adds the tokenizer's pairs; a model without one says so, and gives the special ids of its configuration.</summary>
    /// <param name="model">Where the tokenizer is from.</param>
    /// <param name="target">Gets the pairs.</param>
    /// <param name="notes">Gets a line where llama.cpp will not have this tokenizer.</param>
    public static void Write(ModelFiles model, GgufMetadata target, ICollection<string> notes)
    {
        if (model.Gguf is { } origin)
        {
            foreach ((string key, object value) in origin.Where(p => p.Key.StartsWith("tokenizer.", StringComparison.Ordinal))) { target[key] = value; }
            if (!origin.ContainsKey("tokenizer.ggml.model")) { target["tokenizer.ggml.model"] = NoVocabulary; }
            return;
        }

        Tokenizer? tokenizer = model.LoadTokenizer();
        if (tokenizer is null) { target["tokenizer.ggml.model"] = NoVocabulary; }
        else { WriteTokenizer(model, tokenizer, target, notes); }
        WriteIds(model.Config, tokenizer, target);
        if (model.ChatTemplate is { } template) { target["tokenizer.chat_template"] = template; }
        if (tokenizer is not null) { target[WholeJson] = Encoding.UTF8.GetString(tokenizer.Json.Span); }
    }

    private static void WriteIds(DecoderConfig c, Tokenizer? tokenizer, GgufMetadata target)
    {
        if (c.BosTokenId is { } bos) { target["tokenizer.ggml.bos_token_id"] = (uint)bos; }
        if (c.PadTokenId is { } pad) { target["tokenizer.ggml.padding_token_id"] = (uint)pad; }
        // The tokenizer's own end first; a second id that ends an answer is the end of a turn.
        int[] ends = [.. new[] { tokenizer?.EosTokenId }.OfType<int>().Concat(c.EosTokenIds).Distinct()];
        if (ends.Length > 0) { target["tokenizer.ggml.eos_token_id"] = (uint)ends[0]; }
        if (ends.Length > 1) { target["tokenizer.ggml.eot_token_id"] = (uint)ends[1]; }
        if (tokenizer is null) { return; }
        int[] probe = tokenizer.Encode("a"), bare = tokenizer.Encode("a", addSpecialTokens: false);
        target["tokenizer.ggml.add_bos_token"] = probe.Length > bare.Length && probe[0] == c.BosTokenId;
        target["tokenizer.ggml.add_eos_token"] = probe.Length > bare.Length && ends.Contains(probe[^1]) && probe[^1] != bare[^1];
    }

    private static void WriteTokenizer(ModelFiles model, Tokenizer tokenizer, GgufMetadata target, ICollection<string> notes)
    {
        GgufMetadata keys = new(model.Path);
        try
        {
            Write(model, tokenizer, keys);
            Compare(model, tokenizer, keys, notes);
            foreach ((string key, object value) in keys) { target[key] = value; }
        }
        catch (UnsupportedException e)
        {
            target["tokenizer.ggml.model"] = NoVocabulary;
            notes.Add($"{e.Message}; this engine reads the whole tokenizer.json from the file, llama.cpp takes ids only");
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException or JsonException)
        {
            throw new HybridEngineException($"{model.TokenizerJsonPath ?? model.Path}: cannot be expressed as GGUF metadata: {e.Message}", e);
        }
    }

    // The keys name a kind of tokenizer where tokenizer.json spells every step out: what was left out shows in the ids. A few odd texts are worth a note, most texts are another tokenizer.
    private static void Compare(ModelFiles model, Tokenizer tokenizer, GgufMetadata keys, ICollection<string> notes)
    {
        string source = model.TokenizerJsonPath ?? model.Path;
        Tokenizer read = Tokenizer.FromGguf(keys, model.Path);
        string[] different = [.. _probes.Where(text => !tokenizer.Encode(text, addSpecialTokens: false).SequenceEqual(read.Encode(text, addSpecialTokens: false)))];
        if (different.Length == 0) { return; }
        string first = JsonSerializer.Serialize(different[0]);
        if (different.Length > _probes.Length / 3) { throw new UnsupportedException(source, $"a tokenizer in GGUF that cuts texts such as {first} otherwise than its keys can say", "those that they describe in full"); }
        notes.Add($"{source}: llama.cpp cuts some texts otherwise, such as {first}; this engine reads the whole tokenizer.json from the file");
    }

    private static void Write(ModelFiles model, Tokenizer tokenizer, GgufMetadata target)
    {
        string source = model.TokenizerJsonPath ?? model.Path;
        using JsonDocument document = JsonDocument.Parse(tokenizer.Json);
        JsonElement root = document.RootElement, bpe = root.GetProperty("model");
        if (!bpe.TryGetProperty("type", out JsonElement kind) || kind.GetString() != "BPE") { throw new UnsupportedException(source, $"a tokenizer of kind {(kind.ValueKind == JsonValueKind.String ? kind.GetString() : "unnamed")} in GGUF", "BPE"); }
        int size = model.Config.VocabularySize;
        string[] tokens = new string[size];
        int[] types = new int[size];
        for (int id = 0; id < size; id++) { (tokens[id], types[id]) = tokenizer.IdToToken(id) is { } text ? (text, Normal) : ($"[PAD{id}]", Unused); }
        bool byteFallback = bpe.TryGetProperty("byte_fallback", out JsonElement fallback) && fallback.ValueKind == JsonValueKind.True;
        if (root.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement token in added.EnumerateArray())
            {
                if (token.GetProperty("id").GetInt32() is var id && id < size) { types[id] = token.GetProperty("special").GetBoolean() ? Control : UserDefined; }
            }
        }

        if (byteFallback)
        {
            WriteSentencePiece(bpe, tokens, types, target);
            target["tokenizer.ggml.add_space_prefix"] = tokenizer.Encode("a", addSpecialTokens: false) is [int first, ..] && tokenizer.IdToToken(first) is ['\u2581', ..];
        }
        else
        {
            target["tokenizer.ggml.model"] = "gpt2";
            target["tokenizer.ggml.pre"] = PreTokenizerName(source, root);
            target["tokenizer.ggml.merges"] = Merges(bpe);
        }

        target["tokenizer.ggml.tokens"] = tokens;
        target["tokenizer.ggml.token_type"] = types;
    }

    // SentencePiece joins by score; a file that has merges instead gets scores by rank, which order the same joins the same way.
    private static void WriteSentencePiece(JsonElement bpe, string[] tokens, int[] types, GgufMetadata target)
    {
        float[] scores = new float[tokens.Length];
        if (bpe.TryGetProperty("scores", out JsonElement given) && given.ValueKind == JsonValueKind.Array)
        {
            int i = 0;
            foreach (JsonElement score in given.EnumerateArray().Take(scores.Length)) { scores[i++] = score.GetSingle(); }
        }
        else
        {
            Dictionary<string, int> ranks = [];
            foreach (string merge in Merges(bpe)) { ranks.TryAdd(merge.Replace(" ", "", StringComparison.Ordinal), ranks.Count); }
            for (int id = 0; id < tokens.Length; id++) { scores[id] = ranks.TryGetValue(tokens[id], out int rank) ? -rank : -1e6f; }
        }

        for (int id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] is ['<', '0', 'x', _, _, '>'] && types[id] == Normal) { types[id] = Byte; }
        }

        if (bpe.TryGetProperty("unk_token", out JsonElement unknown) && unknown.ValueKind == JsonValueKind.String && Array.IndexOf(tokens, unknown.GetString()) is >= 0 and int at)
        {
            types[at] = Unknown;
            target["tokenizer.ggml.unknown_token_id"] = (uint)at;
        }

        target["tokenizer.ggml.model"] = "llama";
        target["tokenizer.ggml.scores"] = scores;
    }

    private static string[] Merges(JsonElement bpe)
        // "a b", or in newer files ["a", "b"].
        => [.. bpe.GetProperty("merges").EnumerateArray().Select(m => m.ValueKind == JsonValueKind.String ? m.GetString()! : $"{m[0].GetString()} {m[1].GetString()}")];

    // GGUF names the pre-tokenizer where tokenizer.json spells it out: a name is right when it cuts the same text into the same pieces by the same expressions. Of two such names
    // (llama-bpe, dbrx) the one counts that takes whole words past the merges as the file does.
    private static string PreTokenizerName(string source, JsonElement root)
    {
        string own = Canonical(root.GetProperty("pre_tokenizer"));
        string? found = null;
        foreach (string name in _preTokenizers)
        {
            GgufMetadata probe = new(source)
            {
                ["tokenizer.ggml.model"] = "gpt2", ["tokenizer.ggml.pre"] = name, ["tokenizer.ggml.tokens"] = new[] { "a" }, ["tokenizer.ggml.merges"] = Array.Empty<string>(),
            };
            using JsonDocument document = JsonDocument.Parse(Tokenizer.FromGguf(probe, source).Json);
            if (Canonical(document.RootElement.GetProperty("pre_tokenizer")) != own) { continue; }
            if (TakesWholeWords(document.RootElement) == TakesWholeWords(root)) { return name; }
            found ??= name;
        }

        return found ?? throw new UnsupportedException(source, "a pre-tokenizer that GGUF has no name for", $"those of {string.Join(", ", _preTokenizers)}");
    }

    private static bool TakesWholeWords(JsonElement root) => root.GetProperty("model").TryGetProperty("ignore_merges", out JsonElement flag) && flag.ValueKind == JsonValueKind.True;

    // The expressions in order: a ByteLevel step with its own expression is GPT-2's, a Digits step is a split of digits.
    private static string Canonical(JsonElement step)
    {
        if (step.ValueKind != JsonValueKind.Object) { return ""; }
        switch (step.GetProperty("type").GetString())
        {
            case "Sequence": return string.Concat(step.GetProperty("pretokenizers").EnumerateArray().Select(Canonical));
            case "Digits": return step.GetProperty("individual_digits").GetBoolean() ? @"/\p{N}" : @"/\p{N}+";
            case "Split" when step.GetProperty("pattern").TryGetProperty("Regex", out JsonElement regex): return "/" + Unescaped(regex.GetString()!);
            case "ByteLevel": return !step.TryGetProperty("use_regex", out JsonElement use) || use.GetBoolean() ? "/" + PatternMatcher.Gpt2 : "";
            case { } other: return "/?" + other;
            default: return "";
        }
    }

    // Some files write characters of an expression as they are, others by number.
    private static string Unescaped(string regex) => UnicodeEscape().Replace(regex, m => ((char)Convert.ToInt32(m.Groups[1].Value, 16)).ToString());

    [GeneratedRegex(@"\\u([0-9a-fA-F]{4})")]
    private static partial Regex UnicodeEscape();
}
