using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Draws the next token of each sequence from a row of logits: gathers the parameters of the rows, draws on the device, reads back once.</summary>
internal sealed class TokenSampler : IDisposable
{
    private readonly IKernels _kernels;
    private readonly int _vocabulary;
    private readonly Column<float> _temperature, _topP, _minP, _penalty, _logProb, _sampledLogProb;
    private readonly Column<int> _topK, _choice, _position, _historyLength, _id, _history, _topId, _masks, _maskRow;
    private readonly Column<long> _seed, _request;
    private readonly Column<float> _topLogProb;

    public TokenSampler(IKernels kernels, int vocabulary)
    {
        (_kernels, _vocabulary) = (kernels, vocabulary);
        (_temperature, _topP, _minP, _penalty) = (new(kernels), new(kernels), new(kernels), new(kernels));
        (_logProb, _sampledLogProb, _topLogProb) = (new(kernels), new(kernels), new(kernels));
        (_topK, _choice, _position, _historyLength) = (new(kernels), new(kernels), new(kernels), new(kernels));
        (_id, _history, _topId) = (new(kernels), new(kernels), new(kernels));
        (_masks, _maskRow) = (new(kernels), new(kernels));
        (_seed, _request) = (new(kernels), new(kernels));
    }

    /// <summary>Draws for <paramref name="draws"/>, one row of logits each; read the draws with the properties below.</summary>
    public void Draw(Tensor logits, ReadOnlySpan<DrawRow> draws)
    {
        int rows = draws.Length;
        int longest = 0, top = 0;
        bool penalties = false;
        Reserve(rows);
        for (int r = 0; r < rows; r++)
        {
            DrawRow row = draws[r];
            GenerationRequest request = row.Request;
            SamplingOptions o = request.Sampling;
            _temperature.Host[r] = o.Temperature;
            _topK.Host[r] = Math.Min(o.TopK, _vocabulary);
            _topP.Host[r] = o.TopP;
            _minP.Host[r] = o.MinP;
            _penalty.Host[r] = o.RepetitionPenalty;
            _seed.Host[r] = o.Seed;
            _request.Host[r] = request.RequestId;
            _choice.Host[r] = request.Choice + row.Sequence.Choice;
            _position.Host[r] = row.Length;
            penalties |= o.RepetitionPenalty != 1;
            longest = Math.Max(longest, row.Length);
            top = Math.Max(top, o.TopLogProbs);
        }

        Tensor history = default, historyLengths = default;
        if (penalties) { (history, historyLengths) = UploadHistory(draws, longest); }
        (Tensor masks, Tensor maskRows) = UploadMasks(draws);
        SamplingTensors parameters = new(_temperature.Upload(rows), _topK.Upload(rows), _topP.Upload(rows), _minP.Upload(rows), _penalty.Upload(rows),
            history, historyLengths, _seed.Upload(rows), _request.Upload(rows), _choice.Upload(rows), _position.Upload(rows), masks, maskRows);
        _kernels.Sample(logits, parameters, _id.View(rows), _logProb.View(rows), _sampledLogProb.View(rows));
        if (top > 0)
        {
            _topId.Reserve(rows * top);
            _topLogProb.Reserve(rows * top);
            _kernels.TopLogProbs(logits, _temperature.View(rows), _topId.View(rows, top), _topLogProb.View(rows, top));
            _topId.Download(rows * top);
            _topLogProb.Download(rows * top);
        }

        TopWidth = top;
        _id.Download(rows);
        _logProb.Download(rows);
        _sampledLogProb.Download(rows);
    }

    /// <summary>The draws, by row of the last call.</summary>
    public ReadOnlySpan<int> Ids => _id.Host;

    /// <summary>Under logits / temperature.</summary>
    public ReadOnlySpan<float> LogProbs => _logProb.Host;

    /// <summary>Under the distribution drawn from.</summary>
    public ReadOnlySpan<float> SampledLogProbs => _sampledLogProb.Host;

    /// <summary>The <paramref name="count"/> most likely tokens of a row, best first.</summary>
    public TokenLogProb[] Top(int row, int count)
    {
        TokenLogProb[] best = new TokenLogProb[count];
        for (int i = 0; i < count; i++) { best[i] = new(_topId.Host[row * TopWidth + i], _topLogProb.Host[row * TopWidth + i]); }
        return best;
    }

    private int TopWidth { get; set; }

    public void Dispose()
    {
        foreach (IDisposable column in (ReadOnlySpan<IDisposable>)[_temperature, _topP, _minP, _penalty, _logProb, _sampledLogProb, _topLogProb,
            _topK, _choice, _position, _historyLength, _id, _history, _topId, _masks, _maskRow, _seed, _request])
        {
            column.Dispose();
        }
    }

    private (Tensor History, Tensor Lengths) UploadHistory(ReadOnlySpan<DrawRow> draws, int longest)
    {
        int rows = draws.Length;
        _history.Reserve(rows * longest);
        for (int r = 0; r < rows; r++)
        {
            DrawRow row = draws[r];
            bool penalised = row.Request.Sampling.RepetitionPenalty != 1;
            _historyLength.Host[r] = penalised ? row.Length : 0;
            if (penalised) { row.Tokens.CopyTo(_history.Host.AsSpan(r * longest)); }
        }

        return (_history.Upload(rows, longest), _historyLength.Upload(rows));
    }

    // What each row's constraint allows next, one line of bits a constrained row.
    private (Tensor Masks, Tensor Rows) UploadMasks(ReadOnlySpan<DrawRow> draws)
    {
        int masks = 0, words = (_vocabulary + 31) / 32;
        for (int r = 0; r < draws.Length; r++) { _maskRow.Host[r] = draws[r].Constraint is null ? -1 : masks++; }
        if (masks == 0) { return default; }
        _masks.Reserve(masks * words);
        for (int r = 0; r < draws.Length; r++)
        {
            if (draws[r].Constraint is not { } constraint) { continue; }
            Span<int> line = _masks.Host.AsSpan(_maskRow.Host[r] * words, words);
            ReadOnlySpan<int> allowed = MemoryMarshal.Cast<uint, int>(constraint.AllowedTokens);
            allowed.CopyTo(line);
            line[allowed.Length..].Clear();
        }

        return (_masks.Upload(masks, words), _maskRow.Upload(draws.Length));
    }

    private void Reserve(int rows)
    {
        foreach (Column<float> c in (ReadOnlySpan<Column<float>>)[_temperature, _topP, _minP, _penalty, _logProb, _sampledLogProb]) { c.Reserve(rows); }
        foreach (Column<int> c in (ReadOnlySpan<Column<int>>)[_topK, _choice, _position, _historyLength, _id, _maskRow]) { c.Reserve(rows); }
        _seed.Reserve(rows);
        _request.Reserve(rows);
    }
}
