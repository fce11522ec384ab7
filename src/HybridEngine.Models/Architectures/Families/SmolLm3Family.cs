using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>SmolLM3: Llama with layers that have no positions (every fourth, unless the file lists them); it is those that may have a sliding window.</summary>
internal sealed class SmolLm3Family : LlamaLayout
{
    public override string Name => "smollm3";

    public override string TransformersClass => "SmolLM3ForCausalLM";

    protected override double DefaultTheta => 2e6;

    protected override IReadOnlyList<string> Options => ["no_rope_layers"];

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = WithAttentionBias(config, ReadLlama(config, positions: 32768, tied: true));
        // The list says where rotary positions are (1), its name notwithstanding.
        IReadOnlyList<int> rotary = config.Integers("no_rope_layers");
        int interval = config.Size("no_rope_layer_interval", 4);
        if (rotary.Count == 0) { rotary = [.. Enumerable.Range(0, c.Layers).Select(i => (i + 1) % interval == 0 ? 0 : 1)]; }
        if (rotary.Count < c.Layers) { throw new InvalidInputException($"{config.Source}: no_rope_layers", $"{rotary.Count} entries", $"{c.Layers}, one a layer"); }
        return c with
        {
            MlpBias = config.Flag("mlp_bias", false),
            LayerRotary = [.. rotary.Take(c.Layers).Select(r => r == 0 ? null : c.Rotary)],
            Windows = ReadWindows(config, c.Layers, config.Flag("use_sliding_window", false) ? config.Integer("sliding_window") : null, i => rotary[i] == 0),
        };
    }
}
