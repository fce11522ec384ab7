using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>The non-linearities and their derivatives in float64.</summary>
internal static class Activations
{
    private static readonly double RootTwoOverPi = Math.Sqrt(2 / Math.PI);
    private const double Cubic = 0.044715;

    public static double Value(ActivationKind kind, double x) => kind switch
    {
        ActivationKind.Relu => x > 0 || double.IsNaN(x) ? x : 0,
        ActivationKind.Silu => double.IsNegativeInfinity(x) ? 0 : x / (1 + Math.Exp(-x)),
        ActivationKind.Gelu => double.IsNegativeInfinity(x) ? 0 : x * NormalCdf(x),
        ActivationKind.GeluTanh => double.IsNegativeInfinity(x) ? 0 : 0.5 * x * (1 + Math.Tanh(RootTwoOverPi * (x + Cubic * x * x * x))),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown activation"),
    };

    public static double Slope(ActivationKind kind, double x)
    {
        switch (kind)
        {
            case ActivationKind.Relu:
                return double.IsNaN(x) ? x : x > 0 ? 1 : 0;
            case ActivationKind.Silu:
                double sigmoid = 1 / (1 + Math.Exp(-x));
                return double.IsInfinity(x) ? sigmoid : sigmoid * (1 + x * (1 - sigmoid));
            case ActivationKind.Gelu:
                double density = Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
                return double.IsInfinity(x) ? NormalCdf(x) : NormalCdf(x) + x * density;
            case ActivationKind.GeluTanh:
                double t = Math.Tanh(RootTwoOverPi * (x + Cubic * x * x * x));
                double inner = 0.5 * x * (1 - t * t) * RootTwoOverPi * (1 + 3 * Cubic * x * x);
                return double.IsInfinity(x) ? (1 + t) / 2 : 0.5 * (1 + t) + inner;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown activation");
        }
    }

    private static double NormalCdf(double x) => 0.5 * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>The error function, to about 1e-15: its all-positive series (Abramowitz and Stegun 7.1.6), and 1 beyond 6.</summary>
    internal static double Erf(double x)
    {
        if (Math.Abs(x) > 6) { return Math.Sign(x); }
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
