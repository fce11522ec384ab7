using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Sizes of a <see cref="GenerationEngine"/>. They change speed and memory, never a result.</summary>
public sealed record EngineOptions
{
    /// <summary>Sequences that run at once, at most.</summary>
    public int MaxSequences { get; init; } = 256;

    /// <summary>Rows of one forward, at most: one for each running sequence, the rest for pieces of prompts.</summary>
    public int MaxBatchTokens { get; init; } = 1024;

    /// <summary>Rows of prompts in a forward that also continues sequences, at most, so that a long prompt does not stall them; 0 is no further limit. Smaller: steadier streams, and a
    /// longer wait for the first token.</summary>
    public int MaxPromptTokens { get; init; } = 512;

    /// <summary>Positions of a KV block; a multiple of 16.</summary>
    public int BlockSize { get; init; } = 16;

    /// <summary>Longest prompt and completion together; 0 is the model's own limit.</summary>
    public int MaxContext { get; init; }

    /// <summary>Blocks of the cache; 0 lets it grow with what is asked, within <see cref="MaxCacheBytes"/>.</summary>
    public int CacheBlocks { get; init; }

    /// <summary>Bytes of keys and values, at most, when <see cref="CacheBlocks"/> is 0. A request that this cannot hold is refused when it is submitted.</summary>
    public long MaxCacheBytes { get; init; } = 2L << 30;

    /// <summary>Keep blocks of finished sequences for prompts that begin alike, until their room is needed.</summary>
    public bool PrefixCache { get; init; } = true;

    /// <summary>Guess tokens ahead; null does not (unless the engine gets a draft model).</summary>
    public SpeculationOptions? Speculation { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="InvalidInputException">Names the option, what was found and what was expected.</exception>
    public void Validate()
    {
        Require(MaxSequences >= 1, "max_sequences", MaxSequences, "at least 1");
        Require(MaxBatchTokens >= MaxSequences, "max_batch_tokens", MaxBatchTokens, $"at least max_sequences ({MaxSequences})");
        Require(MaxPromptTokens >= 0, "max_prompt_tokens", MaxPromptTokens, "0 (no further limit) or more");
        Require(BlockSize >= 16 && BlockSize % 16 == 0, "block_size", BlockSize, "a multiple of 16");
        Require(MaxContext >= 0, "max_context", MaxContext, "0 (the model's limit) or more");
        Require(CacheBlocks >= 0, "cache_blocks", CacheBlocks, "0 (grow as needed) or more");
        Require(MaxCacheBytes >= 0, "max_cache_bytes", MaxCacheBytes, "0 or more");
        Speculation?.Validate();
    }

    private static void Require(bool ok, string name, long found, string expected)
    {
        if (!ok) { throw new InvalidInputException(name, found.ToString(System.Globalization.CultureInfo.InvariantCulture), expected); }
    }
}
