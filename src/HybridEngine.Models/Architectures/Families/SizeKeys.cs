namespace HybridEngine.Models;

/// <summary>What a family's configuration calls the sizes that every decoder has.</summary>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyHeads">Key heads; null: as many as query heads.</param>
/// <param name="HeadSize">Elements of a head; null: hidden by heads.</param>
/// <param name="Intermediate">Inner width of the MLP; null: always four times the hidden width.</param>
/// <param name="IntermediateRequired">The key must be there; else it is four times the hidden width where absent.</param>
/// <param name="Positions">Longest context.</param>
/// <param name="DefaultPositions">Longest context where the key is absent.</param>
public sealed record SizeKeys(
    string Hidden = "hidden_size", string Layers = "num_hidden_layers", string Heads = "num_attention_heads", string? KeyHeads = null, string? HeadSize = null,
    string? Intermediate = "intermediate_size", bool IntermediateRequired = false, string Positions = "max_position_embeddings", int DefaultPositions = 2048);
