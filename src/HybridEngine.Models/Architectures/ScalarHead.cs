using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>One row without bias that turns a final hidden state into a score or a value: the head of reward models and critics.</summary>
public sealed class ScalarHead : IDisposable
{
    /// <summary>The name in a checkpoint.</summary>
    public const string TensorName = "v_head.weight";

    private static readonly string[] _names = [TensorName, "score.weight"];

    /// <summary>A head of zeros.</summary>
    /// <param name="kernels">Where it lives.</param>
    /// <param name="width">Width of the decoder's hidden states (<see cref="DecoderConfig.EmbeddingSize"/>).</param>
    public ScalarHead(IKernels kernels, int width)
    {
        Weight = new Parameter(kernels, new ParameterBinding(ParameterRole.ScalarHead, -1, false, TensorName, 1, width));
        Weight.Allocate();
    }

    /// <summary>[1, width].</summary>
    public Parameter Weight { get; }

    /// <summary>The head of a saved reward model or critic (<see cref="TensorName"/>, or <c>score.weight</c> of a sequence classifier with one label).</summary>
    /// <exception cref="InvalidInputException">There is none, or it has another width.</exception>
    public static ScalarHead Load(IKernels kernels, ModelFiles files)
    {
        ScalarHead head = new(kernels, files.Config.EmbeddingSize);
        try
        {
            head.Set(files);
            return head;
        }
        catch
        {
            head.Dispose();
            throw;
        }
    }

    /// <summary>The head of a saved reward model or critic; null when the model has none that gives one number.</summary>
    public static ScalarHead? TryLoad(IKernels kernels, ModelFiles files) =>
        Find(files) is { } tensor && tensor.Count == files.Config.EmbeddingSize ? Load(kernels, files) : null;

    /// <summary>Overwrites the weights with those of a saved model.</summary>
    /// <exception cref="InvalidInputException">It has no scalar head, or one of another width.</exception>
    public void Set(ModelFiles files)
    {
        StoredTensor tensor = Find(files) ?? throw new InvalidInputException(files.Path, $"no {TensorName}", "a reward model or critic");
        if (tensor.Count != Weight.Columns) { throw new InvalidInputException($"{files.Path}: {tensor.Name}", $"{tensor.Count} values", $"{Weight.Columns} (the model's hidden states)"); }
        Weight.Set(tensor.ToArray());
    }

    /// <summary>The head as a tensor to save beside its decoder.</summary>
    public TensorToWrite ToWrite() => new(TensorName, DType.Float32, [1, Weight.Columns], values => Weight.ToArray().CopyTo(values, 0));

    /// <summary>A second head with the same weights.</summary>
    public ScalarHead Clone(IKernels kernels)
    {
        ScalarHead copy = new(kernels, Weight.Columns);
        kernels.Copy(Weight.Value, copy.Weight.Value);
        return copy;
    }

    private static StoredTensor? Find(ModelFiles files) => _names.Select(files.Tensors.GetValueOrDefault).FirstOrDefault(t => t is not null);

    /// <inheritdoc />
    public void Dispose() => Weight.Dispose();
}
