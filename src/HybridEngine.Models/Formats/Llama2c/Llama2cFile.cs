using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A model of karpathy/llama2.c (<c>run.c</c>'s format, version 0): seven int32, then float32 weights in a fixed order, all layers of a kind together.</summary>
/// <remarks>
/// Tensors get transformers' Llama names. Rows of q and k lie in interleaved rotary order. The cosines and sines between the final norm and the classifier are skipped, as run.c does.
/// A negative vocabulary size says that the classifier is not the embedding table.
/// </remarks>
internal sealed class Llama2cFile : IDisposable
{
    private const int HeaderBytes = 7 * sizeof(int);
    // "ak42", which versions 1 and 2 begin with.
    private const int NewerMagic = 0x616b3432;

    private readonly MappedFile _file;
    private readonly Dictionary<string, StoredTensor> _tensors = [];
    private long _offset = HeaderBytes;

    private Llama2cFile(MappedFile file, JsonObject config) => (_file, Config) = (file, config);

    /// <summary>The configuration in transformers' keys.</summary>
    public JsonObject Config { get; }

    /// <summary>All tensors by transformers' names.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    public static Llama2cFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path);
        try
        {
            return Parse(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();

    private static Llama2cFile Parse(MappedFile file)
    {
        if (file.Length < HeaderBytes) { throw new InvalidInputException(file.Path, $"{file.Length} bytes", "a llama2.c header of 28 bytes"); }
        int[] header = MemoryMarshal.Cast<byte, int>(file.Span(0, HeaderBytes)).ToArray();
        if (header[0] == NewerMagic) { throw new UnsupportedException(file.Path, $"llama2.c export version {header[1]}", "version 0, which run.c reads"); }
        (int dim, int inner, int layers, int heads, int keyHeads, int signedVocabulary, int positions) = (header[0], header[1], header[2], header[3], header[4], header[5], header[6]);
        long vocabulary = Math.Abs((long)signedVocabulary);
        bool plausible = dim is > 0 and <= 1 << 16 && inner is > 0 and <= 1 << 20 && layers is > 0 and <= 4096 && heads > 0 && dim % heads == 0 && dim / heads % 2 == 0
            && keyHeads > 0 && heads % keyHeads == 0 && vocabulary is > 0 and <= 1 << 24 && positions is > 0 and <= 1 << 24;
        if (!plausible)
        {
            throw new InvalidInputException(file.Path, $"dim {dim}, hidden {inner}, layers {layers}, heads {heads}, kv heads {keyHeads}, vocabulary {signedVocabulary}, positions {positions}", "a llama2.c header");
        }

        Llama2cFile result = new(file, Describe(dim, inner, layers, heads, keyHeads, (int)vocabulary, positions, tied: signedVocabulary > 0));
        result.Place(dim, inner, layers, keyHeads * (dim / heads), vocabulary, positions * (long)(dim / heads), signedVocabulary > 0);
        return result;
    }

    private static JsonObject Describe(int dim, int inner, int layers, int heads, int keyHeads, int vocabulary, int positions, bool tied) => new()
    {
        ["model_type"] = "llama",
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["hidden_size"] = dim,
        ["intermediate_size"] = inner,
        ["num_hidden_layers"] = layers,
        ["num_attention_heads"] = heads,
        ["num_key_value_heads"] = keyHeads,
        ["vocab_size"] = vocabulary,
        ["max_position_embeddings"] = positions,
        ["rms_norm_eps"] = 1e-5,
        ["rope_theta"] = 10000.0,
        ["hidden_act"] = "silu",
        ["tie_word_embeddings"] = tied,
        ["torch_dtype"] = "float32",
        // Every model of llama2.c has the Llama vocabulary's first three tokens; run.c ends a story at the next beginning.
        ["bos_token_id"] = 1,
        ["eos_token_id"] = new JsonArray(1, 2),
    };

    private void Place(int dim, int inner, int layers, int keys, long vocabulary, long rotaryValues, bool tied)
    {
        Take("model.embed_tokens.weight", vocabulary, dim);
        TakeLayers("input_layernorm", layers, dim);
        TakeLayers("self_attn.q_proj", layers, dim, dim);
        TakeLayers("self_attn.k_proj", layers, keys, dim);
        TakeLayers("self_attn.v_proj", layers, keys, dim);
        TakeLayers("self_attn.o_proj", layers, dim, dim);
        TakeLayers("post_attention_layernorm", layers, dim);
        TakeLayers("mlp.gate_proj", layers, inner, dim);
        TakeLayers("mlp.down_proj", layers, dim, inner);
        TakeLayers("mlp.up_proj", layers, inner, dim);
        Take("model.norm.weight", dim);
        _offset += rotaryValues * sizeof(float);
        if (!tied) { Take("lm_head.weight", vocabulary, dim); }
        if (_offset != _file.Length) { throw new InvalidInputException(_file.Path, $"{_file.Length} bytes", $"{_offset} by its header (truncated, or not a llama2.c file)"); }
    }

    private void TakeLayers(string module, int layers, params long[] shape)
    {
        for (int i = 0; i < layers; i++) { Take($"model.layers.{i}.{module}.weight", shape); }
    }

    private void Take(string name, params long[] shape)
    {
        // At most 2^24 * 2^16 values of 4 bytes a tensor and 4096 layers: no overflow. Beyond the file's end nothing is read, as Place refuses the file.
        long bytes = shape.Aggregate(1L, (n, extent) => n * extent) * sizeof(float);
        _tensors.Add(name, new StoredTensor(_file, name, StoredType.F32, shape, _offset, bytes));
        _offset += bytes;
    }
}
