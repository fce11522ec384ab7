namespace HybridEngine.Models;

/// <summary>Qwen 3 with experts, in all layers but those that the file lists.</summary>
internal sealed class Qwen3MoeFamily : LlamaLayout
{
    public override string Name => "qwen3_moe";

    public override string TransformersClass => "Qwen3MoeForCausalLM";

    internal override TensorNames Names { get; } = LlamaNames with
    {
        Router = "mlp.gate",
        Expert = "mlp.experts.",
        ExpertGate = "gate_proj",
        ExpertUp = "up_proj",
        ExpertDown = "down_proj",
    };

    protected override IReadOnlyList<string> Options => ["num_local_experts", "num_experts"];

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = WithAttentionBias(config, ReadLlama(config, positions: 32768));
        IReadOnlyList<int> dense = config.Integers("mlp_only_layers");
        int step = config.Size("decoder_sparse_step", 1);
        bool[] layers = [.. Enumerable.Range(0, c.Layers).Select(i => (i + 1) % step == 0 && !dense.Contains(i))];
        // transformers 5 calls them num_local_experts.
        string key = config.Has("num_experts") ? "num_experts" : "num_local_experts";
        bool experts = layers.Contains(true) && config.Integer(key) is not 0;
        return c with
        {
            QueryKeyNorm = QueryKeyNorm.EachHead,
            Windows = ReadWindows(config, c.Layers, config.Flag("use_sliding_window", false) ? config.Integer("sliding_window") : null, _ => true),
            Experts = experts ? ReadExperts(config, key, absent: 128, perToken: 8, config.Size("moe_intermediate_size", 768), config.Flag("norm_topk_prob", false), layers) : null,
        };
    }
}
