using System.Runtime.CompilerServices;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace HybridEngine;

/// <summary>One call of the chat client: prompt, request, answer, measures.</summary>
internal sealed class ChatRun(AsyncEngine engine, Tokenizer tokenizer, ChatRenderer renderer, IReadOnlyList<ChatMessage> messages, Func<ChatCall> read, long number)
{
    private readonly string _id = $"chatcmpl-{Guid.NewGuid():N}";

    /// <summary>Ids and log-probabilities; null until the end, or when the answer was cut short after its only call.</summary>
    public GenerationResult? Result { get; private set; }

    /// <summary>Which weights drew the last token: a program that trains between answers wants to know.</summary>
    public AdditionalPropertiesDictionary? Properties { get; private set; }

    public async IAsyncEnumerable<ChatResponseUpdate> StreamAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using ClientOperation operation = new(GenAI.Chat, engine.ModelId);
        IAsyncEnumerator<ChatResponseUpdate> updates = RunAsync(operation, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (updates.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await updates.MoveNextAsync().ConfigureAwait(false)) { yield break; }
                }
                catch (Exception e)
                {
                    operation.Fail(e);
                    throw;
                }

                yield return updates.Current;
            }
        }
    }

    private async IAsyncEnumerable<ChatResponseUpdate> RunAsync(ClientOperation operation, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ChatCall call = read();
        (GenerationRequest request, AnswerReader reader, string closing) = Prompt(call);
        Describe(operation, call, request);
        long output = 0, reasoning = 0, weights = 0;
        FinishReason finish = FinishReason.None;
        AsyncGeneration generation = await engine.SubmitAsync(request, GenAI.Chat, cancellationToken).ConfigureAwait(false);
        await using (generation.ConfigureAwait(false))
        {
            try
            {
                await foreach (GeneratedToken token in generation.ReadTokensAsync(cancellationToken).ConfigureAwait(false))
                {
                    output++;
                    if (reader.IsReasoning) { reasoning++; }
                    List<AIContent> contents = reader.Add(token.Text);
                    (finish, weights) = (token.FinishReason, token.WeightVersion);
                    if (finish == FinishReason.Stop) { contents.AddRange(reader.Add(closing)); }
                    if (finish != FinishReason.None) { contents.AddRange(reader.Finish()); }
                    bool cut = Keep(contents, call, reader);
                    if (contents.Count > 0) { yield return Update(contents, token); }
                    if (!cut) { continue; }
                    finish = FinishReason.Stop;
                    break;
                }
            }
            finally
            {
                operation.Use(request.Prompt.Length, output);
            }

            // Somebody paused the engine and aborted what ran.
            if (finish is FinishReason.None or FinishReason.Cancelled) { throw new OperationCanceledException("the engine was told to abort the answer"); }
            if (generation.Completion.IsCompletedSuccessfully) { Result = (await generation.Completion.ConfigureAwait(false))[0]; }
        }

        ChatFinishReason reason = reader.Calls > 0 && finish == FinishReason.Stop ? ChatFinishReason.ToolCalls : finish == FinishReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop;
        operation.Set("gen_ai.response.id", _id);
        operation.Set("gen_ai.response.finish_reasons", new[] { reason.Value });
        ChatResponseUpdate last = Update([new UsageContent(new UsageDetails
        {
            InputTokenCount = request.Prompt.Length, OutputTokenCount = output, TotalTokenCount = request.Prompt.Length + output, ReasoningTokenCount = renderer.Thinks ? reasoning : null,
        })], Result);
        last.FinishReason = reason;
        last.AdditionalProperties = Properties = new AdditionalPropertiesDictionary { ["weight_version"] = weights };
        yield return last;
    }

    private (GenerationRequest Request, AnswerReader Reader, string Closing) Prompt(ChatCall call)
    {
        string rendered = renderer.Render(messages, call.Instructions, call.Tools, call.Variables);
        bool thinking = renderer.Thinks && rendered.TrimEnd().EndsWith("<think>", StringComparison.Ordinal);
        // Functionary's prompt ends with the opening of whatever comes.
        string opened = renderer.Calls.Openings.FirstOrDefault(o => rendered.EndsWith(o, StringComparison.Ordinal)) ?? "";
        ToolCallFormat? tools = call.Tools.Count > 0 || opened.Length > 0 ? renderer.Calls : null;
        // A call that must come is begun for the model; reasoning that the prompt has opened is closed where an answer of a given form follows.
        RequiredCall? required = call.RequireCall ? RequiredCall.Of(tools!, call, engine.Constraints) : null;
        string begun = (thinking && (required is not null || call.HasForm) ? "\n</think>\n\n" : "") + required?.Begun;
        AnswerReader reader = new(tools, call.Tools.Select(t => t.Name), renderer.Thinks, thinking);
        reader.Add(opened + begun);
        int[] prompt = tokenizer.Encode(rendered + begun, addSpecialTokens: false);
        int room = engine.MaxContext - prompt.Length;
        if (room < 1) { throw new InvalidInputException("messages", $"{prompt.Length} tokens", $"fewer than {engine.MaxContext}, the context"); }
        return (new GenerationRequest
        {
            Prompt = prompt,
            Sampling = call.Sampling with { MaxTokens = Math.Min(call.Sampling.MaxTokens, room), Seed = call.Seed ?? engine.DefaultSeed, Constraint = call.Sampling.Constraint ?? required?.Arguments },
            // A seed promises the same answer again; without one no two calls draw alike.
            Priority = call.Priority,
            Client = call.Client,
            Adapter = call.Adapter is { } adapter ? engine.Adapters[adapter] : null,
            RequestId = call.Seed is null ? number : 0,
            SkipSpecialTokens = tools is null || !HasSpecialMarkers(tools),
        }, reader, required?.Closing ?? "");
    }

    // Mistral's and Llama's markers are special tokens, which text otherwise leaves out.
    private bool HasSpecialMarkers(ToolCallFormat tools) => tools.Openings.Any(o => tokenizer.TokenToId(o) is { } id && tokenizer.IsSpecial(id));

    // True when nothing further is wanted.
    private static bool Keep(List<AIContent> contents, ChatCall call, AnswerReader reader)
    {
        if (call.HideReasoning) { contents.RemoveAll(c => c is TextReasoningContent); }
        if (!call.SingleCall || reader.Calls == 0) { return false; }
        int first = contents.FindIndex(c => c is FunctionCallContent);
        contents.RemoveRange(first + 1, contents.Count - first - 1);
        return true;
    }

    private ChatResponseUpdate Update(List<AIContent> contents, object? raw) => new(ChatRole.Assistant, contents)
    {
        ResponseId = _id, MessageId = _id, ModelId = engine.ModelId, CreatedAt = DateTimeOffset.UtcNow, RawRepresentation = raw,
    };

    private static void Describe(ClientOperation operation, ChatCall call, GenerationRequest request)
    {
        if (operation.Activity is null) { return; }
        SamplingOptions sampling = request.Sampling;
        operation.Set("gen_ai.request.max_tokens", sampling.MaxTokens);
        operation.Set("gen_ai.request.temperature", (double)sampling.Temperature);
        if (sampling.TopP < 1) { operation.Set("gen_ai.request.top_p", (double)sampling.TopP); }
        if (sampling.TopK > 0) { operation.Set("gen_ai.request.top_k", (double)sampling.TopK); }
        if (sampling.FrequencyPenalty != 0) { operation.Set("gen_ai.request.frequency_penalty", (double)sampling.FrequencyPenalty); }
        if (sampling.PresencePenalty != 0) { operation.Set("gen_ai.request.presence_penalty", (double)sampling.PresencePenalty); }
        if (call.Seed is { } seed) { operation.Set("gen_ai.request.seed", seed); }
        if (sampling.StopTexts.Count > 0) { operation.Set("gen_ai.request.stop_sequences", sampling.StopTexts.ToArray()); }
        operation.Set("gen_ai.output.type", call.IsJson ? "json" : "text");
    }
}
