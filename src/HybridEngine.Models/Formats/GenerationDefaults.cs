namespace HybridEngine.Models;

/// <summary>What <c>generation_config.json</c> recommends; null where it says nothing.</summary>
public sealed record GenerationDefaults
{
    /// <summary>Draw at random, else take the best.</summary>
    public bool? Sample { get; init; }

    /// <summary>Divides the logits.</summary>
    public double? Temperature { get; init; }

    /// <summary>Candidates by rank.</summary>
    public int? TopK { get; init; }

    /// <summary>Candidates by cumulated probability.</summary>
    public double? TopP { get; init; }

    /// <summary>Candidates by probability relative to the best.</summary>
    public double? MinP { get; init; }

    /// <summary>Penalty of tokens that occurred.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>Ids that end an answer; empty where the file names none.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    internal static GenerationDefaults Read(ConfigReader config)
    {
        return new GenerationDefaults
        {
            Sample = config.Has("do_sample") ? config.Flag("do_sample", false) : null,
            Temperature = Optional("temperature"),
            TopK = config.Integer("top_k"),
            TopP = Optional("top_p"),
            MinP = Optional("min_p"),
            RepetitionPenalty = Optional("repetition_penalty"),
            EosTokenIds = config.TokenIds("eos_token_id"),
        };

        double? Optional(string key) => config.Has(key) ? config.Number(key) : null;
    }
}
