using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine;

public sealed partial class HybridModel
{
    /// <summary>Continues a text.</summary>
    /// <param name="prompt">Gets the tokenizer's own special tokens.</param>
    /// <param name="sampling">How to draw; null draws at temperature 1 with the model's seed.</param>
    public GenerationResult Generate(string prompt, SamplingOptions? sampling = null) => Generate([prompt], sampling)[0].Results()[0];

    /// <summary>Continues texts in one batch.</summary>
    /// <param name="prompts">Get the tokenizer's own special tokens.</param>
    /// <param name="sampling">How to draw.</param>
    /// <param name="choices">Completions of each; the prompt is computed once for all of them.</param>
    /// <returns>In the order of the prompts; equal prompts draw differently.</returns>
    public IReadOnlyList<Generation> Generate(IReadOnlyList<string> prompts, SamplingOptions? sampling = null, int choices = 1) =>
        Generate([.. prompts.Select(p => RequireTokenizer().Encode(p))], sampling, choices);

    /// <summary>Continues sequences of ids in one batch.</summary>
    /// <inheritdoc cref="Generate(IReadOnlyList{string}, SamplingOptions?, int)" />
    public IReadOnlyList<Generation> Generate(IReadOnlyList<int[]> prompts, SamplingOptions? sampling = null, int choices = 1)
    {
        sampling ??= DefaultSampling;
        return Generate([.. prompts.Select((p, i) => new GenerationRequest { Prompt = p, Sampling = sampling, RequestId = i, Choices = choices })]);
    }

    /// <summary>Runs requests in one batch.</summary>
    /// <returns>In their order, all ended.</returns>
    /// <exception cref="InvalidInputException">A request cannot be run; none of them is.</exception>
    public IReadOnlyList<Generation> Generate(IReadOnlyList<GenerationRequest> requests)
    {
        GenerationEngine engine = Generator();
        List<Generation> generations = [];
        try
        {
            foreach (GenerationRequest request in requests) { generations.Add(engine.Submit(request)); }
            engine.Run();
            return generations.TrueForAll(g => g.IsFinished) ? generations : throw Stopped();
        }
        finally
        {
            // After an error or an interruption nothing stays behind.
            foreach (Generation g in generations) { engine.Cancel(g); }
        }
    }

    /// <summary>Continues a text, piece by piece as it becomes certain: whole characters only, never a part of a stop text. Starts with the loop; leaving it cancels the rest.</summary>
    public IEnumerable<string> GenerateStreaming(string prompt, SamplingOptions? sampling = null) => GenerateStreaming(RequireTokenizer().Encode(prompt), sampling);

    /// <inheritdoc cref="GenerateStreaming(string, SamplingOptions?)" />
    public IEnumerable<string> GenerateStreaming(int[] prompt, SamplingOptions? sampling = null)
    {
        RequireTokenizer();
        GenerationEngine engine = Generator();
        Queue<string> pieces = [];
        Generation generation = engine.Submit(new GenerationRequest { Prompt = prompt, Sampling = sampling ?? DefaultSampling, OnToken = t => pieces.Enqueue(t.Text) });
        try
        {
            while (!generation.IsFinished)
            {
                if (!engine.Step()) { throw Stopped(); }
                while (pieces.TryDequeue(out string? piece))
                {
                    if (piece.Length > 0) { yield return piece; }
                }
            }
        }
        finally
        {
            engine.Cancel(generation);
        }
    }

    private static InvalidOperationException Stopped() => new("The engine is paused or asleep: Resume or Wake it first.");

    private SamplingOptions DefaultSampling => new() { Seed = _options.Seed };

    private Tokenizer RequireTokenizer() =>
        Tokenizer ?? throw new UnsupportedException("prompt", "text for a model without a tokenizer", "ids");
}
