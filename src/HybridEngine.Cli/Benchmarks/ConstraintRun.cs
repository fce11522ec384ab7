using System.Diagnostics;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>What a constraint cost.</summary>
/// <param name="Kind">json_schema, json_object or regex.</param>
/// <param name="CompileSeconds">From the schema's text to a constraint.</param>
/// <param name="FirstMaskSeconds">The longest first mask of a place.</param>
/// <param name="ColdSeconds">Masks and accepted tokens of the whole batch, nothing known before.</param>
/// <param name="WarmSeconds">The same again.</param>
/// <param name="FreeSeconds">Decoding as many tokens without constraint.</param>
/// <param name="Steps">Decoding steps.</param>
internal sealed record ConstraintTimes(string Kind, double CompileSeconds, double FirstMaskSeconds, double ColdSeconds, double WarmSeconds, double FreeSeconds, int Steps);

/// <summary>Times what constraints add to decoding: the tokens that a model wrote inside them are followed again, alone, and set against decoding without them.</summary>
internal static class ConstraintRun
{
    private const string Record = """
        {"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},"email":{"type":"string","format":"email"},
        "address":{"type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"},"zip":{"type":"string","pattern":"^[0-9]{5}$"}},"required":["street","city"],"additionalProperties":false},
        "tags":{"type":"array","items":{"type":"string","maxLength":20},"maxItems":5},"status":{"enum":["active","inactive","banned"]}},"required":["name","age","address","status"],"additionalProperties":false}
        """;

    private static readonly (string Kind, Func<TextConstraint> Make)[] Kinds =
    [
        ("json_schema", () => TextConstraint.JsonSchema(Record)),
        ("json_object", TextConstraint.JsonObject),
        ("regex", () => TextConstraint.Regex("([A-Z][a-z]+ ([a-z]{1,12} ){3,8}[a-z]+\\. ?)+")),
    ];

    /// <summary>Reads the vocabulary.</summary>
    public static (ConstraintVocabulary Vocabulary, double Seconds) Vocabulary(Decoder decoder, Tokenizer tokenizer)
    {
        long start = Stopwatch.GetTimestamp();
        var vocabulary = ConstraintVocabulary.FromTokenizer(tokenizer, [.. decoder.Config.EosTokenIds.Union(tokenizer.EndTokenIds)]);
        return (vocabulary, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    public static IEnumerable<ConstraintTimes> Run(Decoder decoder, Tokenizer tokenizer, ConstraintVocabulary vocabulary, int batch, int tokens, CancellationToken stop)
    {
        int[] prompt = tokenizer.Encode("Write a record of a person as JSON.\n");
        foreach ((string kind, Func<TextConstraint> make) in Kinds)
        {
            stop.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            TextConstraint language = make();
            TokenConstraint cold = language.Compile(vocabulary);
            double compile = Stopwatch.GetElapsedTime(start).TotalSeconds;
            (int[][] written, _) = Generate(decoder, prompt, batch, tokens, language.Compile(vocabulary));
            (double first, double longest) = Follow(cold, written, vocabulary);
            (double again, _) = Follow(cold, written, vocabulary);
            int steps = written.Max(ids => ids.Length);
            (_, double free) = Generate(decoder, prompt, batch, steps, null);
            yield return new ConstraintTimes(kind, compile, longest, first, again, free, steps);
        }
    }

    private static (int[][] Tokens, double DecodeSeconds) Generate(Decoder decoder, int[] prompt, int batch, int tokens, TokenConstraint? constraint)
    {
        using GenerationEngine engine = new(decoder, new EngineOptions { MaxSequences = batch });
        long first = 0;
        Generation generation = engine.Submit(new GenerationRequest
        {
            Prompt = prompt, Choices = batch, DecodeText = false,
            Sampling = new SamplingOptions { MaxTokens = Math.Max(2, tokens), Constraint = constraint, IgnoreEos = constraint is null },
            OnToken = _ => first = first == 0 ? Stopwatch.GetTimestamp() : first,
        });
        engine.Run();
        double seconds = Stopwatch.GetElapsedTime(first).TotalSeconds;
        return ([.. generation.Results().Select(result => result.TokenIds)], seconds);
    }

    /// <summary>Follows completions side by side, as the engine does.</summary>
    private static (double Seconds, double LongestMask) Follow(TokenConstraint constraint, int[][] written, ConstraintVocabulary vocabulary)
    {
        ConstraintState[] states = [.. written.Select(_ => constraint.Start())];
        double longest = 0;
        long start = Stopwatch.GetTimestamp();
        for (int step = 0; step < written.Max(ids => ids.Length); step++)
        {
            for (int s = 0; s < states.Length; s++)
            {
                if (step >= written[s].Length) { continue; }
                long before = Stopwatch.GetTimestamp();
                _ = states[s].AllowedTokens;
                longest = Math.Max(longest, Stopwatch.GetElapsedTime(before).TotalSeconds);
                if (!vocabulary.EndTokens.Contains(written[s][step])) { states[s].Accept(written[s][step]); }
            }
        }

        return (Stopwatch.GetElapsedTime(start).TotalSeconds, longest);
    }
}
