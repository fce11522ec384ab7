using HybridEngine.Inference;

namespace HybridEngine;

public sealed partial class HybridModel
{
    private readonly Lock _constraintsGate = new();
    private CompiledConstraints? _constraints;

    /// <summary>Constraints on completions, compiled for this model's vocabulary and kept: for <see cref="SamplingOptions.Constraint"/>.</summary>
    /// <exception cref="HybridEngine.Core.InvalidInputException">The model has no tokenizer, or no end token.</exception>
    public CompiledConstraints Constraints
    {
        get
        {
            lock (_constraintsGate)
            {
                return _constraints ??= new CompiledConstraints(ConstraintVocabulary.FromTokenizer(
                    RequireTokenizer(), [.. Decoder.Config.EosTokenIds.Union(RequireTokenizer().EndTokenIds).Where(id => id < RequireTokenizer().VocabularySize)]));
            }
        }
    }
}
