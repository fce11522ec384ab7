using HybridEngine.Core;

namespace HybridEngine.Benchmarks;

/// <summary>One kernel of the contract in a shape of SmolLM2-135M, with the least that it must do.</summary>
/// <param name="Name">Products: rows x inputs x outputs.</param>
/// <param name="Arithmetic">Whose instruction bounds it.</param>
/// <param name="Operations">A multiply-add counts two.</param>
/// <param name="Bytes">Each operand once.</param>
/// <param name="Make">Its call, over data that it allocates.</param>
public sealed record KernelCase(string Name, Arithmetic Arithmetic, double Operations, double Bytes, Func<IKernels, Action> Make)
{
    /// <summary>What is timed: one line a kernel.</summary>
    public static IEnumerable<KernelCase> All()
    {
        foreach (Arithmetic arithmetic in new[] { Arithmetic.Float32, Arithmetic.BFloat16 })
        {
            foreach (int rows in new[] { 1, 32, 512 }) { yield return Linear(rows, 576, 1536, arithmetic); }
            yield return LinearBackwardInput(512, 576, 1536, arithmetic);
            yield return LinearBackwardWeight(512, 576, 1536, arithmetic);
        }

        yield return Attention(4, 256);
        yield return Rows("norm", 1024, 576, 4, (k, x, y) => k.Norm(x, y, Vector(k, 576), default, new NormOptions(NormKind.Rms, 1e-5f), y, x, default));
        yield return Rows("gate (silu)", 1024, 1536, 3, (k, x, y) => k.Gate(ActivationKind.Silu, x, y, y));
        yield return AdamW(1 << 22);
    }

    public override string ToString() => Name;

    private static KernelCase Linear(int rows, int inputs, int outputs, Arithmetic arithmetic) => Product("linear", rows, inputs, outputs, arithmetic, k =>
    {
        WeightMatrix w = Weight(k, outputs, inputs, arithmetic);
        (Tensor x, Tensor y) = (Matrix(k, rows, inputs), Matrix(k, rows, outputs));
        return () => k.Linear(x, w, default, y);
    });

    private static KernelCase LinearBackwardInput(int rows, int inputs, int outputs, Arithmetic arithmetic) => Product("linear dX", rows, inputs, outputs, arithmetic, k =>
    {
        WeightMatrix w = Weight(k, outputs, inputs, arithmetic);
        (Tensor dy, Tensor dx) = (Matrix(k, rows, outputs), Matrix(k, rows, inputs));
        return () => k.LinearBackwardInput(dy, w, dx);
    });

    private static KernelCase LinearBackwardWeight(int rows, int inputs, int outputs, Arithmetic arithmetic) => Product("linear dW", rows, inputs, outputs, arithmetic, k =>
    {
        WeightMatrix dw = k.CreateWeight(outputs, inputs, DType.Float32, arithmetic);
        (Tensor x, Tensor dy) = (Matrix(k, rows, inputs), Matrix(k, rows, outputs));
        return () => k.LinearBackwardWeight(x, dy, dw, default);
    });

    private static KernelCase Attention(int sequences, int length)
    {
        const int heads = 9, keyHeads = 3, size = 64;
        int tokens = sequences * length;
        double pairs = 0.5 * length * (length + 1) * sequences * heads;
        return new KernelCase($"attention {sequences} x {length}", Arithmetic.Float32, 4 * size * pairs, 4.0 * tokens * size * (2 * heads + 2 * keyHeads), k =>
        {
            Tensor q = Random(k, tokens, heads, size), keys = Random(k, tokens, keyHeads, size), values = Random(k, tokens, keyHeads, size), y = k.Allocate(DType.Float32, tokens, heads, size);
            Tensor offsets = k.Allocate(DType.Int32, sequences + 1);
            k.Upload<int>([.. Enumerable.Range(0, sequences + 1).Select(s => s * length)], offsets);
            AttentionOptions options = new(heads, keyHeads, size, 0.125f);
            return () => k.Attention(q, keys, values, offsets, options, y, default);
        });
    }

    private static KernelCase Rows(string name, int rows, int width, int passes, Action<IKernels, Tensor, Tensor> call) =>
        new($"{name} {rows}x{width}", Arithmetic.Float32, 0, 4.0 * passes * rows * width, k =>
        {
            (Tensor x, Tensor y) = (Matrix(k, rows, width), Matrix(k, rows, width));
            return () => call(k, x, y);
        });

    private static KernelCase AdamW(int elements) => new($"adamw {elements >> 20} Mi", Arithmetic.Float32, 0, 28.0 * elements, k =>
    {
        Tensor parameter = Vector(k, elements), gradient = Vector(k, elements), m = Vector(k, elements), v = k.Allocate(DType.Float32, elements);
        AdamWStep step = new(1e-6, 0.9, 0.999, 1e-8, 0.01, 1);
        return () => k.AdamW(parameter, gradient, m, v, step, default);
    });

    private static KernelCase Product(string name, int rows, int inputs, int outputs, Arithmetic arithmetic, Func<IKernels, Action> make)
    {
        double element = arithmetic == Arithmetic.BFloat16 ? 2 : 4;
        return new KernelCase($"{(arithmetic == Arithmetic.BFloat16 ? "bf16 " : "")}{name} {rows}x{inputs}x{outputs}", arithmetic, 2.0 * rows * inputs * outputs,
            4.0 * rows * (inputs + outputs) + element * inputs * outputs, make);
    }

    private static WeightMatrix Weight(IKernels k, int outputs, int inputs, Arithmetic arithmetic)
    {
        WeightMatrix master = k.CreateWeight(outputs, inputs);
        k.Pack(Matrix(k, outputs, inputs), master);
        if (arithmetic == Arithmetic.Float32) { return master; }
        WeightMatrix copy = k.CreateWeight(outputs, inputs, DType.BFloat16, arithmetic);
        k.Narrow(master, copy);
        return copy;
    }

    private static Tensor Matrix(IKernels k, int rows, int columns) => Random(k, rows, columns);

    private static Tensor Vector(IKernels k, int elements) => Random(k, elements);

    private static Tensor Random(IKernels k, params ReadOnlySpan<long> extents)
    {
        Tensor t = k.Allocate(DType.Float32, extents);
        Random random = new(1);
        float[] values = new float[t.Shape.Count];
        for (int i = 0; i < values.Length; i++) { values[i] = random.NextSingle() * 2 - 1; }
        k.Upload<float>(values, t);
        return t;
    }
}
