namespace HybridEngine.Models;

/// <summary>A token of a piece: its id and the characters that it covers.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Start">First character, counted in the text that holds the piece.</param>
/// <param name="End">One past the last.</param>
internal readonly record struct TokenSpan(int Id, int Start, int End);

/// <summary>Turns one piece of text into tokens.</summary>
internal interface ITokenModel
{
    /// <summary>Appends the tokens of the piece <c>[start, end)</c>.</summary>
    void Encode(AlignedText text, int start, int end, List<TokenSpan> tokens);

    /// <summary>The token whose text in a result is what was found, not what the vocabulary calls it; null where there is none.</summary>
    int? QuotedToken => null;
}
