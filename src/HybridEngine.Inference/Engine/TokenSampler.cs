using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Draws the next token of each sequence from a row of logits: gathers the parameters of the rows, draws on the device, reads back once.</summary>
internal sealed class TokenSampler : IDisposable
{
    private readonly IKernels _kernels;
    private readonly SamplingTable _table;
    private readonly Column<float> _temperature, _logProb, _sampledLogProb, _topLogProb;
    private readonly Column<int> _id, _topId;

    public TokenSampler(IKernels kernels, int vocabulary)
    {
        (_kernels, _table) = (kernels, new SamplingTable(kernels, vocabulary));
        (_temperature, _logProb, _sampledLogProb, _topLogProb) = (new(kernels), new(kernels), new(kernels), new(kernels));
        (_id, _topId) = (new(kernels), new(kernels));
    }

    /// <summary>Draws for <paramref name="draws"/>, one row of logits each; read the draws with the properties below.</summary>
    public void Draw(Tensor logits, ReadOnlySpan<DrawRow> draws)
    {
        int rows = draws.Length, top = 0;
        foreach (Column<float> c in (ReadOnlySpan<Column<float>>)[_temperature, _logProb, _sampledLogProb]) { c.Reserve(rows); }
        _id.Reserve(rows);
        for (int r = 0; r < rows; r++)
        {
            _temperature.Host[r] = draws[r].Request.Sampling.Temperature;
            top = Math.Max(top, draws[r].Request.Sampling.TopLogProbs);
        }

        _kernels.Sample(logits, _table.Upload(draws), _id.View(rows), _logProb.View(rows), _sampledLogProb.View(rows));
        if (top > 0)
        {
            _topId.Reserve(rows * top);
            _topLogProb.Reserve(rows * top);
            _kernels.TopLogProbs(logits, _temperature.Upload(rows), _topId.View(rows, top), _topLogProb.View(rows, top));
            _topId.Download(rows * top);
            _topLogProb.Download(rows * top);
        }

        TopWidth = top;
        _id.Download(rows);
        _logProb.Download(rows);
        _sampledLogProb.Download(rows);
    }

    /// <summary>Biases, penalties, bans and constraints, in place, for rows that nothing is drawn from (a beam search).</summary>
    public void Process(Tensor scores, ReadOnlySpan<DrawRow> rows) => _kernels.ProcessLogits(scores, _table.Upload(rows), scores);

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
        _table.Dispose();
        foreach (IDisposable column in (ReadOnlySpan<IDisposable>)[_temperature, _logProb, _sampledLogProb, _topLogProb, _id, _topId]) { column.Dispose(); }
    }
}
