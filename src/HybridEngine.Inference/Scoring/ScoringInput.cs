using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>One sequence to score.</summary>
/// <param name="Tokens">Ids, at least one.</param>
/// <param name="Adapter">Low-rank adapter that it is read with; null is the model as it is.</param>
public readonly record struct ScoringInput(int[] Tokens, LoraAdapter? Adapter = null);
