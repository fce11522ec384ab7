namespace HybridEngine.Models;

/// <summary>Mixtral: Mistral with experts in every layer, weighted by a soft-max over the chosen.</summary>
internal sealed class MixtralFamily : LlamaLayout
{
    public override string Name => "mixtral";

    public override string TransformersClass => "MixtralForCausalLM";

    internal override TensorNames Names { get; } = LlamaNames with
    {
        Router = "block_sparse_moe.gate",
        Expert = "block_sparse_moe.experts.",
        ExpertGate = "w1",
        ExpertUp = "w3",
        ExpertDown = "w2",
    };

    protected override double DefaultTheta => 1e6;

    protected override IReadOnlyList<string> Options => ["num_local_experts", "num_experts"];

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = ReadLlama(config, positions: 4096 * 32);
        return c with
        {
            Windows = ReadWindows(config, c.Layers, config.Integer("sliding_window"), _ => true),
            // A soft-max over the chosen is that over all, divided by the chosen ones' sum.
            Experts = ReadExperts(config, "num_local_experts", absent: 8, perToken: 2, c.IntermediateSize, normalize: true, [.. Enumerable.Repeat(true, c.Layers)]),
        };
    }
}
