using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>The text of one completion as it grows: ids through a streaming decoder (whole characters only), then through the stop texts.</summary>
internal sealed class CompletionText
{
    private readonly StreamingDecoder _decoder;
    private readonly StopTextFilter _filter;

    public CompletionText(StreamingDecoder decoder, IReadOnlyList<string> stops) => (_decoder, _filter) = (decoder, new StopTextFilter(stops));

    /// <summary>A stop text has appeared.</summary>
    public bool Stopped => _filter.Stopped;

    /// <summary>All text so far.</summary>
    public string Passed => _filter.Passed;

    /// <summary>Takes a token that is text; before the least length is reached no stop text is looked for.</summary>
    public string Add(int id, bool mayStop = true)
    {
        string piece = _decoder.Add(id);
        return mayStop ? _filter.Add(piece) : _filter.Pass(piece);
    }

    /// <summary>The end: gives what was held back, unless it ended with a stop text.</summary>
    public string Finish()
    {
        if (Stopped) { return ""; }
        string rest = _filter.Add(_decoder.Flush());
        return rest + _filter.Flush();
    }
}
