using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using Microsoft.Extensions.AI;

namespace HybridEngine;

/// <summary>How a <see cref="HybridEmbeddingGenerator"/> makes a vector of a text.</summary>
public sealed record EmbeddingGeneratorOptions
{
    /// <summary>Mean of all tokens' last hidden states, or that of the last token.</summary>
    public EmbeddingPooling Pooling { get; init; } = EmbeddingPooling.Mean;

    /// <summary>Divide by the Euclidean length, so that a dot product is a cosine.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>Name of a loaded adapter (<see cref="AsyncEngine.Adapters"/>) to read the texts with, or null.</summary>
    public string? Adapter { get; init; }
}

/// <summary>A model's hidden states as an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>: texts to vectors, in the same engine that chats.</summary>
/// <remarks>Thread-safe. A vector depends on its text alone, whatever else is in the call. <c>AdditionalProperties</c> may hold <c>pooling</c> (<c>mean</c>, <c>last</c>), <c>normalize</c> and <c>adapter</c>.</remarks>
public sealed class HybridEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly AsyncEngine _engine;
    private readonly bool _ownsEngine;
    private readonly EmbeddingGeneratorOptions _options;
    private readonly Tokenizer _tokenizer;
    private readonly EmbeddingGeneratorMetadata _metadata;

    /// <param name="engine">What computes.</param>
    /// <param name="options">Where a call says nothing.</param>
    /// <param name="ownsEngine">Dispose the engine with this.</param>
    /// <exception cref="UnsupportedException">The model has no tokenizer.</exception>
    public HybridEmbeddingGenerator(AsyncEngine engine, EmbeddingGeneratorOptions? options = null, bool ownsEngine = false)
    {
        ArgumentNullException.ThrowIfNull(engine);
        (_engine, _ownsEngine, _options) = (engine, ownsEngine, options ?? new EmbeddingGeneratorOptions());
        if (_options.Pooling == EmbeddingPooling.None) { throw new InvalidInputException("pooling", "none", "mean or last"); }
        _tokenizer = engine.Tokenizer ?? throw new UnsupportedException("embeddings", "a model without a tokenizer", "a model that has one");
        _metadata = new EmbeddingGeneratorMetadata(GenAI.Provider, providerUri: null, engine.ModelId, engine.Config.HiddenSize);
    }

    /// <inheritdoc />
    /// <exception cref="InvalidInputException">A text has no tokens or more than the context holds, or an option cannot be honoured.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        using ClientOperation operation = new(GenAI.Embeddings, _engine.ModelId);
        operation.Set("gen_ai.embeddings.dimension.count", _engine.Config.HiddenSize);
        try
        {
            EmbeddingGeneratorOptions call = Read(options);
            LoraAdapter? adapter = call.Adapter is { } wanted ? _engine.Adapters[wanted] : null;
            ScoringInput[] sequences = [.. values.Select((v, i) => new ScoringInput(Encode(v, i), adapter))];
            long tokens = sequences.Sum(s => (long)s.Tokens.Length);
            ScoringOptions scoring = new() { LogProbs = false, Embedding = call.Pooling, NormalizeEmbeddings = call.Normalize };
            SequenceScores[] scores = sequences.Length == 0 ? [] : await _engine.InvokeAsync(m => m.Score(sequences, scoring), cancellationToken).ConfigureAwait(false);
            operation.Use(tokens, null);
            DateTimeOffset now = DateTimeOffset.UtcNow;
            return new GeneratedEmbeddings<Embedding<float>>(scores.Select(s => new Embedding<float>(s.Embedding) { CreatedAt = now, ModelId = _engine.ModelId }))
            {
                Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens },
            };
        }
        catch (Exception e)
        {
            operation.Fail(e);
            throw;
        }
    }

    /// <inheritdoc />
    /// <remarks>Besides itself: <see cref="EmbeddingGeneratorMetadata"/>, <see cref="AsyncEngine"/>, <see cref="Tokenizer"/>.</remarks>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) { return null; }
        if (serviceType == typeof(EmbeddingGeneratorMetadata)) { return _metadata; }
        if (serviceType == typeof(AsyncEngine)) { return _engine; }
        if (serviceType == typeof(Tokenizer)) { return _tokenizer; }
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_ownsEngine) { _engine.Dispose(); }
    }

    private int[] Encode(string text, int index)
    {
        int[] ids = _tokenizer.Encode(text ?? throw new InvalidInputException($"values[{index}]", "null", "a text"));
        return ids.Length > 0 ? ids : throw new InvalidInputException($"values[{index}]", "no tokens", "at least one");
    }

    private EmbeddingGeneratorOptions Read(EmbeddingGenerationOptions? options)
    {
        EmbeddingGeneratorOptions call = _options;
        if (options is null) { return call; }
        if (options.ModelId is { } model && model != _engine.ModelId) { throw new InvalidInputException("model", $"'{model}'", $"'{_engine.ModelId}', or none"); }
        if (options.Dimensions is { } n && n != _engine.Config.HiddenSize) { throw new UnsupportedException("dimensions", $"{n}", $"{_engine.Config.HiddenSize}, the width of the model's hidden states"); }
        if (options.RawRepresentationFactory?.Invoke(this) is { } raw) { call = raw as EmbeddingGeneratorOptions ?? throw new UnsupportedException("raw_representation_factory", raw.GetType().Name, nameof(EmbeddingGeneratorOptions)); }
        foreach ((string name, object? value) in options.AdditionalProperties ?? [])
        {
            string text = value?.ToString() ?? "null";
            call = name switch
            {
                "pooling" => call with { Pooling = text is "mean" or "Mean" ? EmbeddingPooling.Mean : text is "last" or "Last" ? EmbeddingPooling.Last : throw new InvalidInputException(name, $"'{text}'", "mean or last") },
                "normalize" => call with { Normalize = bool.TryParse(text, out bool normalize) ? normalize : throw new InvalidInputException(name, $"'{text}'", "true or false") },
                OwnOptions.Adapter => call with { Adapter = value?.ToString() },
                _ => throw new InvalidInputException("additional_properties", $"'{name}'", "pooling, normalize, adapter"),
            };
        }

        return call;
    }
}
