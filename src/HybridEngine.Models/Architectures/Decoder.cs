using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The weights of one model on one device, by role; <see cref="DecoderForward"/> runs them. One set serves generation and training.</summary>
public sealed partial class Decoder : IParameterSource, IDisposable
{
    private readonly Dictionary<RotarySpec, Tensor> _rotary = new(ReferenceEqualityComparer.Instance); // [positions, rotary] cosines and sines
    private readonly Tensor _alibi; // [query heads], or empty

    private Decoder(IKernels kernels, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings, Precision precision)
    {
        (Kernels, Config, Bindings, Precision) = (kernels, config, bindings, precision);
        foreach (ParameterBinding b in bindings) { _byRole.TryAdd((b.Role, b.Layer, b.IsBias, b.Expert), b); }
        bool projections = config.EmbeddingSize != config.HiddenSize;
        Embedding = Add(-1, bias: false, ParameterRole.Embedding);
        PositionEmbedding = config.Positions == PositionKind.Learned ? Add(-1, bias: false, ParameterRole.PositionEmbedding) : null;
        ProjectIn = projections ? Linear(-1, bias: false, ParameterRole.ProjectIn) : null;
        EmbeddingNorm = config.EmbeddingNorm ? Norm(ParameterRole.EmbeddingNorm, -1) : null;
        Blocks = [.. Enumerable.Range(0, config.Layers).Select(CreateBlock)];
        FinalNorm = config.FinalNorm ? Norm(ParameterRole.FinalNorm, -1) : null;
        ProjectOut = projections ? Linear(-1, bias: false, ParameterRole.ProjectOut) : null;
        Head = config.TiedEmbeddings ? Embedding : Add(-1, bias: false, ParameterRole.Head);
        HeadBias = config.HeadBias ? Add(-1, bias: true, ParameterRole.Head) : null;
        for (int layer = 0; layer < config.Layers; layer++)
        {
            if (config.RotaryOf(layer) is { } spec && !_rotary.ContainsKey(spec)) { _rotary[spec] = RotaryTable.Create(kernels, spec, config.MaxPositions); }
        }

        if (config.Positions == PositionKind.Alibi) { _alibi = AlibiSlopes.Create(kernels, config.QueryHeads); }
    }

    /// <summary>The backend that holds the weights.</summary>
    public IKernels Kernels { get; }

    /// <summary>What the model is.</summary>
    public DecoderConfig Config { get; }

    /// <summary>In which types it was loaded.</summary>
    public Precision Precision { get; }

    /// <summary>Names the orders of sums of everything that this decoder computes: results of two are comparable bit for bit only when it is equal.</summary>
    public string NumericVariant => string.Join('+', _parameters.Select(p => p.Form.Arithmetic).Where(a => a != Arithmetic.Float32).Distinct().Order().Select(Kernels.VariantOf)
        .Prepend(Kernels.NumericVariant).Append(Precision.KeyValueType switch { DType.Float32 => "", DType.BFloat16 => "kv-bf16", _ => "kv-int8" }).Where(v => v.Length > 0));

    /// <summary>The checkpoint's tensors, as loaded and as saved.</summary>
    public IReadOnlyList<ParameterBinding> Bindings { get; }

    /// <summary>All parameters in model order, each once (a tied head is the embedding).</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Token table [vocabulary, embedding].</summary>
    public Parameter Embedding { get; }

    /// <summary>Learned positions [positions + offset, hidden], or null.</summary>
    public Parameter? PositionEmbedding { get; }

    /// <summary>Embedding to hidden width, or null when they are equal.</summary>
    public LinearParameters? ProjectIn { get; }

    /// <summary>Behind the token embedding, or null.</summary>
    public NormParameters? EmbeddingNorm { get; }

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<DecoderBlock> Blocks { get; }

    /// <summary>After the last block, or null.</summary>
    public NormParameters? FinalNorm { get; }

    /// <summary>Hidden to embedding width, or null when they are equal.</summary>
    public LinearParameters? ProjectOut { get; }

    /// <summary>Vocabulary head [vocabulary, embedding]; the embedding when tied.</summary>
    public Parameter Head { get; }

    /// <summary>[vocabulary], or null.</summary>
    public Parameter? HeadBias { get; }

    /// <summary>Counts the changes of the weights: 0 as loaded, larger with every change. Whatever is computed from the weights and kept carries it.</summary>
    public long WeightVersion { get; private set; }

    /// <summary>False after <see cref="ReleaseWeights"/>, until weights are set again.</summary>
    public bool HasWeights => _parameters.TrueForAll(p => p.Value.Memory is not null);

    /// <summary>Number of trainable elements.</summary>
    public long ParameterCount => _parameters.Sum(p => (long)p.Rows * p.Columns);

    /// <summary>Loads an opened checkpoint's weights.</summary>
    /// <param name="kernels">Where they go.</param>
    /// <param name="files">The checkpoint.</param>
    /// <param name="precision">In which types; null for float32.</param>
    /// <exception cref="HybridEngineException">A tensor cannot be read.</exception>
    public static Decoder Load(IKernels kernels, ModelFiles files, Precision? precision = null) => Load(kernels, files.Config, files.Bindings, files, precision);

    /// <summary>Loads weights.</summary>
    /// <param name="kernels">Where they go.</param>
    /// <param name="config">What the model is.</param>
    /// <param name="bindings">Its tensors.</param>
    /// <param name="source">Their values.</param>
    /// <param name="precision">In which types; null for float32.</param>
    public static Decoder Load(IKernels kernels, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings, IParameterSource source, Precision? precision = null)
    {
        Decoder decoder = new(kernels, config, bindings, precision ?? Precision.Float32);
        try
        {
            decoder.Write(source, loading: true);
            return decoder;
        }
        catch
        {
            decoder.Dispose();
            throw;
        }
    }

    /// <summary>A model with random weights: the same for the same seed on every backend.</summary>
    public static Decoder Create(IKernels kernels, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings, Initialization initialization, ulong seed, Precision? precision = null) =>
        Load(kernels, config, bindings, new RandomParameters(config, initialization, seed), precision);

    /// <summary>A second set of the same weights on the same device: a frozen reference, the start of a critic.</summary>
    public Decoder Clone()
    {
        Decoder copy = new(Kernels, Config, Bindings, Precision);
        copy.CopyFrom(this);
        copy.WeightVersion = WeightVersion;
        return copy;
    }

    /// <summary>Overwrites all weights with those of a decoder of the same shape and backend.</summary>
    public void CopyFrom(Decoder other)
    {
        WeightsChanged();
        for (int i = 0; i < _parameters.Count; i++) { _parameters[i].CopyFrom(other._parameters[i]); }
    }

    /// <summary>Overwrites all weights.</summary>
    /// <param name="source">Their values.</param>
    /// <param name="version">Their <see cref="WeightVersion"/>, above the present one; null counts on by one.</param>
    /// <exception cref="InvalidInputException">The version is not above the present one.</exception>
    public void Set(IParameterSource source, long? version = null)
    {
        WeightsChanged(version);
        Write(source, loading: false);
    }

    /// <summary>The weights have been (or are about to be) written: what was computed with the old ones must not be used again. Whoever writes a parameter's tensor in place calls this;
    /// <see cref="Set(IParameterSource, long?)"/>, <see cref="CopyFrom"/> and the trainers do.</summary>
    /// <param name="version">The new <see cref="WeightVersion"/>, such as the training step; null counts on by one.</param>
    /// <exception cref="InvalidInputException">The version is not above the present one.</exception>
    public void WeightsChanged(long? version = null)
    {
        if (version <= WeightVersion) { throw new InvalidInputException("weight_version", $"{version}", $"more than the present {WeightVersion}"); }
        WeightVersion = version ?? WeightVersion + 1;
    }

    /// <summary>Gives the memory of all weights back to the device; <see cref="Set(IParameterSource, long?)"/> or <see cref="CopyFrom"/> brings weights again.</summary>
    public void ReleaseWeights()
    {
        WeightsChanged();
        foreach (Parameter parameter in _parameters) { parameter.Release(); }
    }

    /// <summary>Makes all weights ones that can be trained (<see cref="Parameter.MakeTrainable"/>).</summary>
    /// <param name="source">The values that bf16 weights were rounded from, for their masters; null takes the rounded ones.</param>
    public void MakeTrainable(IParameterSource? source = null)
    {
        foreach (Parameter parameter in _parameters)
        {
            if (source is null || parameter.Form is not { Arithmetic: Arithmetic.BFloat16, HasMaster: false } form) { parameter.MakeTrainable(); }
            else { parameter.Set(Values(parameter, source), form with { HasMaster = true }); }
        }
    }

    /// <summary>Gives the float32 masters of bf16 weights back: for a model that only generates and scores from now on.</summary>
    public void Freeze()
    {
        foreach (Parameter parameter in _parameters) { parameter.Freeze(); }
    }

    private void Write(IParameterSource source, bool loading)
    {
        foreach (Parameter parameter in _parameters)
        {
            DType? stored = StoredType(parameter, source);
            WeightForm form = loading || parameter.Value.Memory is null ? FormOf(parameter, stored) : KeptForm(parameter.Form);
            if (form.DType == stored && !form.HasMaster)
            {
                WriteStored(parameter, source, form);
                continue;
            }

            parameter.Set(Values(parameter, source), form);
        }
    }

    private static float[] Values(Parameter parameter, IParameterSource source)
    {
        float[] values = new float[(long)parameter.Rows * parameter.Columns];
        foreach (ParameterBinding binding in parameter.Bindings) { source.Read(binding, parameter.Part(values, binding)); }
        return values;
    }

    private WeightForm FormOf(Parameter parameter, DType? stored) => parameter.IsVector ? WeightForm.Float32 : Precision.FormOf(Kernels, parameter.Binding, stored);

    // New values over old ones: rounded again where rounding was asked for; what was only kept as its file had it becomes float32.
    private WeightForm KeptForm(WeightForm form) => form.Arithmetic != Arithmetic.Float32 || Precision.Quantize is not null ? form : WeightForm.Float32;

    private static void WriteStored(Parameter parameter, IParameterSource source, WeightForm form)
    {
        DType dtype = form.DType;
        byte[] bytes = new byte[dtype.Bytes((long)parameter.Rows * parameter.Columns)];
        int done = 0;
        foreach (ParameterBinding binding in parameter.Bindings)
        {
            int count = (int)dtype.Bytes((long)binding.Rows * binding.Columns);
            source.ReadStored(binding, bytes.AsSpan(done, count));
            done += count;
        }

        parameter.SetStored(form, bytes);
    }

    // The one narrow type of all parts; of experts, of all of them, because they are multiplied as one list.
    private DType? StoredType(Parameter parameter, IParameterSource source)
    {
        if (parameter.IsVector || source.StoredType(parameter.Binding) is not { } dtype) { return null; }
        int experts = parameter.Binding.Expert < 0 ? 1 : Config.Experts!.Count;
        foreach (ParameterBinding binding in parameter.Bindings)
        {
            for (int e = 0; e < experts; e++)
            {
                if (source.StoredType(experts == 1 ? binding : _byRole[(binding.Role, binding.Layer, binding.IsBias, e)]) != dtype) { return null; }
            }
        }

        return dtype;
    }

    /// <summary>Overwrites all weights with those of a checkpoint of the same shape.</summary>
    /// <exception cref="InvalidInputException">It is another model.</exception>
    public void Set(ModelFiles files)
    {
        if (!files.Bindings.SequenceEqual(Bindings))
        {
            ParameterBinding? other = files.Bindings.Except(Bindings).FirstOrDefault() ?? Bindings.Except(files.Bindings).First();
            throw new InvalidInputException(files.Path, $"a model with {other.TensorName} [{other.Rows}, {other.Columns}]", $"the shape of this {Config.Family} model");
        }

        Set((IParameterSource)files);
    }

    /// <summary>The parameter that holds a tensor of the checkpoint.</summary>
    public Parameter Find(ParameterBinding binding) =>
        _byBinding.TryGetValue(binding, out Parameter? parameter) ? parameter : throw new ArgumentException($"{binding.TensorName} is not part of this model.", nameof(binding));

    /// <inheritdoc />
    public void Read(ParameterBinding binding, Span<float> destination)
    {
        Parameter parameter = Find(binding);
        parameter.Part(parameter.ToArray(), binding).CopyTo(destination);
    }

    /// <summary>The norm at the join in front of a block's attention, or (layer = number of layers) after the last block; null where none stands.</summary>
    public NormParameters? NormBeforeAttention(int layer) => Config.NormPlacement switch
    {
        NormPlacement.After => layer > 0 ? Blocks[layer - 1].Mlp.Norm : null,
        _ => layer < Config.Layers ? Blocks[layer].Attention.Norm : FinalNorm,
    };

    /// <summary>The norm at the join in front of a block's MLP, or null.</summary>
    public NormParameters? NormBeforeMlp(int layer) => Config.NormPlacement == NormPlacement.After ? Blocks[layer].Attention.Norm : Blocks[layer].Mlp.Norm;

    /// <summary>Attention constants of a layer.</summary>
    public AttentionOptions Attention(int layer) =>
        Config.Attention(layer) with { AlibiSlopes = _alibi, KeyValueType = Precision.KeyValueType == DType.BFloat16 ? DType.BFloat16 : DType.Float32 };

    /// <summary>Rotates a layer's queries or keys [tokens, heads, headSize] in place by their positions; nothing in layers without rotary positions.</summary>
    /// <param name="layer">Block.</param>
    /// <param name="x">Token stride as it comes.</param>
    /// <param name="positions">[tokens] int32.</param>
    /// <param name="inverse">The backward.</param>
    public void Rotate(int layer, Tensor x, Tensor positions, bool inverse = false)
    {
        if (Config.RotaryOf(layer) is { } spec) { Kernels.Rotary(x, positions, _rotary[spec], spec.Layout, inverse); }
    }

    /// <summary>Logits of hidden rows (the output of <see cref="DecoderForward"/>, or some rows of it), before any temperature.</summary>
    /// <param name="hidden">[rows, embedding].</param>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="adapters">Of every row, for adapters with a head of their own; null when none has one.</param>
    public void Logits(Tensor hidden, Tensor logits, AdapterRows? adapters = null)
    {
        if (adapters is not { Any: true })
        {
            Logits(Head, hidden, logits);
            return;
        }

        foreach (AdapterRun run in adapters.Heads) { Logits(run.Adapter?.Head ?? Head, run.Of(hidden), run.Of(logits)); }
    }

    /// <summary>Constants of the vocabulary head.</summary>
    public HeadOptions HeadOptions(float temperature) => new(temperature, Config.LogitSoftCap);

    /// <summary>Log-probabilities of given tokens from hidden rows (<see cref="IHeadKernels.LogProbs"/>).</summary>
    /// <param name="hidden">[rows, embedding].</param>
    /// <param name="targets">[rows] int32.</param>
    /// <param name="temperature">Divides the logits.</param>
    /// <param name="logProb">[rows].</param>
    /// <param name="logSumExp">[rows].</param>
    /// <param name="entropy">[rows], or empty.</param>
    /// <param name="adapters">Of every row, for adapters with a head of their own; null when none has one.</param>
    public void LogProbs(Tensor hidden, Tensor targets, float temperature, Tensor logProb, Tensor logSumExp, Tensor entropy, AdapterRows? adapters = null)
    {
        if (adapters is not { Any: true })
        {
            LogProbs(Head, hidden, targets, temperature, logProb, logSumExp, entropy);
            return;
        }

        foreach (AdapterRun run in adapters.Heads)
        {
            LogProbs(run.Adapter?.Head ?? Head, run.Of(hidden), run.Of(targets), temperature, run.Of(logProb), run.Of(logSumExp), run.Of(entropy));
        }
    }

    private void Logits(Parameter head, Tensor hidden, Tensor logits) => Kernels.Logits(hidden, head.Matrix!, HeadBias?.Value ?? default, Config.LogitSoftCap, logits);

    private void LogProbs(Parameter head, Tensor hidden, Tensor targets, float temperature, Tensor logProb, Tensor logSumExp, Tensor entropy) =>
        Kernels.LogProbs(hidden, head.Matrix!, HeadBias?.Value ?? default, targets, HeadOptions(temperature), logProb, logSumExp, entropy);

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (Parameter parameter in _parameters) { parameter.Dispose(); }
        foreach (Tensor table in _rotary.Values) { table.Memory?.Dispose(); }
        _alibi.Memory?.Dispose();
    }
}
