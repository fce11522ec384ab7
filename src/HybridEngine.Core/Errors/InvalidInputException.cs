namespace HybridEngine.Core;

/// <summary>An input is malformed: <c>source: found ..., expected ...</c>.</summary>
public sealed class InvalidInputException : HybridEngineException
{
    /// <param name="source">The argument, file, or file and line that is wrong, as the user knows it.</param>
    /// <param name="found">What stands there.</param>
    /// <param name="expected">What should stand there.</param>
    public InvalidInputException(string source, string found, string expected)
        : base($"{source}: found {found}, expected {expected}") => Input = source;

    /// <summary>The argument or file that is wrong.</summary>
    public string Input { get; }
}
