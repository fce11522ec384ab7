namespace HybridEngine.Core;

/// <summary>Something that the user gave (an argument, a file, a request) cannot be used. The message is one line: where, what was found, what was expected.</summary>
/// <remarks>The command line prints <c>error: message</c> for this type and exits with 1; every other exception type is a defect of the engine.</remarks>
public class HybridEngineException : Exception
{
    /// <summary>An error with a complete message.</summary>
    public HybridEngineException(string message) : base(message) { }

    /// <summary>An error with a complete message and its cause.</summary>
    public HybridEngineException(string message, Exception inner) : base(message, inner) { }
}
