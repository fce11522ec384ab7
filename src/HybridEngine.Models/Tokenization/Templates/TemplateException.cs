using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A chat template cannot be read or rendered.</summary>
public sealed class TemplateException : HybridEngineException
{
    internal TemplateException(string message, bool raisedByTemplate = false) : base(message) => RaisedByTemplate = raisedByTemplate;

    /// <summary>Whether the template itself refused the messages (<c>raise_exception</c>); the message is then its own and meant for the user.</summary>
    public bool RaisedByTemplate { get; }
}
