namespace HybridEngine.Models;

/// <summary>A text as tokens. All lists have the same length.</summary>
/// <param name="Ids">Token ids.</param>
/// <param name="Tokens">Token texts as the vocabulary writes them.</param>
/// <param name="Offsets">The part of the text that each covers, <c>[start, end)</c> in Unicode code points; (0, 0) for added special tokens.</param>
/// <param name="TypeIds">0, or 1 for tokens of a second text where the model tells the two apart.</param>
public sealed record TokenizedText(IReadOnlyList<int> Ids, IReadOnlyList<string> Tokens, IReadOnlyList<(int Start, int End)> Offsets, IReadOnlyList<int> TypeIds);
