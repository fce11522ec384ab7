using System.Globalization;
using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine.Cli.Chat;

/// <summary>The sampling options by the names that <c>/set</c> takes, which are the command line's.</summary>
internal static class ChatSettings
{
    private static readonly (string Name, Func<SamplingOptions, string> Get, Func<SamplingOptions, string, SamplingOptions?> Set)[] _all =
    [
        ("temperature", s => Text(s.Temperature), (s, v) => Single(v) is { } x ? s with { Temperature = x } : null),
        ("top_k", s => Text(s.TopK), (s, v) => Integer(v) is { } x ? s with { TopK = x } : null),
        ("top_p", s => Text(s.TopP), (s, v) => Single(v) is { } x ? s with { TopP = x } : null),
        ("min_p", s => Text(s.MinP), (s, v) => Single(v) is { } x ? s with { MinP = x } : null),
        ("repetition_penalty", s => Text(s.RepetitionPenalty), (s, v) => Single(v) is { } x ? s with { RepetitionPenalty = x } : null),
        ("presence_penalty", s => Text(s.PresencePenalty), (s, v) => Single(v) is { } x ? s with { PresencePenalty = x } : null),
        ("frequency_penalty", s => Text(s.FrequencyPenalty), (s, v) => Single(v) is { } x ? s with { FrequencyPenalty = x } : null),
        ("no_repeat_ngram_size", s => Text(s.NoRepeatNgram), (s, v) => Integer(v) is { } x ? s with { NoRepeatNgram = x } : null),
        ("typical_p", s => Text(s.TypicalP), (s, v) => Single(v) is { } x ? s with { TypicalP = x } : null),
        ("top_n_sigma", s => Text(s.TopNSigma), (s, v) => Single(v) is { } x ? s with { TopNSigma = x } : null),
        ("min_tokens", s => Text(s.MinTokens), (s, v) => Integer(v) is { } x ? s with { MinTokens = x } : null),
        ("max_tokens", s => Text(s.MaxTokens), (s, v) => Integer(v) is { } x ? s with { MaxTokens = x } : null),
        ("seed", s => Text(s.Seed), (s, v) => long.TryParse(v, NumberStyles.Integer, CultureInfo.InvariantCulture, out long x) ? s with { Seed = x } : null),
        ("stop", s => string.Join(", ", s.StopTexts.Select(t => $"'{t}'")), (s, v) => s with { StopTexts = v.Length == 0 ? [] : [v] }),
    ];

    /// <summary>All names.</summary>
    public static string Names => string.Join(", ", _all.Select(o => o.Name));

    /// <summary>Every option with its value.</summary>
    public static IEnumerable<string> Describe(SamplingOptions sampling) => _all.Select(o => $"  {o.Name,-22}{o.Get(sampling)}");

    /// <summary>Options with one of them changed.</summary>
    /// <exception cref="InvalidInputException">The name is not known, or its value cannot be.</exception>
    public static SamplingOptions Change(SamplingOptions sampling, string name, string value, int vocabulary)
    {
        int at = Array.FindIndex(_all, o => o.Name == name.Replace('-', '_'));
        if (at < 0) { throw new InvalidInputException("/set", $"'{name}'", Names); }
        SamplingOptions changed = _all[at].Set(sampling, value) ?? throw new InvalidInputException($"/set {_all[at].Name}", $"'{value}'", $"a number such as {_all[at].Get(new SamplingOptions())}");
        changed.Validate(vocabulary);
        return changed;
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    private static float? Single(string text) => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) ? value : null;

    private static int? Integer(string text) => int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : null;
}
