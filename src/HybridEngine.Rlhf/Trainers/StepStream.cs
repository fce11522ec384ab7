using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>Where a trainer that learns from a stream of data stands: the items of a step, its learning rate, and what a checkpoint must hold of both.</summary>
internal sealed class StepStream<T>
{
    private readonly int _batchSize;
    private readonly IDataStream<T> _data;
    private readonly LearningRateSchedule _rates;

    public StepStream(TrainerOptions options, IDataStream<T> data)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_batchSize, _data, _rates) = (options.BatchSize, data, options.LearningRates(options.LearningRate, options.Steps));
    }

    /// <summary>Optimizer steps taken.</summary>
    public int StepsDone { get; private set; }

    /// <summary>Everything that is not weights or moments.</summary>
    public TrainerState State
    {
        get => new() { Step = StepsDone, DataPosition = _data.Position };
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            (StepsDone, _data.Position) = (value.Step, value.DataPosition);
        }
    }

    /// <summary>The items of the next step.</summary>
    public T[] Draw()
    {
        T[] batch = new T[_batchSize];
        for (int i = 0; i < batch.Length; i++) { batch[i] = _data.Next(); }
        return batch;
    }

    /// <summary>Takes the step at its learning rate.</summary>
    public (double Rate, StepResult Result) Step(Func<double, StepResult> step)
    {
        double rate = _rates.Rate(StepsDone);
        StepResult result = step(rate);
        StepsDone++;
        return (rate, result);
    }
}
