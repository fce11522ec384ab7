using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>What a model says about given sequences, in packed batches: log-probabilities, entropies, most likely tokens, embeddings, rewards. Nothing is kept for a backward.</summary>
/// <remarks>The same bits as training computes and as sampling recorded, in any batch. The weights are read at each call. Not thread-safe.</remarks>
public sealed class Scorer : IDisposable
{
    // Rows whose logits are stored at once, for the most likely tokens.
    private const long LogitBytes = 64L << 20;

    private readonly Decoder _decoder;
    private readonly IKernels _kernels;
    private readonly TensorPool _pool;
    private readonly DecoderForward _forward;
    private readonly ScalarHead? _head;
    private readonly AdapterRows _adapters = new();         // of every token
    private readonly AdapterRows _lastAdapters = new();     // of every sequence's last token

    /// <param name="decoder">The weights; shared, not owned.</param>
    /// <param name="head">The head of a reward model, or null; shared, not owned.</param>
    /// <exception cref="InvalidInputException">The head is of another width than the hidden states.</exception>
    public Scorer(Decoder decoder, ScalarHead? head = null)
    {
        if (head is not null && head.Weight.Columns != decoder.Config.EmbeddingSize)
        {
            throw new InvalidInputException(ScalarHead.TensorName, $"{head.Weight.Columns} columns", $"{decoder.Config.EmbeddingSize} (the model's hidden states)");
        }

        (_decoder, _kernels, _head) = (decoder, decoder.Kernels, head);
        _pool = new TensorPool(_kernels);
        _forward = new DecoderForward(decoder, _pool);
    }

    /// <summary>Scores sequences; results in their order.</summary>
    /// <param name="sequences">At least one token each.</param>
    /// <param name="options">What to compute.</param>
    /// <exception cref="InvalidInputException">A sequence is empty, too long, or holds an unknown id; or an option is out of range.</exception>
    public SequenceScores[] Score(IReadOnlyList<int[]> sequences, ScoringOptions? options = null) => Score([.. sequences.Select(s => new ScoringInput(s))], options);

    /// <summary>Scores sequences, each with its own adapter or none; results in their order, each as if it were scored alone.</summary>
    /// <param name="sequences">At least one token each.</param>
    /// <param name="options">What to compute.</param>
    /// <exception cref="InvalidInputException">A sequence is empty, too long, or holds an unknown id; an option is out of range; or an adapter was unloaded or belongs to another model.</exception>
    public SequenceScores[] Score(IReadOnlyList<ScoringInput> sequences, ScoringOptions? options = null)
    {
        options ??= new ScoringOptions();
        options.Validate(_decoder.Config, _head is not null || sequences.All(s => s.Adapter?.Score is not null));
        // Together with those of the same adapter: each adapter's rows are one product.
        int[] order = [.. Enumerable.Range(0, sequences.Count).OrderBy(i => sequences[i].Adapter?.Number ?? 0)];
        SequenceScores[] scores = new SequenceScores[sequences.Count];
        int held = 0;
        try
        {
            for (; held < order.Length; held++) { sequences[held].Adapter?.Acquire(_decoder); }
            for (int start = 0; start < order.Length;)
            {
                int end = start;
                for (long tokens = 0; end < order.Length && (end == start || tokens + sequences[order[end]].Tokens.Length <= options.BatchTokens); end++)
                {
                    Check(sequences[order[end]].Tokens, order[end]);
                    tokens += sequences[order[end]].Tokens.Length;
                }

                ScoreBatch(sequences, order.AsSpan(start, end - start), options, scores);
                start = end;
            }
        }
        finally
        {
            while (held > 0) { sequences[--held].Adapter?.Release(); }
        }

        _pool.Trim();
        return scores;
    }

    /// <inheritdoc />
    public void Dispose() => _pool.Dispose();

    private void Check(int[] sequence, int index)
    {
        if (sequence.Length == 0) { throw new InvalidInputException($"sequence {index}", "no tokens", "at least one"); }
        _decoder.Config.RequireContext(sequence.Length, $"sequence {index}");
        _decoder.Config.RequireIds(sequence, $"sequence {index}");
    }

    private void ScoreBatch(IReadOnlyList<ScoringInput> sequences, ReadOnlySpan<int> which, ScoringOptions options, SequenceScores[] scores)
    {
        int[][] texts = new int[which.Length][];
        _adapters.Clear();
        _lastAdapters.Clear();
        for (int i = 0; i < texts.Length; i++)
        {
            ScoringInput input = sequences[which[i]];
            texts[i] = input.Tokens;
            _adapters.Add(input.Adapter, input.Tokens.Length);
            _lastAdapters.Add(input.Adapter, 1);
        }

        PackedBatch batch = PackedBatch.Pack(texts);
        PackedTokens tokens = batch.Upload(_decoder, _pool);
        Tensor hidden = _decoder.Precision.KeyValueType == DType.UInt8 ? CachedSequences.Run(_forward, _decoder, _pool, batch, tokens, _adapters) : _forward.Run(tokens, _adapters);
        tokens.Return(_pool);
        (float[] logProbs, float[] entropies) = options.NeedsHead ? LogProbs(hidden, batch, options) : ([], []);
        TokenLogProb[][] top = options.Top > 0 ? Top(hidden, options) : [];
        float[][] embeddings = options.Embedding == EmbeddingPooling.None ? [] : Embeddings(hidden, batch, options);
        float[] rewards = options.Reward ? Rewards(hidden, batch) : [];
        _pool.Return(hidden);
        for (int s = 0; s < which.Length; s++)
        {
            (int first, int last) = (batch.Offsets[s], batch.Offsets[s + 1] - 1);
            scores[which[s]] = new SequenceScores
            {
                LogProbs = options.LogProbs ? logProbs[first..last] : [],
                Entropies = options.Entropy ? entropies[first..last] : [],
                Top = options.Top > 0 ? top[first..(last + 1)] : [],
                Embedding = options.Embedding == EmbeddingPooling.None ? [] : embeddings[s],
                Reward = options.Reward ? rewards[s] : null,
            };
        }
    }

    // Row t predicts token t + 1 of its sequence; the last row of each predicts nothing that is given.
    private (float[] LogProbs, float[] Entropies) LogProbs(Tensor hidden, PackedBatch batch, ScoringOptions options)
    {
        int n = batch.Tokens;
        int[] targets = [.. batch.Ids.AsSpan(1), -1];
        for (int s = 0; s < batch.Sequences; s++) { targets[batch.Offsets[s + 1] - 1] = -1; }
        Tensor target = _pool.Rent(DType.Int32, n), logProb = _pool.Rent(DType.Float32, n), logSumExp = _pool.Rent(DType.Float32, n);
        Tensor entropy = options.Entropy ? _pool.Rent(DType.Float32, n) : default;
        _kernels.Upload<int>(targets, target);
        _decoder.LogProbs(hidden, target, options.Temperature, logProb, logSumExp, entropy, _adapters);
        float[] logProbs = new float[n], entropies = new float[options.Entropy ? n : 0];
        _kernels.Download(logProb, logProbs.AsSpan());
        if (options.Entropy) { _kernels.Download(entropy, entropies.AsSpan()); }
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[target, logProb, logSumExp, entropy]) { _pool.Return(t); }
        return (logProbs, entropies);
    }

    private TokenLogProb[][] Top(Tensor hidden, ScoringOptions options)
    {
        int n = (int)hidden.Shape[0], vocabulary = _decoder.Config.VocabularySize, k = options.Top;
        int group = (int)Math.Clamp(LogitBytes / (vocabulary * (long)sizeof(float)), 1, n);
        float[] temperatures = new float[group], logProbs = new float[group * k];
        int[] ids = new int[group * k];
        Array.Fill(temperatures, options.Temperature);
        TokenLogProb[][] top = new TokenLogProb[n][];
        Tensor temperature = _pool.Rent(DType.Float32, group), logits = _pool.Rent(DType.Float32, group, vocabulary);
        Tensor id = _pool.Rent(DType.Int32, group, k), logProb = _pool.Rent(DType.Float32, group, k);
        _kernels.Upload<float>(temperatures, temperature);
        for (int start = 0; start < n; start += group)
        {
            int rows = Math.Min(group, n - start);
            _decoder.Logits(hidden.Rows(start, rows), logits.Rows(0, rows), _adapters.Slice(start, rows));
            _kernels.TopLogProbs(logits.Rows(0, rows), temperature.Rows(0, rows), id.Rows(0, rows), logProb.Rows(0, rows));
            _kernels.Download(id.Rows(0, rows), ids.AsSpan(0, rows * k));
            _kernels.Download(logProb.Rows(0, rows), logProbs.AsSpan(0, rows * k));
            for (int r = 0; r < rows; r++)
            {
                top[start + r] = new TokenLogProb[k];
                for (int i = 0; i < k; i++) { top[start + r][i] = new(ids[r * k + i], logProbs[r * k + i]); }
            }
        }

        foreach (Tensor t in (ReadOnlySpan<Tensor>)[temperature, logits, id, logProb]) { _pool.Return(t); }
        return top;
    }

    private float[][] Embeddings(Tensor hidden, PackedBatch batch, ScoringOptions options)
    {
        int width = (int)hidden.Shape[1];
        float[][] result = new float[batch.Sequences][];
        if (options.Embedding == EmbeddingPooling.Last)
        {
            Tensor last = LastRows(hidden, batch);
            float[] rows = Download(last);
            _pool.Return(last);
            for (int s = 0; s < result.Length; s++) { result[s] = EmbeddingPool.Pool(rows.AsSpan(s * width, width), width, options.Embedding, options.NormalizeEmbeddings); }
            return result;
        }

        float[] all = Download(hidden);
        for (int s = 0; s < result.Length; s++)
        {
            result[s] = EmbeddingPool.Pool(all.AsSpan(batch.Offsets[s] * width, batch.Length(s) * width), width, options.Embedding, options.NormalizeEmbeddings);
        }

        return result;
    }

    private float[] Rewards(Tensor hidden, PackedBatch batch)
    {
        Tensor last = LastRows(hidden, batch), values = _pool.Rent(DType.Float32, batch.Sequences, 1);
        foreach (AdapterRun run in _lastAdapters.Runs)
        {
            ScalarHead head = run.Adapter?.Score ?? _head ?? throw new UnsupportedException("reward", "a sequence without a scalar head", "a reward model, or an adapter that has one");
            _kernels.Linear(run.Of(last), head.Weight.Matrix!, default, run.Of(values));
        }

        float[] rewards = Download(values);
        _pool.Return(last);
        _pool.Return(values);
        return rewards;
    }

    private Tensor LastRows(Tensor hidden, PackedBatch batch)
    {
        int[] rows = new int[batch.Sequences];
        for (int s = 0; s < rows.Length; s++) { rows[s] = batch.Offsets[s + 1] - 1; }
        Tensor index = _pool.Rent(DType.Int32, rows.Length), last = _pool.Rent(DType.Float32, rows.Length, hidden.Shape[1]);
        _kernels.Upload<int>(rows, index);
        _kernels.GatherRows(hidden, index, last);
        _pool.Return(index);
        return last;
    }

    private float[] Download(Tensor tensor)
    {
        float[] values = new float[tensor.Count];
        _kernels.Download(tensor, values.AsSpan());
        return values;
    }
}
