using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>A decoder with a scalar head in training: one number per selected token. Reward model and critic.</summary>
/// <remarks>Gradients and optimizer moments are allocated by the first backward. The decoder's own vocabulary head, when not tied, is left as it is.</remarks>
public sealed class TrainableScalarModel : IDisposable
{
    private readonly IKernels _kernels;
    private readonly DecoderPass _pass;
    private readonly List<Parameter> _parameters;
    private Tensor _hidden;

    /// <param name="body">The decoder; not disposed here.</param>
    /// <param name="head">Its head; not disposed here.</param>
    /// <param name="options">How to train.</param>
    public TrainableScalarModel(Decoder body, ScalarHead head, TrainingOptions? options = null)
    {
        options ??= new TrainingOptions();
        if (head.Weight.Columns != body.Config.EmbeddingSize)
        {
            throw new InvalidInputException(ScalarHead.TensorName, $"{head.Weight.Columns} columns", $"{body.Config.EmbeddingSize} (the model's hidden states)");
        }

        (Body, Head, _kernels) = (body, head, body.Kernels);
        _pass = new DecoderPass(body, options with { ExpertBalance = false });
        _parameters = [.. body.Parameters.Where(p => p != body.Head || body.Config.TiedEmbeddings)];
        List<ParameterGroup> groups = [.. ParameterGroup.ByShape(_parameters, options.Optimizer)];
        groups.AddRange(ParameterGroup.ByShape([head.Weight], options.Optimizer, options.HeadLearningRateScale));
        _parameters.Add(head.Weight);
        Optimizer = new AdamWOptimizer(_kernels, groups, options.Optimizer);
    }

    /// <summary>The decoder.</summary>
    public Decoder Body { get; }

    /// <summary>The head.</summary>
    public ScalarHead Head { get; }

    /// <summary>Moments and step count.</summary>
    public AdamWOptimizer Optimizer { get; }

    /// <summary>The greatest number of bytes that activations took.</summary>
    public long PeakActivationBytes => _pass.Pool.PeakBytes;

    /// <summary>The head's values at some tokens; nothing is kept.</summary>
    /// <param name="batch">Whole sequences.</param>
    /// <param name="rows">Indices into the packed tokens.</param>
    /// <exception cref="InvalidInputException">An id outside the vocabulary, or a sequence beyond the longest context.</exception>
    public float[] Values(PackedBatch batch, ReadOnlySpan<int> rows)
    {
        Tensor hidden = Forward(batch, rows, tape: false);
        float[] values = Apply(hidden);
        _pass.Drop();
        return values;
    }

    /// <summary>The same bits as <see cref="Values"/>; keeps what <see cref="TrainBackward"/> needs.</summary>
    /// <inheritdoc cref="Values" />
    public float[] TrainForward(PackedBatch batch, ReadOnlySpan<int> rows)
    {
        Drop();
        _hidden = Forward(batch, rows, tape: true);
        return Apply(_hidden);
    }

    /// <summary>Adds the gradients of a loss to those of all parameters.</summary>
    /// <param name="dValues">[rows] derivative of the loss by each value.</param>
    public void TrainBackward(ReadOnlySpan<float> dValues)
    {
        if (!_pass.IsTaped) { throw new InvalidOperationException("TrainBackward needs a TrainForward before it."); }
        if (dValues.Length != _hidden.Shape[0]) { throw new ArgumentException($"{dValues.Length} values for {_hidden.Shape[0]} selected tokens.", nameof(dValues)); }
        foreach (Parameter parameter in _parameters) { parameter.AllocateGradient(); }

        Tensor flat = _pass.Upload(dValues);
        Tensor dy = flat.View(dValues.Length, 1);
        Tensor dHidden = _pass.Pool.Rent(DType.Float32, _hidden.Shape[0], _hidden.Shape[1]);
        _kernels.LinearBackwardInput(dy, Head.Weight.Matrix!, dHidden);
        _kernels.LinearBackwardWeight(_hidden, dy, Head.Weight.GradientMatrix!, default);
        _pass.Pool.Return(flat);
        _hidden = default;
        _pass.Backward(dHidden);
    }

    /// <summary>Clips, steps and sets the gradients to zero.</summary>
    public StepResult Step(double learningRate)
    {
        Body.WeightsChanged();
        return Optimizer.Step(learningRate);
    }

    /// <summary>Gives gradients and idle activations back to the system; weights and optimizer moments stay.</summary>
    public void ReleaseMemory()
    {
        Drop();
        foreach (Parameter parameter in _parameters) { parameter.ReleaseGradient(); }
        _pass.Pool.Trim();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        ReleaseMemory();
        _pass.Dispose();
        Optimizer.Dispose();
    }

    private Tensor Forward(PackedBatch batch, ReadOnlySpan<int> rows, bool tape)
    {
        foreach (int row in rows)
        {
            if ((uint)row >= (uint)batch.Tokens) { throw new ArgumentException($"Row {row} is outside the batch of {batch.Tokens} tokens.", nameof(rows)); }
        }

        return _pass.Forward(batch, rows, tape);
    }

    private float[] Apply(Tensor hidden)
    {
        Tensor values = _pass.Pool.Rent(DType.Float32, hidden.Shape[0], 1);
        _kernels.Linear(hidden, Head.Weight.Matrix!, default, values);
        float[] result = _pass.Download(values);
        _pass.Pool.Return(values);
        return result;
    }

    private void Drop()
    {
        _pass.Drop();
        _hidden = default;
    }
}
