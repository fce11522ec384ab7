using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A tokenizer as GGUF metadata: copied from another GGUF file, or made from a <c>tokenizer.json</c> where GGUF has a name for its kind.</summary>
internal static class GgufVocabulary
{
    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;

    /// <summary>Adds the tokenizer's pairs.</summary>
    /// <param name="model">Where the tokenizer is from; a model without one adds nothing.</param>
    /// <param name="target">Gets the pairs.</param>
    /// <exception cref="UnsupportedException">The kind of tokenizer has no counterpart.</exception>
    public static void Write(ModelFiles model, GgufMetadata target)
    {
        if (model.Gguf is { } origin)
        {
            foreach ((string key, object value) in origin.Where(p => p.Key.StartsWith("tokenizer.", StringComparison.Ordinal))) { target[key] = value; }
            return;
        }

        if (model.LoadTokenizer() is not { } tokenizer) { return; }
        try
        {
            Write(model, tokenizer, target);
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException or JsonException)
        {
            throw new HybridEngineException($"{model.TokenizerJsonPath ?? model.Path}: cannot be expressed as GGUF metadata: {e.Message}", e);
        }

        DecoderConfig c = model.Config;
        if (c.BosTokenId is { } bos) { target["tokenizer.ggml.bos_token_id"] = (uint)bos; }
        if (c.PadTokenId is { } pad) { target["tokenizer.ggml.padding_token_id"] = (uint)pad; }
        // The tokenizer's own end first; a second id that ends an answer is the end of a turn.
        int[] ends = [.. new[] { tokenizer.EosTokenId }.OfType<int>().Concat(c.EosTokenIds).Distinct()];
        if (ends.Length > 0) { target["tokenizer.ggml.eos_token_id"] = (uint)ends[0]; }
        if (ends.Length > 1) { target["tokenizer.ggml.eot_token_id"] = (uint)ends[1]; }
        int[] probe = tokenizer.Encode("a"), bare = tokenizer.Encode("a", addSpecialTokens: false);
        target["tokenizer.ggml.add_bos_token"] = probe.Length > bare.Length && probe[0] == c.BosTokenId;
        target["tokenizer.ggml.add_eos_token"] = probe.Length > bare.Length && ends.Contains(probe[^1]) && probe[^1] != bare[^1];
        if (model.ChatTemplate is { } template) { target["tokenizer.chat_template"] = template; }
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

        if (byteFallback) { WriteSentencePiece(bpe, tokens, types, target); }
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

    // GGUF names the pre-tokenizer where tokenizer.json spells it out: a name is right when it cuts the same text into the same pieces by the same expressions.
    private static string PreTokenizerName(string source, JsonElement root)
    {
        string own = Canonical(root.GetProperty("pre_tokenizer"));
        foreach (string name in new[] { "gpt-2", "smollm", "llama-bpe", "qwen2", "deepseek-v3", "falcon" })
        {
            GgufMetadata probe = new(source)
            {
                ["tokenizer.ggml.model"] = "gpt2", ["tokenizer.ggml.pre"] = name, ["tokenizer.ggml.tokens"] = new[] { "a" }, ["tokenizer.ggml.merges"] = Array.Empty<string>(),
            };
            using JsonDocument document = JsonDocument.Parse(Tokenizer.FromGguf(probe, source).Json);
            if (Canonical(document.RootElement.GetProperty("pre_tokenizer")) == own) { return name; }
        }

        throw new UnsupportedException(source, "a pre-tokenizer that GGUF has no name for", "those of gpt-2, smollm, llama 3, qwen2, deepseek-v3, falcon");
    }

    // The expressions in order: a ByteLevel step with its own expression is GPT-2's, a Digits step is a split of digits.
    private static string Canonical(JsonElement step)
    {
        if (step.ValueKind != JsonValueKind.Object) { return ""; }
        switch (step.GetProperty("type").GetString())
        {
            case "Sequence": return string.Concat(step.GetProperty("pretokenizers").EnumerateArray().Select(Canonical));
            case "Digits": return step.GetProperty("individual_digits").GetBoolean() ? @"/\p{N}" : @"/\p{N}+";
            case "Split" when step.GetProperty("pattern").TryGetProperty("Regex", out JsonElement regex): return "/" + regex.GetString();
            case "ByteLevel": return !step.TryGetProperty("use_regex", out JsonElement use) || use.GetBoolean() ? "/" + PatternMatcher.Gpt2 : "";
            case { } other: return "/?" + other;
            default: return "";
        }
    }
}
