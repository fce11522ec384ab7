using System.Globalization;
using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine;

/// <summary>Options of ours that Microsoft.Extensions.AI has no member for, by the command line's names, in <c>AdditionalProperties</c>.</summary>
internal static class OwnOptions
{
    /// <summary>Variables for the chat template: an object, or a dictionary.</summary>
    public const string TemplateVariables = "chat_template_kwargs";

    /// <summary>Rank among waiting requests, and on whose account a request waits.</summary>
    public const string Priority = "priority", Client = "client";

    /// <summary>Name of a loaded adapter.</summary>
    public const string Adapter = "adapter";

    /// <summary>Forms of the answer.</summary>
    public const string Regex = "regex", Choice = "choice", Grammar = "grammar";

    private static readonly Dictionary<string, Func<SamplingOptions, Value, SamplingOptions>> _sampling = new(StringComparer.Ordinal)
    {
        ["min_p"] = (s, v) => s with { MinP = v.Single() },
        ["repetition_penalty"] = (s, v) => s with { RepetitionPenalty = v.Single() },
        ["no_repeat_ngram_size"] = (s, v) => s with { NoRepeatNgram = v.Integer() },
        ["typical_p"] = (s, v) => s with { TypicalP = v.Single() },
        ["epsilon_cutoff"] = (s, v) => s with { EpsilonCutoff = v.Single() },
        ["eta_cutoff"] = (s, v) => s with { EtaCutoff = v.Single() },
        ["top_n_sigma"] = (s, v) => s with { TopNSigma = v.Single() },
        ["min_tokens"] = (s, v) => s with { MinTokens = v.Integer() },
        ["logit_bias"] = (s, v) => s with { LogitBias = v.Biases() },
        ["bad_words"] = (s, v) => s with { BadWords = v.Texts() },
        ["ignore_eos"] = (s, v) => s with { IgnoreEos = v.Boolean() },
        ["stop_token_ids"] = (s, v) => s with { StopTokenIds = v.Integers() },
        ["logprobs"] = (s, v) => s with { TopLogProbs = v.Integer() },
    };

    /// <summary>All names.</summary>
    public static IEnumerable<string> Names => _sampling.Keys.Concat([TemplateVariables, Priority, Client, Adapter, Regex, Choice, Grammar]);

    /// <exception cref="InvalidInputException">The value is no whole number.</exception>
    public static int Integer(string name, object? value) => new Value(name, value).Integer();

    /// <exception cref="InvalidInputException">The name is not known, or its value is of another kind.</exception>
    public static SamplingOptions Apply(SamplingOptions sampling, string name, object? value) => _sampling.TryGetValue(name, out var set)
        ? set(sampling, new Value(name, value))
        : throw new InvalidInputException("additional_properties", $"'{name}'", string.Join(", ", Names));

    /// <exception cref="InvalidInputException">The value is no text.</exception>
    public static string Text(string name, object? value) => value switch
    {
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } json => json.GetString()!,
        _ => throw new InvalidInputException(name, value?.GetType().Name ?? "null", "a text"),
    };

    /// <exception cref="InvalidInputException">The value is no list of texts.</exception>
    public static IReadOnlyList<string> Texts(string name, object? value) => value switch
    {
        IEnumerable<string> texts => [.. texts],
        JsonElement { ValueKind: JsonValueKind.Array } json => [.. json.EnumerateArray().Select(e => Text(name, e))],
        _ => throw new InvalidInputException(name, value?.GetType().Name ?? "null", "a list of texts"),
    };

    /// <summary>A value as a program, a JSON document or a configuration file gives it.</summary>
    private readonly record struct Value(string Name, object? Given)
    {
        public float Single() => (float)Number("a number");

        public int Integer()
        {
            double number = Number("a whole number");
            return number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue ? (int)number : throw Wrong("a whole number");
        }

        public bool Boolean() => Given switch
        {
            bool b => b,
            JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } json => json.GetBoolean(),
            string text when bool.TryParse(text, out bool b) => b,
            _ => throw Wrong("true or false"),
        };

        public IReadOnlyList<int> Integers()
        {
            string name = Name;
            return Given switch
            {
                IEnumerable<int> ids => [.. ids],
                JsonElement { ValueKind: JsonValueKind.Array } json => [.. json.EnumerateArray().Select(e => new Value(name, e).Integer())],
                _ => throw Wrong("a list of token ids"),
            };
        }

        public IReadOnlyList<string> Texts() => OwnOptions.Texts(Name, Given);

        // By token id: a dictionary, or an object as OpenAI's.
        public IReadOnlyDictionary<int, float> Biases()
        {
            string name = Name;
            return Given switch
            {
                IReadOnlyDictionary<int, float> biases => biases,
                JsonElement { ValueKind: JsonValueKind.Object } json => json.EnumerateObject().ToDictionary(p => new Value(name, p.Name).Integer(), p => new Value(name, p.Value).Single()),
                _ => throw Wrong("numbers by token id"),
            };
        }

        private double Number(string expected) => Given switch
        {
            JsonElement { ValueKind: JsonValueKind.Number } json => json.GetDouble(),
            string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => number,
            bool or string or null => throw Wrong(expected),
            IConvertible number => number.ToDouble(CultureInfo.InvariantCulture),
            _ => throw Wrong(expected),
        };

        private InvalidInputException Wrong(string expected) => new(Name, Given is null ? "null" : $"{Given} ({Given.GetType().Name})", expected);
    }
}
