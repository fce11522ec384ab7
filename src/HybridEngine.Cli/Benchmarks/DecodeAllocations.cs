using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>Runs an engine and counts what its decoding steps allocate: steps that read no prompt and end no sequence, whose results are the caller's.</summary>
internal sealed class DecodeAllocations
{
    private long _managed, _native, _tokens;

    /// <summary>Managed bytes, and bytes by which tensors grew, a new token of the counted steps; null without such steps.</summary>
    public (double Managed, double Native)? PerToken => _tokens == 0 ? null : ((double)_managed / _tokens, (double)_native / _tokens);

    public void Run(GenerationEngine engine, bool count)
    {
        while (true)
        {
            (long prompts, long fresh, int running) = (engine.Statistics.PrefillTokens, engine.Statistics.NewTokens, engine.Load.Running);
            (long managed, long native) = (GC.GetAllocatedBytesForCurrentThread(), HostMemory.TotalAllocated);  // a step runs on this thread
            if (!engine.Step()) { return; }
            managed = GC.GetAllocatedBytesForCurrentThread() - managed;
            if (!count || running == 0 || engine.Statistics.PrefillTokens != prompts || engine.Load.Running != running) { continue; }
            _managed += managed;
            _native += Math.Max(0, HostMemory.TotalAllocated - native);
            _tokens += engine.Statistics.NewTokens - fresh;
        }
    }
}
