using HybridEngine.Core;

namespace HybridEngine.Cli.CommandLine;

/// <summary>Options that each are sound but do not go together: wrong usage, like an option that does not exist.</summary>
internal sealed class UsageException(string found, string expected) : HybridEngineException($"arguments: found {found}, expected {expected}");
