namespace HybridEngine.Models;

/// <summary>Phi-3 and Phi-4 (mini included): Llama with fused projections in the file, rotary positions on part of the head, and two sets of them for short and long contexts.</summary>
internal sealed class Phi3Family : LlamaLayout
{
    private static readonly TensorNames _names = LlamaNames with { QueryKeyValue = "self_attn.qkv_proj", GateUp = "mlp.gate_up_proj" };

    public override string Name => "phi3";

    public override string TransformersClass => "Phi3ForCausalLM";

    internal override TensorNames Names => _names;

    protected override IReadOnlyList<string> Options => ["partial_rotary_factor"];

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = ReadLlama(config, positions: 4096);
        return c with { Windows = ReadWindows(config, c.Layers, config.Integer("sliding_window"), _ => true) };
    }

    protected override RotarySpec ReadRotary(ConfigReader config, DecoderConfig c) => RotaryFrequencies.Read(config, c.HeadSize, c.MaxPositions, partial: 1);
}
