using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>How much work automata of one constraint may be, so that hostile patterns are refused in bounded time and memory.</summary>
internal sealed class DfaLimit(string source, string feature)
{
    private const int MostStates = 100_000;
    private const long MostWork = 10_000_000;

    private long _work;

    /// <summary>What is being built, for the message.</summary>
    public string Feature { get; set; } = feature;

    /// <summary>Where it stands.</summary>
    public string Source { get; set; } = source;

    public void Spend(long work, int states)
    {
        _work += work;
        if (states > MostStates || _work > MostWork)
        {
            throw new UnsupportedException(Source, $"{Feature} that needs so large an automaton", $"up to {MostStates.ToString("N0", CultureInfo.InvariantCulture)} states");
        }
    }
}
