namespace HybridEngine.Core;

/// <summary>The input is well-formed but asks for something that the engine does not do; the message names the feature.</summary>
public sealed class UnsupportedException : HybridEngineException
{
    /// <param name="source">The argument or file that asks for it.</param>
    /// <param name="feature">What is not supported, with its value.</param>
    /// <param name="supported">What is supported instead.</param>
    public UnsupportedException(string source, string feature, string supported)
        : base($"{source}: {feature} is not supported (supported: {supported})") { }
}
