using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace HybridEngine.Rlhf;

/// <summary>Characters as tokens: the ASCII code is the id; five control codes are special tokens. Also writes the tokenizer files that make a saved model an ordinary folder.</summary>
public static class PocketVocabulary
{
    /// <summary>Number of ids.</summary>
    public const int Size = 128;

    /// <summary>Padding.</summary>
    public const int Pad = 0;

    /// <summary>Begins every sequence.</summary>
    public const int Bos = 1;

    /// <summary>Ends every answer.</summary>
    public const int Eos = 2;

    /// <summary>The question follows.</summary>
    public const int Human = 3;

    /// <summary>The answer follows.</summary>
    public const int Assistant = 4;

    private static readonly string[] SpecialTokens = ["<pad>", "<bos>", "<eos>", "<human>", "<assistant>"];

    // One turn, as the model was trained: an earlier conversation would be text it has never seen.
    private const string ChatTemplate =
        "{% if messages[-1]['role'] == 'assistant' %}{{ '<bos><human>' + messages[-2]['content'] + '<assistant>' + messages[-1]['content'] + '<eos>' }}" +
        "{% else %}{{ '<bos><human>' + messages[-1]['content'] }}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}{% endif %}";

    /// <summary><c>BOS HUMAN question ASSISTANT</c>: 6 to 14 tokens.</summary>
    public static int[] Prompt(string question)
    {
        ArgumentNullException.ThrowIfNull(question);
        return [Bos, Human, .. question.Select(c => (int)c), Assistant];
    }

    /// <summary>The characters and EOS.</summary>
    public static int[] Answer(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. text.Select(c => (int)c), Eos];
    }

    /// <summary>Text of sampled ids up to EOS; special tokens and what is no character become <c>\x</c> escapes, so that they never score as right.</summary>
    public static string Text(ReadOnlySpan<int> ids)
    {
        StringBuilder text = new(ids.Length);
        foreach (int id in ids)
        {
            if (id == Eos) { break; }
            if (id is >= 32 and < 127) { text.Append((char)id); }
            else { text.Append($"\\x{id:x2}"); }
        }

        return text.ToString();
    }

    /// <summary>Writes tokenizer.json (byte-level, no merges) and tokenizer_config.json with a chat template.</summary>
    public static void Save(string folder)
    {
        JsonObject vocabulary = [];
        for (int id = 0; id < Size; id++) { vocabulary[id < SpecialTokens.Length ? SpecialTokens[id] : ByteLevel(id)] = id; }
        JsonArray added = [.. SpecialTokens.Select((t, i) => (JsonNode)new JsonObject
        {
            ["id"] = i, ["content"] = t, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
        })];
        JsonObject tokenizer = new()
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevelStage(),
            ["post_processor"] = null,
            ["decoder"] = ByteLevelStage(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE", ["dropout"] = null, ["unk_token"] = null, ["continuing_subword_prefix"] = null, ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false, ["byte_fallback"] = false, ["ignore_merges"] = false, ["vocab"] = vocabulary, ["merges"] = new JsonArray(),
            },
        };
        JsonObject configuration = new()
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast", ["bos_token"] = SpecialTokens[Bos], ["eos_token"] = SpecialTokens[Eos], ["pad_token"] = SpecialTokens[Pad],
            ["add_bos_token"] = false, ["clean_up_tokenization_spaces"] = false, ["model_max_length"] = PocketModel.MaxPositions, ["chat_template"] = ChatTemplate,
        };
        Directory.CreateDirectory(folder);
        JsonSerializerOptions indented = new() { WriteIndented = true };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString(indented));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), configuration.ToJsonString(indented));
    }

    private static JsonObject ByteLevelStage() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = false };

    /// <summary>GPT-2's printable stand-in for a byte below 128: itself where it is visible, else the next free character from U+0100 on.</summary>
    private static string ByteLevel(int code) => code is > 32 and < 127 ? $"{(char)code}" : $"{(char)(code <= 32 ? 0x100 + code : 0x100 + 33)}";
}
