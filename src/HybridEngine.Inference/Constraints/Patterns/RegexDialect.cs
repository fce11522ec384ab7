namespace HybridEngine.Inference;

/// <summary>Whose rules a regular expression is read by, where they differ.</summary>
internal enum RegexDialect
{
    /// <summary>Python's <c>re</c> with <c>re.ASCII</c>.</summary>
    Python,

    /// <summary>ECMA-262 with the <c>u</c> flag, as JSON Schema asks.</summary>
    Ecma,
}
