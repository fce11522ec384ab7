using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>OPT: learned positions from row 2 on, LayerNorm with biases, ReLU; the 350m model normalises after each half of a block and has a narrower embedding with projections.</summary>
internal sealed class OptFamily : ModelFamily
{
    public override string Name => "opt";

    public override string TransformersClass => "OPTForCausalLM";

    public override string BodyPrefix => "model.";

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        int hidden = config.Size("hidden_size"), heads = config.Size("num_attention_heads");
        if (hidden % heads != 0) { throw new InvalidInputException($"{config.Source}: num_attention_heads", $"{heads}", $"a divisor of hidden_size {hidden}"); }
        if (!config.Flag("layer_norm_elementwise_affine", true)) { throw config.Unsupported("layer_norm_elementwise_affine", "true"); }
        bool before = config.Flag("do_layer_norm_before", true), bias = config.Flag("enable_bias", true);
        return new DecoderConfig
        {
            Family = Name,
            VocabularySize = config.Size("vocab_size"),
            HiddenSize = hidden,
            EmbeddingSize = config.Size("word_embed_proj_dim", hidden),
            Layers = config.Size("num_hidden_layers"),
            QueryHeads = heads,
            KeyHeads = heads,
            HeadSize = hidden / heads,
            IntermediateSize = config.Size("ffn_dim"),
            Norm = new NormOptions(NormKind.Layer, 1e-5f),
            NormPlacement = before ? NormPlacement.Before : NormPlacement.After,
            FinalNorm = before && !config.Flag("_remove_final_layer_norm", false),
            NormBias = true,
            Activation = ReadActivation(config, "activation_function", "relu"),
            GatedMlp = false,
            QueryKeyValueBias = bias,
            AttentionOutputBias = bias,
            MlpBias = bias,
            Positions = PositionKind.Learned,
            PositionOffset = 2,
            MaxPositions = config.Size("max_position_embeddings", 2048),
            AttentionScale = (float)(1 / Math.Sqrt(hidden / heads)),
            TiedEmbeddings = config.Flag("tie_word_embeddings", true),
            BosTokenId = ReadTokenId(config, "bos_token_id"),
            EosTokenIds = config.TokenIds("eos_token_id"),
            PadTokenId = ReadTokenId(config, "pad_token_id"),
        };
    }

    public override IReadOnlyList<ParameterBinding> Bind(DecoderConfig c)
    {
        List<ParameterBinding> all = [];
        int hidden = c.HiddenSize, inner = c.IntermediateSize, positions = c.MaxPositions + c.PositionOffset;
        const string Decoder = "model.decoder.";
        Add(ParameterRole.Embedding, -1, false, Decoder + "embed_tokens.weight", c.VocabularySize, c.EmbeddingSize);
        Add(ParameterRole.PositionEmbedding, -1, false, Decoder + "embed_positions.weight", positions, hidden);
        if (c.EmbeddingSize != hidden)
        {
            Add(ParameterRole.ProjectIn, -1, false, Decoder + "project_in.weight", hidden, c.EmbeddingSize);
        }

        for (int i = 0; i < c.Layers; i++)
        {
            string block = $"{Decoder}layers.{i}.";
            Norm(ParameterRole.AttentionNorm, i, block + "self_attn_layer_norm");
            Linear(ParameterRole.Query, i, block + "self_attn.q_proj", hidden, hidden, c.QueryKeyValueBias);
            Linear(ParameterRole.Key, i, block + "self_attn.k_proj", hidden, hidden, c.QueryKeyValueBias);
            Linear(ParameterRole.Value, i, block + "self_attn.v_proj", hidden, hidden, c.QueryKeyValueBias);
            Linear(ParameterRole.AttentionOutput, i, block + "self_attn.out_proj", hidden, hidden, c.AttentionOutputBias);
            Norm(ParameterRole.MlpNorm, i, block + "final_layer_norm");
            Linear(ParameterRole.Up, i, block + "fc1", inner, hidden, c.MlpBias);
            Linear(ParameterRole.Down, i, block + "fc2", hidden, inner, c.MlpBias);
        }

        if (c.FinalNorm) { Norm(ParameterRole.FinalNorm, -1, Decoder + "final_layer_norm"); }
        if (c.EmbeddingSize != hidden) { Add(ParameterRole.ProjectOut, -1, false, Decoder + "project_out.weight", c.EmbeddingSize, hidden); }
        if (!c.TiedEmbeddings) { Add(ParameterRole.Head, -1, false, "lm_head.weight", c.VocabularySize, c.EmbeddingSize); }
        return all;

        void Linear(ParameterRole role, int layer, string module, int rows, int columns, bool bias)
        {
            Add(role, layer, false, module + ".weight", rows, columns);
            if (bias) { Add(role, layer, true, module + ".bias", rows, 1); }
        }

        void Norm(ParameterRole role, int layer, string module)
        {
            Add(role, layer, false, module + ".weight", hidden, 1);
            Add(role, layer, true, module + ".bias", hidden, 1);
        }

        void Add(ParameterRole role, int layer, bool isBias, string name, int rows, int columns) => all.Add(new(role, layer, isBias, name, rows, columns, FusedRows: rows));
    }
}
