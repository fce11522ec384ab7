namespace HybridEngine.Models;

internal enum TemplateTokenKind
{
    /// <summary>Text between tags.</summary>
    Data,
    BlockBegin,
    BlockEnd,
    PrintBegin,
    PrintEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End,
}

/// <summary>A token of a template.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text; of a string the value.</param>
/// <param name="Line">Line in the source, from 1.</param>
internal readonly record struct TemplateToken(TemplateTokenKind Kind, string Text, int Line)
{
    public bool IsName(string name) => Kind == TemplateTokenKind.Name && Text == name;

    public bool IsOperator(string text) => Kind == TemplateTokenKind.Operator && Text == text;
}
