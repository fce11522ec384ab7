using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>Exponential moving average of a model's weights: <c>average = decay * average + (1 - decay) * weights</c>.</summary>
public sealed class WeightAverage : IDisposable
{
    private readonly Decoder _source;

    /// <summary>Starts at the weights as they are now.</summary>
    /// <param name="source">The model that is trained.</param>
    /// <param name="decay">Between 0 and 1, such as 0.992.</param>
    public WeightAverage(Decoder source, double decay)
    {
        source.MakeTrainable();
        (_source, Decay, Average) = (source, decay, source.Clone());
    }

    /// <summary>Share of the old average that stays.</summary>
    public double Decay { get; }

    /// <summary>The averaged weights.</summary>
    public Decoder Average { get; }

    /// <summary>Takes the current weights in; call after every optimizer step.</summary>
    public void Update()
    {
        for (int i = 0; i < _source.Parameters.Count; i++)
        {
            _source.Kernels.Axpby((float)(1 - Decay), _source.Parameters[i].Value, (float)Decay, Average.Parameters[i].Value);
            Average.Parameters[i].Written();
        }
    }

    /// <inheritdoc />
    public void Dispose() => Average.Dispose();
}
