using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>One forward of a packed batch to the hidden states of selected rows, and the way back.</summary>
internal sealed class DecoderPass : IDisposable
{
    private readonly Decoder _decoder;
    private readonly IKernels _kernels;
    private readonly DecoderForward _forward;
    private readonly DecoderBackward _backward;
    private readonly ForwardTape _tape;
    private readonly long _activationBytes;
    private PackedTokens _tokens;
    private Tensor _rows;
    private Tensor _hidden; // of a forward without tape

    public DecoderPass(Decoder decoder, TrainingOptions options)
    {
        (_decoder, _kernels, Pool) = (decoder, decoder.Kernels, new TensorPool(decoder.Kernels));
        _forward = new DecoderForward(decoder, Pool);
        _backward = new DecoderBackward(decoder, Pool, _forward);
        _tape = new ForwardTape(decoder.Config.Layers);
        _activationBytes = options.RecomputeActivations ? 0 : options.ActivationBytes > 0 ? options.ActivationBytes : ActivationPlan.Automatic(decoder);
        if (options.ExpertBalance && decoder.Config.Experts is { } experts) { _forward.ExpertLoad = new ExpertLoad(_kernels, experts.Count); }
    }

    public TensorPool Pool { get; }

    /// <summary>True between a forward with tape and its backward.</summary>
    public bool IsTaped { get; private set; }

    /// <summary>How the last forward used the experts; null when it is not measured.</summary>
    public ExpertLoad? ExpertLoad => _forward.ExpertLoad;

    /// <summary>Hidden states [rows, embedding] of the selected rows: the pass's, until <see cref="Backward"/>, <see cref="Drop"/> or the next forward.</summary>
    public Tensor Forward(PackedBatch batch, ReadOnlySpan<int> rows, bool tape)
    {
        batch.Validate(_decoder.Config);
        Drop();
        ExpertLoad?.Clear();
        _tape.FirstWhole = ActivationPlan.FirstWhole(_decoder.Config, batch.Tokens, _activationBytes);
        PackedTokens tokens = batch.Upload(_decoder, Pool);
        Tensor selected = Upload(rows);
        Tensor hidden = _forward.Run(tokens, tape ? _tape : null, selected);
        if (tape)
        {
            (IsTaped, _tokens, _rows) = (true, tokens, selected);
            return hidden;
        }

        Pool.Return(selected);
        tokens.Return(Pool);
        return _hidden = hidden;
    }

    /// <summary>Adds the gradients of everything below the head.</summary>
    /// <param name="dSelected">[rows, embedding]; given back to the pool.</param>
    /// <param name="dBalance">Derivative of the loss by the load-balancing loss.</param>
    public void Backward(Tensor dSelected, float dBalance = 0)
    {
        if (dBalance != 0 && ExpertLoad is { } load) { _backward.BalanceGradient = Upload<float>(load.Gradient(dBalance)); }
        _backward.Run(_tokens, _tape, dSelected);
        Pool.Return(_backward.BalanceGradient);
        _backward.BalanceGradient = default;
        Drop();
    }

    /// <summary>Forgets the last forward: its hidden states have been read, and its backward will not come.</summary>
    public void Drop()
    {
        Pool.Return(_hidden);
        _hidden = default;
        if (!IsTaped) { return; }
        _tape.Clear(Pool);
        _tokens.Return(Pool);
        Pool.Return(_rows);
        IsTaped = false;
    }

    public Tensor Upload<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        Tensor tensor = Pool.Rent(typeof(T) == typeof(int) ? DType.Int32 : DType.Float32, values.Length);
        _kernels.Upload(values, tensor);
        return tensor;
    }

    public float[] Download(Tensor tensor)
    {
        float[] values = new float[tensor.Count];
        _kernels.Download(tensor, values.AsSpan());
        return values;
    }

    public void Dispose()
    {
        Drop();
        ExpertLoad?.Dispose();
        Pool.Dispose();
    }
}
