using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>A decoder with its vocabulary head in training: scores tokens, takes the loss's gradient per token, steps.</summary>
/// <remarks>Gradients and optimizer moments are allocated by the first backward, so a model that only scores costs nothing beyond its weights.</remarks>
public sealed class TrainableLanguageModel : IDisposable
{
    private readonly IKernels _kernels;
    private readonly DecoderPass _pass;
    private Head _head;

    /// <param name="decoder">The weights, shared with whoever generates from them; not disposed here.</param>
    /// <param name="options">How to train.</param>
    public TrainableLanguageModel(Decoder decoder, TrainingOptions? options = null)
    {
        options ??= new TrainingOptions();
        (Decoder, _kernels) = (decoder, decoder.Kernels);
        _pass = new DecoderPass(decoder, options);
        Optimizer = new AdamWOptimizer(_kernels, ParameterGroup.ByShape(decoder.Parameters, options.Optimizer), options.Optimizer);
    }

    /// <summary>The weights.</summary>
    public Decoder Decoder { get; }

    /// <summary>Moments and step count.</summary>
    public AdamWOptimizer Optimizer { get; }

    /// <summary>The greatest number of bytes that activations took.</summary>
    public long PeakActivationBytes => _pass.Pool.PeakBytes;

    /// <summary>The load-balancing loss of the last forward (<see cref="ExpertLoad"/>), over all its tokens; 0 unless <see cref="TrainingOptions.ExpertBalance"/> asks for it and the model has experts.</summary>
    public double BalanceLoss => _pass.ExpertLoad?.Loss() ?? 0;

    /// <summary>Scores tokens; nothing is kept.</summary>
    /// <param name="batch">Whole sequences.</param>
    /// <param name="selection">The tokens to score.</param>
    /// <param name="temperature">Divides the logits.</param>
    /// <param name="entropy">Also compute entropies.</param>
    /// <exception cref="InvalidInputException">An id outside the vocabulary, or a sequence beyond the longest context.</exception>
    public TokenScores Score(PackedBatch batch, TokenSelection selection, float temperature = 1, bool entropy = false)
    {
        Head head = Forward(batch, selection, temperature, entropy, tape: false);
        TokenScores scores = Download(head);
        head.Return(_pass.Pool);
        _pass.Drop();
        return scores;
    }

    /// <summary>Scores tokens, the same bits as <see cref="Score"/>, and keeps what <see cref="TrainBackward"/> needs.</summary>
    /// <inheritdoc cref="Score" />
    public TokenScores TrainForward(PackedBatch batch, TokenSelection selection, float temperature = 1, bool entropy = false)
    {
        Drop();
        _head = Forward(batch, selection, temperature, entropy, tape: true);
        return Download(_head);
    }

    /// <summary>Adds the gradients of a loss to those of all parameters. Weighting and accumulation over micro-batches are the caller's, through these numbers.</summary>
    /// <param name="dLogProbs">[selected] derivative of the loss by each log-probability; or empty.</param>
    /// <param name="dEntropies">By each entropy; or empty. Needs a forward with entropies.</param>
    /// <param name="dLogSumExps">By each log-sum-exp; or empty.</param>
    /// <param name="dBalance">By <see cref="BalanceLoss"/>: the weight of that loss.</param>
    public void TrainBackward(ReadOnlySpan<float> dLogProbs, ReadOnlySpan<float> dEntropies = default, ReadOnlySpan<float> dLogSumExps = default, float dBalance = 0)
    {
        if (!_pass.IsTaped) { throw new InvalidOperationException("TrainBackward needs a TrainForward before it."); }
        if (!dEntropies.IsEmpty && _head.Entropy.IsEmpty) { throw new InvalidOperationException("Gradients by entropies need a TrainForward with entropies."); }
        if (dBalance != 0 && Decoder.Config.Experts is not null && _pass.ExpertLoad is null) { throw new InvalidOperationException("Gradients by the balance loss need TrainingOptions.ExpertBalance."); }
        foreach (Parameter parameter in Decoder.Parameters) { parameter.AllocateGradient(); }

        Tensor dLogProb = Upload(dLogProbs, nameof(dLogProbs));
        Tensor dEntropy = Upload(dEntropies, nameof(dEntropies));
        Tensor dLogSumExp = Upload(dLogSumExps, nameof(dLogSumExps));
        Tensor dHidden = _pass.Pool.Rent(DType.Float32, _head.Hidden.Shape[0], _head.Hidden.Shape[1]);
        _kernels.LogProbsBackward(_head.Hidden, Decoder.Head.Matrix!, Decoder.HeadBias?.Value ?? default, _head.Targets, Decoder.HeadOptions(_head.Temperature), _head.LogSumExp, _head.Entropy,
            dLogProb, dLogSumExp, dEntropy, dHidden, Decoder.Head.GradientMatrix, Decoder.HeadBias?.Gradient ?? default);
        _head.Return(_pass.Pool);
        _head = default;
        _pass.Pool.Return(dLogProb);
        _pass.Pool.Return(dEntropy);
        _pass.Pool.Return(dLogSumExp);
        _pass.Backward(dHidden, dBalance);
    }

    /// <summary>Clips, steps and sets the gradients to zero.</summary>
    public StepResult Step(double learningRate)
    {
        Decoder.WeightsChanged();
        return Optimizer.Step(learningRate);
    }

    /// <summary>Gives gradients and idle activations back to the system; weights and optimizer moments stay.</summary>
    public void ReleaseMemory()
    {
        Drop();
        foreach (Parameter parameter in Decoder.Parameters) { parameter.ReleaseGradient(); }
        _pass.Pool.Trim();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        ReleaseMemory();
        _pass.Dispose();
        Optimizer.Dispose();
    }

    private Head Forward(PackedBatch batch, TokenSelection selection, float temperature, bool entropy, bool tape)
    {
        selection.Validate(batch, Decoder.Config);
        if (!(temperature > 0)) { throw new InvalidInputException("temperature", $"{temperature}", "a positive number"); }
        Tensor hidden = _pass.Forward(batch, selection.Rows, tape);
        Head head = new(hidden, _pass.Upload<int>(selection.Targets), temperature,
            _pass.Pool.Rent(DType.Float32, selection.Count), _pass.Pool.Rent(DType.Float32, selection.Count), entropy ? _pass.Pool.Rent(DType.Float32, selection.Count) : default);
        Decoder.LogProbs(head.Hidden, head.Targets, temperature, head.LogProb, head.LogSumExp, head.Entropy);
        return head;
    }

    private TokenScores Download(Head head) =>
        new(_pass.Download(head.LogProb), _pass.Download(head.LogSumExp), head.Entropy.IsEmpty ? [] : _pass.Download(head.Entropy));

    private Tensor Upload(ReadOnlySpan<float> values, string name)
    {
        if (values.IsEmpty) { return default; }
        long selected = _head.LogProb.Count;
        return values.Length == selected ? _pass.Upload(values) : throw new ArgumentException($"{values.Length} values for {selected} selected tokens.", name);
    }

    private void Drop()
    {
        _pass.Drop();
        _head.Return(_pass.Pool);
        _head = default;
    }

    // Hidden is the pass's.
    private readonly record struct Head(Tensor Hidden, Tensor Targets, float Temperature, Tensor LogProb, Tensor LogSumExp, Tensor Entropy)
    {
        public void Return(TensorPool pool)
        {
            pool.Return(Targets);
            pool.Return(LogProb);
            pool.Return(LogSumExp);
            pool.Return(Entropy);
        }
    }
}
