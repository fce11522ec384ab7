using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>Fills the folder of one checkpoint; see <see cref="CheckpointStore.Save"/>.</summary>
public sealed class CheckpointWriter
{
    private readonly string _folder;
    private readonly JsonObject _optimizers = [];

    internal CheckpointWriter(string folder) => _folder = folder;

    /// <summary>Adds a model's float32 weights as a sub-folder in Hugging Face layout.</summary>
    /// <param name="name">The sub-folder, such as <c>model</c> or <c>critic</c>. One named <c>model</c> makes the checkpoint itself loadable as a model.</param>
    /// <param name="decoder">The weights.</param>
    /// <param name="options">Configuration and tokenizer to store beside them.</param>
    /// <param name="head">A scalar head to store with them, or null.</param>
    public void AddModel(string name, Decoder decoder, ModelSaveOptions options, ScalarHead? head = null)
    {
        List<TensorToWrite> extra = [.. options.ExtraTensors];
        if (head is not null) { extra.Add(head.ToWrite()); }
        ModelWriter.Save(Path.Combine(_folder, name), decoder.Bindings, decoder, options with { DType = DType.Float32, ExtraTensors = extra });
    }

    /// <summary>Adds an optimizer's step count and moments.</summary>
    /// <param name="name">Under which to find it again.</param>
    /// <param name="optimizer">AdamW.</param>
    public void AddOptimizer(string name, AdamWOptimizer optimizer)
    {
        _optimizers[name] = optimizer.StepCount;
        IEnumerable<TensorToWrite> moments = optimizer.State.SelectMany(m => (TensorToWrite[])
        [
            Moment(m.Parameter, CheckpointLayout.First, m.FirstMatrix, m.First),
            Moment(m.Parameter, CheckpointLayout.Second, m.SecondMatrix, m.Second),
        ]);
        SafetensorsWriter.Write(Path.Combine(_folder, CheckpointLayout.OptimizerFile(name)), moments);
    }

    internal void Finish(long step, string numericVariant, JsonObject state)
    {
        JsonObject all = new() { ["version"] = CheckpointLayout.Version, ["step"] = step, ["numeric_variant"] = numericVariant, ["optimizers"] = _optimizers, ["state"] = state.DeepClone() };
        AtomicFile.WriteText(Path.Combine(_folder, CheckpointLayout.StateFile), all.ToJsonString() + "\n");
        CheckpointLayout.WriteManifest(_folder);
    }

    private static TensorToWrite Moment(Parameter parameter, string prefix, WeightMatrix? matrix, Tensor flat) =>
        new(prefix + parameter.Name, DType.Float32, parameter.IsVector ? [parameter.Rows] : [parameter.Rows, parameter.Columns], values => parameter.ToArray(matrix, flat).CopyTo(values, 0));
}
