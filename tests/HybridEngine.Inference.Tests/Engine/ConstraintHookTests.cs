using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>How the engine follows a <see cref="TokenConstraint"/>.</summary>
public sealed class ConstraintHookTests
{
    [SkippableTheory, InlineData(Backend.Reference), InlineData(Backend.Native2)]
    public void Run_ConstrainedRequests_DrawAllowedTokensAndEnd(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using Decoder model = TinyModel.Create(kernels);
        using GenerationEngine engine = new(model);
        SamplingOptions free = new() { MaxTokens = 12, IgnoreEos = true };
        Generation constrained = engine.Submit(new GenerationRequest { Prompt = [1, 2, 3], Choices = 3, Sampling = free with { Constraint = new Descending(TinyModel.Vocabulary - 5, 4) } });
        Generation unconstrained = engine.Submit(new GenerationRequest { Prompt = [1, 2, 3], RequestId = 1, Sampling = free });
        engine.Run();
        foreach (GenerationResult r in constrained.Results())
        {
            Assert.Equal(FinishReason.Stop, r.FinishReason);
            Assert.Equal(4, r.TokenIds.Length);
            for (int i = 0; i < 4; i++) { Assert.Equal(0, (r.TokenIds[i] + i) % 4); }
            Assert.All(r.SampledLogProbs.Zip(r.LogProbs), p => Assert.True(p.First > p.Second));
        }

        using GenerationEngine alone = new(model);
        Generation same = alone.Submit(unconstrained.Request);
        alone.Run();
        Assert.Equal(same.Results()[0].TokenIds, unconstrained.Results()[0].TokenIds);
        Assert.Equal(same.Results()[0].LogProbs, unconstrained.Results()[0].LogProbs);
    }

    [Fact]
    public void Run_ConstrainedBeams_StayInTheLanguage()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder model = TinyModel.Create(kernels);
        using GenerationEngine engine = new(model);
        SamplingOptions sampling = new() { MaxTokens = 12, Constraint = new Descending(TinyModel.Vocabulary, 5) };
        Generation g = engine.Submit(new GenerationRequest { Prompt = [1, 2, 3], Choices = 3, Sampling = sampling, Beams = new BeamOptions { Beams = 3 } });
        engine.Run();
        Assert.Equal(3, g.Results().Select(r => string.Join(' ', r.TokenIds)).Distinct().Count());
        foreach (GenerationResult r in g.Results())
        {
            Assert.Equal((FinishReason.Stop, 5), (r.FinishReason, r.TokenIds.Length));
            for (int i = 0; i < 5; i++) { Assert.Equal(0, (r.TokenIds[i] + i) % 4); }
        }
    }

    /// <summary>Token i of a completion is one with (token + i) % 4 == 0; so many tokens, then the end.</summary>
    private sealed class Descending(int vocabulary, int length) : TokenConstraint(vocabulary)
    {
        public override ConstraintState Start() => new State(this, length, 0);

        private sealed class State(Descending owner, int length, int accepted) : ConstraintState
        {
            private int _accepted = accepted;

            public override ReadOnlySpan<uint> AllowedTokens
            {
                get
                {
                    uint[] words = new uint[(owner.VocabularySize + 31) / 32];
                    for (int v = 0; v < owner.VocabularySize; v++) { words[v / 32] |= (v + _accepted) % 4 == 0 ? 1u << (v % 32) : 0; }
                    return words;
                }
            }

            public override bool IsComplete => _accepted == length;

            public override bool MustEnd => IsComplete;

            public override void Accept(int token)
            {
                if ((token + _accepted) % 4 != 0) { throw new InvalidInputException("token", $"{token}", "an allowed one"); }
                _accepted++;
            }

            public override ConstraintState Clone() => new State(owner, length, _accepted);
        }
    }
}
