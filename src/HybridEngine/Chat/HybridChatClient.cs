using System.Runtime.CompilerServices;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace HybridEngine;

/// <summary>A model in this process as an <see cref="IChatClient"/>: any number of conversations at once, answered in one batch.</summary>
/// <remarks>
/// Thread-safe. Conversations are not kept: each call brings all messages, and what of them was computed before is found in the engine's prefix cache. Every member of
/// <see cref="ChatOptions"/> is honoured or refused by name; options of the engine that it has no member for (<c>min_p</c>, <c>repetition_penalty</c>, <c>ignore_eos</c>,
/// <c>stop_token_ids</c>, <c>logprobs</c>, <c>regex</c>, <c>choice</c>, <c>grammar</c>, <c>adapter</c>, <c>priority</c>, <c>chat_template_kwargs</c>, ...) go by the command line's names into
/// <see cref="ChatOptions.AdditionalProperties"/>.
/// A response's raw representation is the <see cref="GenerationResult"/> with ids and log-probabilities, an update's the <see cref="GeneratedToken"/>;
/// their additional properties hold <c>weight_version</c>.
/// </remarks>
public sealed class HybridChatClient : IChatClient
{
    private readonly AsyncEngine _engine;
    private readonly bool _ownsEngine;
    private readonly ChatClientOptions _options;
    private readonly Tokenizer _tokenizer;
    private readonly ChatRenderer _renderer;
    private readonly ChatClientMetadata _metadata;
    private long _calls;

    /// <param name="engine">What answers.</param>
    /// <param name="options">Where a call says nothing.</param>
    /// <param name="ownsEngine">Dispose the engine with this.</param>
    /// <exception cref="UnsupportedException">The model has no tokenizer or no chat template.</exception>
    public HybridChatClient(AsyncEngine engine, ChatClientOptions? options = null, bool ownsEngine = false)
    {
        ArgumentNullException.ThrowIfNull(engine);
        (_engine, _ownsEngine, _options) = (engine, ownsEngine, options ?? new ChatClientOptions());
        _options.Validate();
        _tokenizer = engine.Tokenizer ?? throw new UnsupportedException("chat", "a model without a tokenizer", "a model that has one");
        _renderer = new ChatRenderer(_tokenizer.ChatTemplate ?? throw new UnsupportedException("chat", "a model without a chat template", "a model that has one"));
        _metadata = new ChatClientMetadata(GenAI.Provider, providerUri: null, engine.ModelId);
    }

    /// <inheritdoc />
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ChatRun run = Prepare(messages, options);
        ChatResponse response = await run.StreamAsync(cancellationToken).ToChatResponseAsync(cancellationToken).ConfigureAwait(false);
        (response.RawRepresentation, response.AdditionalProperties) = (run.Result, run.Properties);
        return response;
    }

    /// <inheritdoc />
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return Stream(messages, options, cancellationToken);
    }

    /// <inheritdoc />
    /// <remarks>Besides itself: <see cref="ChatClientMetadata"/>, <see cref="AsyncEngine"/>, <see cref="Tokenizer"/>.</remarks>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) { return null; }
        if (serviceType == typeof(ChatClientMetadata)) { return _metadata; }
        if (serviceType == typeof(AsyncEngine)) { return _engine; }
        if (serviceType == typeof(Tokenizer)) { return _tokenizer; }
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_ownsEngine) { _engine.Dispose(); }
    }

    private async IAsyncEnumerable<ChatResponseUpdate> Stream(IEnumerable<ChatMessage> messages, ChatOptions? options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (ChatResponseUpdate update in Prepare(messages, options).StreamAsync(cancellationToken).ConfigureAwait(false)) { yield return update; }
    }

    private ChatRun Prepare(IEnumerable<ChatMessage> messages, ChatOptions? options) =>
        new(_engine, _tokenizer, _renderer, [.. messages], () => ChatCall.Read(options, _options, _engine, this), Interlocked.Increment(ref _calls));
}
