using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The weights of one model on one device, by role; <see cref="DecoderForward"/> runs them. One set serves generation and training.</summary>
public sealed class Decoder : IParameterSource, IDisposable
{
    private readonly Dictionary<ParameterBinding, Parameter> _byBinding = [];
    private readonly List<Parameter> _parameters = [];
    private readonly Tensor _rotary; // [positions, rotary] cosines and sines, or empty

    private Decoder(IKernels kernels, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings)
    {
        (Kernels, Config, Bindings) = (kernels, config, bindings);
        Embedding = Require(ParameterRole.Embedding, -1);
        PositionEmbedding = config.Positions == PositionKind.Learned ? Require(ParameterRole.PositionEmbedding, -1) : null;
        ProjectIn = config.EmbeddingSize != config.HiddenSize ? Linear(-1, bias: false, ParameterRole.ProjectIn) : null;
        Blocks = [.. Enumerable.Range(0, config.Layers).Select(CreateBlock)];
        FinalNorm = config.FinalNorm ? Norm(ParameterRole.FinalNorm, -1) : null;
        ProjectOut = config.EmbeddingSize != config.HiddenSize ? Linear(-1, bias: false, ParameterRole.ProjectOut) : null;
        Head = config.TiedEmbeddings ? Embedding : Require(ParameterRole.Head, -1);
        _rotary = config is { Positions: PositionKind.Rotary, Rotary: { } spec } ? RotaryTable.Create(kernels, spec, config.MaxPositions) : default;
    }

    /// <summary>The backend that holds the weights.</summary>
    public IKernels Kernels { get; }

    /// <summary>What the model is.</summary>
    public DecoderConfig Config { get; }

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

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<DecoderBlock> Blocks { get; }

    /// <summary>After the last block, or null.</summary>
    public NormParameters? FinalNorm { get; }

    /// <summary>Hidden to embedding width, or null when they are equal.</summary>
    public LinearParameters? ProjectOut { get; }

    /// <summary>Vocabulary head [vocabulary, embedding]; the embedding when tied.</summary>
    public Parameter Head { get; }

    /// <summary>Counts the changes of the weights: 0 as loaded, larger with every change. Whatever is computed from the weights and kept carries it.</summary>
    public long WeightVersion { get; private set; }

    /// <summary>False after <see cref="ReleaseWeights"/>, until weights are set again.</summary>
    public bool HasWeights => _parameters.TrueForAll(p => p.Value.Memory is not null);

    /// <summary>Number of trainable elements.</summary>
    public long ParameterCount => _parameters.Sum(p => (long)p.Rows * p.Columns);

    /// <summary>Loads an opened checkpoint's weights, decoded to float32.</summary>
    /// <exception cref="HybridEngineException">A tensor cannot be read.</exception>
    public static Decoder Load(IKernels kernels, ModelFiles files) => Load(kernels, files.Config, files.Bindings, new FileSource(files));

    /// <summary>Loads weights.</summary>
    /// <param name="kernels">Where they go.</param>
    /// <param name="config">What the model is.</param>
    /// <param name="bindings">Its tensors.</param>
    /// <param name="source">Their values.</param>
    public static Decoder Load(IKernels kernels, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings, IParameterSource source)
    {
        Decoder decoder = new(kernels, config, bindings);
        try
        {
            decoder.Write(source);
            return decoder;
        }
        catch
        {
            decoder.Dispose();
            throw;
        }
    }

    /// <summary>A model with random weights: the same for the same seed on every backend.</summary>
    public static Decoder Create(IKernels kernels, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings, Initialization initialization, ulong seed) =>
        Load(kernels, config, bindings, new RandomParameters(config, initialization, seed));

    /// <summary>A second set of the same weights on the same device: a frozen reference, the start of a critic.</summary>
    public Decoder Clone()
    {
        Decoder copy = new(Kernels, Config, Bindings);
        copy.CopyFrom(this);
        copy.WeightVersion = WeightVersion;
        return copy;
    }

    /// <summary>Overwrites all weights with those of a decoder of the same shape and backend.</summary>
    public void CopyFrom(Decoder other)
    {
        WeightsChanged();
        for (int i = 0; i < _parameters.Count; i++)
        {
            _parameters[i].Allocate();
            Kernels.Copy(other._parameters[i].Value, _parameters[i].Value);
        }
    }

    /// <summary>Overwrites all weights.</summary>
    /// <param name="source">Their values.</param>
    /// <param name="version">Their <see cref="WeightVersion"/>, above the present one; null counts on by one.</param>
    /// <exception cref="InvalidInputException">The version is not above the present one.</exception>
    public void Set(IParameterSource source, long? version = null)
    {
        WeightsChanged(version);
        Write(source);
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

    private void Write(IParameterSource source)
    {
        foreach (Parameter parameter in _parameters)
        {
            float[] values = new float[(long)parameter.Rows * parameter.Columns];
            foreach (ParameterBinding binding in parameter.Bindings) { source.Read(binding, parameter.Part(values, binding)); }
            parameter.Set(values);
        }
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

        Set(new FileSource(files));
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
    /// <remarks>Before-norm models normalise what enters a branch, after-norm models what left the previous one.</remarks>
    public NormParameters? NormBeforeAttention(int layer) => Config.NormPlacement switch
    {
        NormPlacement.After => layer > 0 ? Blocks[layer - 1].MlpNorm : null,
        _ => layer < Config.Layers ? Blocks[layer].AttentionNorm : FinalNorm,
    };

    /// <summary>The norm at the join in front of a block's MLP.</summary>
    public NormParameters NormBeforeMlp(int layer) => Config.NormPlacement == NormPlacement.After ? Blocks[layer].AttentionNorm : Blocks[layer].MlpNorm;

    /// <summary>Rotates queries or keys [tokens, heads, headSize] in place by their positions; nothing in models without rotary positions.</summary>
    /// <param name="x">Token stride as it comes.</param>
    /// <param name="positions">[tokens] int32.</param>
    /// <param name="inverse">The backward.</param>
    public void Rotate(Tensor x, Tensor positions, bool inverse = false)
    {
        if (!_rotary.IsEmpty) { Kernels.Rotary(x, positions, _rotary, Config.Rotary!.Layout, inverse); }
    }

    /// <summary>Logits of hidden rows (the output of <see cref="DecoderForward"/>, or some rows of it), before any temperature.</summary>
    /// <param name="hidden">[rows, embedding].</param>
    /// <param name="logits">[rows, vocabulary].</param>
    public void Logits(Tensor hidden, Tensor logits) => Kernels.Logits(hidden, Head.Matrix!, default, 0, logits);

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (Parameter parameter in _parameters) { parameter.Dispose(); }
        _rotary.Memory?.Dispose();
    }

    private DecoderBlock CreateBlock(int layer)
    {
        NormParameters? headNorm(ParameterRole role) => Config.QueryKeyNorm ? new NormParameters(Require(role, layer), null) : null;
        return new DecoderBlock(
            Norm(ParameterRole.AttentionNorm, layer),
            Linear(layer, Config.QueryKeyValueBias, ParameterRole.Query, ParameterRole.Key, ParameterRole.Value),
            headNorm(ParameterRole.QueryNorm),
            headNorm(ParameterRole.KeyNorm),
            Linear(layer, Config.AttentionOutputBias, ParameterRole.AttentionOutput),
            Norm(ParameterRole.MlpNorm, layer),
            Config.GatedMlp ? Linear(layer, Config.MlpBias, ParameterRole.Gate, ParameterRole.Up) : Linear(layer, Config.MlpBias, ParameterRole.Up),
            Linear(layer, Config.MlpBias, ParameterRole.Down));
    }

    private NormParameters Norm(ParameterRole role, int layer) =>
        new(Require(role, layer), Config.NormBias ? Add(layer, bias: true, role) : null);

    private LinearParameters Linear(int layer, bool bias, params ReadOnlySpan<ParameterRole> roles) =>
        new(Add(layer, bias: false, roles), bias ? Add(layer, bias: true, roles) : null);

    private Parameter Require(ParameterRole role, int layer) => Add(layer, bias: false, role);

    private Parameter Add(int layer, bool bias, params ReadOnlySpan<ParameterRole> roles)
    {
        ParameterBinding[] parts = new ParameterBinding[roles.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            ParameterRole role = roles[i];
            parts[i] = Bindings.FirstOrDefault(b => b.Role == role && b.Layer == layer && b.IsBias == bias)
                ?? throw new ArgumentException($"The bindings have no {(bias ? "bias" : "weight")} for {role} of layer {layer}.", nameof(roles));
        }

        Parameter parameter = new(Kernels, parts);
        _parameters.Add(parameter);
        foreach (ParameterBinding part in parts) { _byBinding[part] = parameter; }
        return parameter;
    }

    private sealed class FileSource(ModelFiles files) : IParameterSource
    {
        public void Read(ParameterBinding binding, Span<float> destination) => files.ReadParameter(binding, destination);
    }
}
