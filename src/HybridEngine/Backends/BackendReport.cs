namespace HybridEngine;

/// <summary>One backend that was considered.</summary>
/// <param name="Name">As in <c>--backend</c>.</param>
/// <param name="Available">It can be used here.</param>
/// <param name="Detail">What it is, or everything that was tried and why it failed.</param>
public sealed record BackendProbe(string Name, bool Available, string Detail);

/// <summary>Which backend was taken and why.</summary>
/// <param name="Name">The one in use: <c>cpu</c>, <c>cuda</c> or <c>reference</c>.</param>
/// <param name="Description">Its own description: instruction set, threads.</param>
/// <param name="Probes">Everything that was considered, in order.</param>
/// <param name="Warning">What the user should know: a slow fallback. Null when all is well.</param>
public sealed record BackendReport(string Name, string Description, IReadOnlyList<BackendProbe> Probes, string? Warning);
