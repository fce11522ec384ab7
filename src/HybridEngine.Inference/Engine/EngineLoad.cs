namespace HybridEngine.Inference;

/// <summary>What an engine holds at this moment.</summary>
/// <param name="Running">Sequences in the batch.</param>
/// <param name="Waiting">Sequences in the line.</param>
/// <param name="UsedBlocks">Blocks of the cache that somebody reads; kept prefixes of ended sequences are not counted.</param>
/// <param name="Blocks">All blocks that are allocated now.</param>
/// <param name="CacheBytes">Their bytes.</param>
public readonly record struct EngineLoad(int Running, int Waiting, int UsedBlocks, int Blocks, long CacheBytes);
