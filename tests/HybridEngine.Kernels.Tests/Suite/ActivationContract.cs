using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IActivationKernels.</summary>
public abstract class ActivationContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    private const double Bound = 2e-6;

    public static TheoryData<ActivationKind> Kinds => [.. Enum.GetValues<ActivationKind>()];

    // Numbers where an implementation may change its branch, and random ones.
    private float[] Values(int count)
    {
        float[] special = [0, -0f, 1e-40f, -1e-40f, 1e-7f, -1e-7f, 0.5f, -0.5f, 3, -3, 5.5f, -5.5f, 9, -9, 20, -20, 88, -88, 104, -104, 1e4f, -1e4f, 1e30f, -1e30f];
        float[] values = Random.Normal(count, 3);
        special.AsSpan(0, Math.Min(special.Length, count)).CopyTo(values);
        return values;
    }

    [SkippableTheory, MemberData(nameof(Kinds))]
    public void Activate_EveryWidth_AgreesWithReference(ActivationKind kind)
    {
        foreach ((int rows, int width) in new[] { (0, 3), (1, 1), (3, 15), (2, 16), (1, 17), (5, 33), (3, 255), (1, 257), (2, 513) })
        {
            float[] x = Values(rows * width), dy = Random.Normal(rows * width);
            float[][] Run(IKernels k)
            {
                Tensor y = Space(k, rows, width), dx = Space(k, rows, width);
                k.Activate(kind, Place(k, x, rows, width), y);
                k.ActivateBackward(kind, Place(k, x, rows, width), Place(k, dy, rows, width), dx);
                return [k.Read(y), k.Read(dx)];
            }

            float[][] expected = Run(Oracle), actual = Run(Kernels);
            Compare.Close(expected[0], actual[0], Bound, Bound, $"y of {kind} [{rows}, {width}], {Random}");
            Compare.Close(expected[1], actual[1], 5 * Bound, Bound, $"dx of {kind} [{rows}, {width}], {Random}");
        }
    }

    [SkippableTheory, MemberData(nameof(Kinds))]
    public void Gate_FreshInputs_AgreesWithReference(ActivationKind kind)
    {
        foreach ((int rows, int width) in new[] { (0, 3), (1, 1), (3, 15), (2, 16), (5, 33), (3, 257) })
        {
            float[] gate = Random.Normal(rows * width, 3), up = Random.Normal(rows * width), dy = Random.Normal(rows * width);
            float[][] expected = RunGate(Oracle, kind, rows, width, gate, up, dy), actual = RunGate(Kernels, kind, rows, width, gate, up, dy);
            for (int i = 0; i < expected.Length; i++) { Compare.Close(expected[i], actual[i], 10 * Bound, Bound, $"output {i} of {kind} [{rows}, {width}], {Random}"); }
        }
    }

    [SkippableTheory, MemberData(nameof(Kinds))]
    public void InPlaceForms_GiveTheSameBits(ActivationKind kind)
    {
        const int Rows = 3, Width = 37;
        float[] gate = Values(Rows * Width), up = Random.Normal(Rows * Width), dy = Random.Normal(Rows * Width);
        Tensor Fresh(float[] values) => Place(Kernels, values, Rows, Width);
        float[][] apart = RunGate(Kernels, kind, Rows, Width, gate, up, dy);

        Tensor y = Space(Kernels, Rows, Width), x = Fresh(gate), d = Fresh(dy), dx = Space(Kernels, Rows, Width);
        Kernels.Activate(kind, Fresh(gate), y);
        Kernels.Activate(kind, x, x);
        Compare.SameBits(Kernels.Read(y), Kernels.Read(x), "y is x");
        Kernels.ActivateBackward(kind, Fresh(gate), Fresh(dy), dx);
        Kernels.ActivateBackward(kind, Fresh(gate), d, d);
        Compare.SameBits(Kernels.Read(dx), Kernels.Read(d), "dx is dy");

        foreach (bool intoGate in new[] { true, false })
        {
            Tensor g = Fresh(gate), u = Fresh(up);
            Kernels.Gate(kind, g, u, intoGate ? g : u);
            Compare.SameBits(apart[0], Kernels.Read(intoGate ? g : u), $"y is {(intoGate ? "gate" : "up")}");
        }

        Tensor dGate = Fresh(gate), dUp = Fresh(up);
        Kernels.GateBackward(kind, dGate, dUp, Fresh(dy), dGate, dUp);
        Compare.SameBits(apart[1], Kernels.Read(dGate), "dGate is gate");
        Compare.SameBits(apart[2], Kernels.Read(dUp), "dUp is up");
    }

    [SkippableTheory]
    [InlineData(ActivationKind.Relu, 0, 2), InlineData(ActivationKind.Silu, -0.26894142f, 1.76159416f)]
    [InlineData(ActivationKind.Gelu, -0.15865525f, 1.95449974f), InlineData(ActivationKind.GeluTanh, -0.15880801f, 1.95459769f)]
    public void Activate_HandMade_IsRight(ActivationKind kind, float atMinusOne, float atTwo)
    {
        Tensor y = Space(Kernels, 1, 3);
        Kernels.Activate(kind, Place(Kernels, [-1, 0, 2], 1, 3), y);
        Compare.Close([atMinusOne, 0, atTwo], Kernels.Read(y), 2e-7, 2e-7);
    }

    [SkippableTheory, MemberData(nameof(Kinds))]
    public void Activate_NotFinite_StaysNotFiniteOrHasItsLimit(ActivationKind kind)
    {
        // Three vectors long, so that the special values meet the vector path and the tail.
        float[] x = [.. Enumerable.Repeat(new[] { float.PositiveInfinity, float.NegativeInfinity, float.NaN }, 17).SelectMany(v => v)];
        Tensor y = Space(Kernels, 1, x.Length);
        Kernels.Activate(kind, Place(Kernels, x, 1, x.Length), y);
        float[] values = Kernels.Read(y);
        for (int i = 0; i < x.Length; i++)
        {
            // x * 0 is NaN at -infinity, as in PyTorch; the limit 0 is as good. A finite number other than 0 would be wrong.
            if (float.IsNegativeInfinity(x[i])) { Assert.True(values[i] == 0 || float.IsNaN(values[i]), $"{kind}(-infinity) is {values[i]}"); }
            else { Assert.Equal(x[i], values[i]); }
        }
    }

    [SkippableTheory, MemberData(nameof(Kinds))]
    public void Backward_AgainstFiniteDifferences_Agrees(ActivationKind kind)
    {
        const int Rows = 2, Width = 17;
        // Away from the kink of ReLU.
        float[] gate = [.. Random.Normal(Rows * Width).Select(v => v + 0.1f * Math.Sign(v))], up = Random.Normal(Rows * Width), dy = Random.Normal(Rows * Width);
        float[][] gradients = RunGate(Kernels, kind, Rows, Width, gate, up, dy);
        float[] Gated() => RunGate(Oracle, kind, Rows, Width, gate, up, dy)[0];
        FiniteDifferences.Check(gate, Gated, dy, gradients[1], $"dGate, {Random}");
        FiniteDifferences.Check(up, Gated, dy, gradients[2], $"dUp, {Random}");

        Tensor dx = Space(Kernels, Rows, Width);
        Kernels.ActivateBackward(kind, Place(Kernels, gate, Rows, Width), Place(Kernels, dy, Rows, Width), dx);
        float[] Plain()
        {
            Tensor y = Space(Oracle, Rows, Width);
            Oracle.Activate(kind, Place(Oracle, gate, Rows, Width), y);
            return Oracle.Read(y);
        }

        FiniteDifferences.Check(gate, Plain, dy, Kernels.Read(dx), $"dx, {Random}");
    }

    [SkippableTheory, InlineData(0, 5), InlineData(1, 1), InlineData(3, 33), InlineData(2, 257)]
    public void Axpby_FreshInputs_AddsScaled(int rows, int width)
    {
        float[] x = Random.Normal(rows * width), old = Random.Normal(rows * width);
        foreach ((float alpha, float beta) in new[] { (1f, 1f), (0.5f, -2f), (3f, 0f), (0f, 1f) })
        {
            Tensor y = beta == 0 ? Space(Kernels, rows, width) : Place(Kernels, old, rows, width);
            Kernels.Axpby(alpha, Place(Kernels, x, rows, width), beta, y);
            float[] expected = [.. x.Select((v, i) => (float)((double)alpha * v + (beta == 0 ? 0 : (double)beta * old[i])))];
            Compare.Close(expected, Kernels.Read(y), 5e-7, 3e-7, $"{alpha} x + {beta} y, {Random}");
        }
    }

    [SkippableTheory, InlineData(0, 5), InlineData(1, 1), InlineData(3, 33), InlineData(70, 257)]
    public void ScaleColumns_FreshInputs_MultipliesByColumnInPlaceOrNot(int rows, int width)
    {
        float[] x = Random.Normal(rows * width), scale = Random.Normal(width), offset = Random.Normal(width);
        foreach (bool add in new[] { false, true })
        {
            Tensor terms = add ? Kernels.Floats(offset) : default, apart = Space(Kernels, rows, width), inPlace = Place(Kernels, x, rows, width);
            Kernels.ScaleColumns(Place(Kernels, x, rows, width), Kernels.Floats(scale), terms, apart);
            Kernels.ScaleColumns(inPlace, Kernels.Floats(scale), terms, inPlace);
            float[] expected = [.. x.Select((v, i) => (float)((double)scale[i % width] * v + (add ? offset[i % width] : 0)))];
            Compare.Close(expected, Kernels.Read(apart), 1e-7, 1.5e-7, $"offset {add}, {Random}");
            Compare.SameBits(Kernels.Read(apart), Kernels.Read(inPlace), $"in place, offset {add}, {Random}");
        }
    }

    [SkippableFact]
    public void EveryCall_VectorsAndCubes_AreAcceptedToo()
    {
        float[] x = Random.Normal(2 * 3 * 5);
        Tensor cube = Space(Kernels, 2, 3, 5), vector = Kernels.Allocate(DType.Float32, 30);
        Kernels.Activate(ActivationKind.Silu, Place(Kernels, x, 2, 3, 5), cube);
        Kernels.Activate(ActivationKind.Silu, Kernels.Floats(x), vector);
        Compare.SameBits(Kernels.Read(vector), Kernels.Read(cube), Random);
    }

    [SkippableFact]
    public void EveryCall_WrongArgument_IsRefusedByName()
    {
        Tensor Fresh() => Kernels.Allocate(DType.Float32, 2, 4);
        Tensor bad = Kernels.Allocate(DType.Float32, 2, 3);
        Refuses("y", () => Kernels.Activate(ActivationKind.Silu, Fresh(), bad));
        Refuses("kind", () => Kernels.Activate((ActivationKind)99, Fresh(), Fresh()));
        Refuses("dy", () => Kernels.ActivateBackward(ActivationKind.Silu, Fresh(), bad, Fresh()));
        Refuses("up", () => Kernels.Gate(ActivationKind.Silu, Fresh(), bad, Fresh()));
        Refuses("dUp", () => Kernels.GateBackward(ActivationKind.Silu, Fresh(), Fresh(), Fresh(), Fresh(), bad));
        Refuses("y", () => Kernels.Axpby(1, Fresh(), 1, bad));
        Refuses("scale", () => Kernels.ScaleColumns(Fresh(), Kernels.Allocate(DType.Float32, 3), default, Fresh()));
        Refuses("offset", () => Kernels.ScaleColumns(Fresh(), Kernels.Allocate(DType.Float32, 4), Kernels.Allocate(DType.Float32, 3), Fresh()));
    }

    private float[][] RunGate(IKernels k, ActivationKind kind, int rows, int width, float[] gate, float[] up, float[] dy)
    {
        Tensor y = Space(k, rows, width), dGate = Space(k, rows, width), dUp = Space(k, rows, width);
        k.Gate(kind, Place(k, gate, rows, width), Place(k, up, rows, width), y);
        k.GateBackward(kind, Place(k, gate, rows, width), Place(k, up, rows, width), Place(k, dy, rows, width), dGate, dUp);
        return [k.Read(y), k.Read(dGate), k.Read(dUp)];
    }
}
