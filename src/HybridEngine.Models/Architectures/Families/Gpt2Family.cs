using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>GPT-2: learned positions, LayerNorm with biases, tanh GELU; weights stored [inputs, outputs] (Conv1D), q, k and v fused in one.</summary>
internal sealed class Gpt2Family : ModelFamily
{
    public override string Name => "gpt2";

    public override string TransformersClass => "GPT2LMHeadModel";

    public override string BodyPrefix => "transformer.";

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        int hidden = config.Size("n_embd"), heads = config.Size("n_head");
        if (hidden % heads != 0) { throw new InvalidInputException($"{config.Source}: n_head", $"{heads}", $"a divisor of n_embd {hidden}"); }
        if (config.Flag("scale_attn_by_inverse_layer_idx", false)) { throw config.Unsupported("scale_attn_by_inverse_layer_idx", "false"); }
        return new DecoderConfig
        {
            Family = Name,
            VocabularySize = config.Size("vocab_size"),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            Layers = config.Size("n_layer"),
            QueryHeads = heads,
            KeyHeads = heads,
            HeadSize = hidden / heads,
            IntermediateSize = config.Size("n_inner", checked(4 * hidden)),
            Norm = new NormOptions(NormKind.Layer, (float)config.Positive("layer_norm_epsilon", 1e-5)),
            NormBias = true,
            Activation = ReadActivation(config, "activation_function", "gelu_new"),
            GatedMlp = false,
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            MlpBias = true,
            Positions = PositionKind.Learned,
            MaxPositions = config.Size("n_positions", 1024),
            AttentionScale = config.Flag("scale_attn_weights", true) ? (float)(1 / Math.Sqrt(hidden / heads)) : 1,
            TiedEmbeddings = config.Flag("tie_word_embeddings", true),
            BosTokenId = ReadTokenId(config, "bos_token_id"),
            EosTokenIds = config.TokenIds("eos_token_id"),
            PadTokenId = ReadTokenId(config, "pad_token_id"),
        };
    }

    public override IReadOnlyList<ParameterBinding> Bind(DecoderConfig c)
    {
        List<ParameterBinding> all = [];
        int hidden = c.HiddenSize, inner = c.IntermediateSize;
        all.Add(new(ParameterRole.Embedding, -1, false, "transformer.wte.weight", c.VocabularySize, hidden, FusedRows: c.VocabularySize));
        all.Add(new(ParameterRole.PositionEmbedding, -1, false, "transformer.wpe.weight", c.MaxPositions, hidden, FusedRows: c.MaxPositions));
        for (int i = 0; i < c.Layers; i++)
        {
            string block = $"transformer.h.{i}.";
            Norm(ParameterRole.AttentionNorm, i, block + "ln_1");
            Conv(ParameterRole.Query, i, block + "attn.c_attn", hidden, hidden, 0, 3 * hidden);
            Conv(ParameterRole.Key, i, block + "attn.c_attn", hidden, hidden, hidden, 3 * hidden);
            Conv(ParameterRole.Value, i, block + "attn.c_attn", hidden, hidden, 2 * hidden, 3 * hidden);
            Conv(ParameterRole.AttentionOutput, i, block + "attn.c_proj", hidden, hidden, 0, hidden);
            Norm(ParameterRole.MlpNorm, i, block + "ln_2");
            Conv(ParameterRole.Up, i, block + "mlp.c_fc", inner, hidden, 0, inner);
            Conv(ParameterRole.Down, i, block + "mlp.c_proj", hidden, inner, 0, hidden);
        }

        Norm(ParameterRole.FinalNorm, -1, "transformer.ln_f");
        if (!c.TiedEmbeddings) { all.Add(new(ParameterRole.Head, -1, false, "lm_head.weight", c.VocabularySize, hidden, FusedRows: c.VocabularySize)); }
        return all;

        void Conv(ParameterRole role, int layer, string module, int rows, int columns, int start, int fused)
        {
            all.Add(new(role, layer, false, module + ".weight", rows, columns, Transposed: true, start, fused));
            all.Add(new(role, layer, true, module + ".bias", rows, 1, RowStart: start, FusedRows: fused));
        }

        void Norm(ParameterRole role, int layer, string module)
        {
            all.Add(new(role, layer, false, module + ".weight", hidden, 1, FusedRows: hidden));
            all.Add(new(role, layer, true, module + ".bias", hidden, 1, FusedRows: hidden));
        }
    }
}
