namespace HybridEngine.Models;

/// <summary>Qwen 2 and 2.5: Llama with biases on q, k and v; optionally a sliding window from some layer on.</summary>
internal sealed class Qwen2Family : ModelFamily
{
    public override string Name => "qwen2";

    public override string TransformersClass => "Qwen2ForCausalLM";

    public override string BodyPrefix => LlamaLayout.Prefix;

    public override IReadOnlyList<ParameterBinding> Bind(DecoderConfig config) => LlamaLayout.Bind(config);

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = LlamaLayout.Read(config, Name, ReadActivation(config, "hidden_act", "silu"), config.Size("num_key_value_heads"), config.Size("max_position_embeddings", 32768));
        return c with { QueryKeyValueBias = true, Windows = ReadWindows(config, c.Layers) };
    }

    /// <summary>Windows as Qwen 2 and 3 configure them: only with <c>use_sliding_window</c>, from layer <c>max_window_layers</c> on.</summary>
    internal static IReadOnlyList<int> ReadWindows(ConfigReader config, int layers)
    {
        int? window = config.Flag("use_sliding_window", false) ? config.Integer("sliding_window") : null;
        return LlamaLayout.ReadWindows(config, layers, window, config.Integer("max_window_layers") ?? 28);
    }
}
