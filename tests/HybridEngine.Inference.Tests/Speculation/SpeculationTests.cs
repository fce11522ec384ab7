using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Guessing ahead changes no bit of any answer, whoever guesses.</summary>
public sealed class SpeculationTests
{
    /// <summary>Who guesses.</summary>
    public enum Guesser
    {
        /// <summary>Prompt lookup.</summary>
        Lookup,
        /// <summary>A model of other weights and shape: nearly always wrong.</summary>
        Stranger,
        /// <summary>The same model with slightly changed weights.</summary>
        Sibling,
        /// <summary>The model itself.</summary>
        Twin,
    }

    [SkippableTheory]
    [InlineData(Backend.Reference, Guesser.Lookup)]
    [InlineData(Backend.Reference, Guesser.Sibling)]
    [InlineData(Backend.Native2, Guesser.Lookup)]
    [InlineData(Backend.Native2, Guesser.Stranger)]
    [InlineData(Backend.Native2, Guesser.Sibling)]
    [InlineData(Backend.Native2, Guesser.Twin)]
    public void Step_AnyRequestsInATinyCache_AnswersEqualThoseAloneWithoutGuessing(Backend backend, Guesser guesser)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, (ulong)seed);
        using Decoder? draft = Open(guesser, decoder, seed);
        using GenerationEngine engine = new(decoder, new EngineOptions
        {
            CacheBlocks = 13,
            MaxSequences = 6,
            MaxBatchTokens = 31,
            MaxContext = 150,
            Speculation = new SpeculationOptions { MaxDraft = 6, MaxSequences = 4, MinMatch = 1 },
        }, draft: draft);
        List<(GenerationRequest Request, Generation Generation)> submitted = [];
        List<Generation> cancelled = [];
        const int requests = 24;
        while (submitted.Count < requests || engine.HasWork)
        {
            if (submitted.Count < requests && random.Next(4) == 0)
            {
                GenerationRequest request = Requests.Any(random, submitted.Count, maxPrompt: 60, maxTokens: 40);
                if (random.Next(3) == 0) { request = request with { Sampling = request.Sampling with { Constraint = new ResidueConstraint(TinyModel.Vocabulary, end: 2, least: 5, most: 15) } }; }
                submitted.Add((request, engine.Submit(request)));
            }

            if (submitted.Count > 0 && random.Next(60) == 0)
            {
                Generation victim = submitted[random.Next(submitted.Count)].Generation;
                if (!victim.IsFinished) { cancelled.Add(victim); }
                engine.Cancel(victim);
            }

            engine.Step();
        }

        Assert.Equal(0, engine.Load.UsedBlocks);
        Assert.True(engine.Statistics.DraftTokens > 0, $"seed {seed}: nothing was guessed");
        if (guesser == Guesser.Twin) { Assert.True(engine.Statistics.AcceptanceRate > 0.9, $"seed {seed}: only {engine.Statistics.AcceptanceRate:P0} of the model's own guesses were right"); }
        if (guesser == Guesser.Sibling) { Assert.InRange(engine.Statistics.AcceptanceRate, 0.05, 0.999); }
        foreach ((GenerationRequest request, Generation generation) in submitted)
        {
            GenerationResult[] expected = Requests.Alone(decoder, request), actual = generation.Results();
            for (int c = 0; c < expected.Length; c++)
            {
                Answers.Same(expected[c], actual[c], whole: actual[c].FinishReason != FinishReason.Cancelled, $"seed {seed}, request {request.RequestId}, choice {c}");
                Assert.True(actual[c].FinishReason != FinishReason.Cancelled || cancelled.Contains(generation));
            }
        }
    }

    [SkippableTheory]
    [InlineData(Backend.Reference)]
    [InlineData(Backend.Native2)]
    public void Run_DraftModelIsTheModelItself_OneStepForManyTokens(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, 5);
        using GenerationEngine engine = new(decoder, new EngineOptions { Speculation = new SpeculationOptions { MaxDraft = 7 } }, draft: decoder);
        GenerationRequest request = new() { Prompt = Requests.Prompt(new Random(1), 20), Sampling = new() { MaxTokens = 100, IgnoreEos = true } };
        Generation g = engine.Submit(request);
        engine.Run();
        Assert.Equal(1.0, engine.Statistics.AcceptanceRate);
        Assert.InRange(engine.Statistics.Steps, 100 / 8, 100 / 8 + 6);
        Assert.Equal(100, engine.Statistics.NewTokens);
        Answers.Same(Requests.Alone(decoder, request)[0], g.Results()[0], whole: true, "twin");
    }

    [Fact]
    public void Run_TextThatRepeatsItself_LookupIsRight()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels, 5);
        GenerationRequest request = new() { Prompt = [5, 6, 7], Sampling = new() { MaxTokens = 200, Constraint = new Circle(7) } };
        using GenerationEngine engine = new(decoder, new EngineOptions { Speculation = new SpeculationOptions() });
        Generation g = engine.Submit(request);
        engine.Run();
        Answers.Same(Requests.Alone(decoder, request)[0], g.Results()[0], whole: true, "lookup");
        Assert.True(engine.Statistics.AcceptanceRate > 0.95, $"{engine.Statistics.AcceptanceRate:P0} right");
        Assert.InRange(engine.Statistics.Steps, 200 / 9, 200 / 9 + 20);
    }

    [Fact]
    public void Run_MoreSequencesThanMaySpeculate_NothingIsGuessed()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels, 5);
        using GenerationEngine engine = new(decoder, new EngineOptions { Speculation = new SpeculationOptions { MaxSequences = 1 } }, draft: decoder);
        for (int i = 0; i < 2; i++) { engine.Submit(new() { Prompt = [5, 6, 7], Sampling = new() { MaxTokens = 10, IgnoreEos = true } }); }
        engine.Run();
        Assert.Equal(0, engine.Statistics.DraftTokens);
    }

    [Fact]
    public void OnToken_ChangesTheWeightsInTheMiddleOfAGuess_TheRestIsOfTheNewWeights()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels, 5), other = TinyModel.Create(kernels, 6);
        using GenerationEngine engine = new(decoder, new EngineOptions { Speculation = new SpeculationOptions { MaxDraft = 7 } }, draft: decoder);
        int seen = 0;
        GenerationRequest request = new()
        {
            Prompt = Requests.Prompt(new Random(1), 20),
            Sampling = new() { MaxTokens = 60, IgnoreEos = true },
            OnToken = _ =>
            {
                if (++seen == 20) { decoder.CopyFrom(other); }
            },
        };
        Generation g = engine.Submit(request);
        engine.Run();
        GenerationResult r = g.Results()[0];
        int old = r.WeightVersions.Count(v => v == 0);
        Assert.InRange(old, 20, 27);   // the tokens of the step under way were drawn from the old weights
        Assert.Equal(old, Array.IndexOf(r.WeightVersions, 1));
        GenerationResult expected = Requests.Alone(other, request with { OnToken = null, Prompt = [.. request.Prompt, .. r.TokenIds[..old]], Sampling = request.Sampling with { MaxTokens = 60 - old } })[0];
        Assert.Equal(expected.TokenIds, r.TokenIds[old..]);
        Assert.Equal(expected.LogProbs, r.LogProbs[old..]);
    }

    [Fact]
    public void Engine_DraftModelOfAnotherVocabulary_IsRefused()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels), other = TinyModel.Create(kernels, TinyModel.Config() with { VocabularySize = 200 }, 1);
        Assert.Equal("draft model", Assert.Throws<InvalidInputException>(() => new GenerationEngine(decoder, draft: other)).Input);
    }

    [Theory]
    [InlineData(0, 8, 2, 4)]
    [InlineData(65, 8, 2, 4)]
    [InlineData(8, 0, 2, 4)]
    [InlineData(8, 8, 0, 4)]
    [InlineData(8, 8, 3, 2)]
    public void Options_OutOfRange_Throw(int draft, int sequences, int least, int most) =>
        Assert.Throws<InvalidInputException>(new SpeculationOptions { MaxDraft = draft, MaxSequences = sequences, MinMatch = least, MaxMatch = most }.Validate);

    [Fact]
    public void Continuation_RandomTokens_IsWhatAPlainSearchFinds()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        for (int run = 0; run < 2_000; run++)
        {
            int[] tokens = [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(4))];
            int least = random.Next(1, 4), most = least + random.Next(3);
            Assert.True(Plain(tokens, least, most).AsSpan().SequenceEqual(PromptLookup.Continuation(tokens, least, most)), $"seed {seed}, run {run}");
        }
    }

    private static int[] Plain(int[] tokens, int least, int most)
    {
        for (int n = most; n >= least; n--)
        {
            for (int start = tokens.Length - n - 1; start >= 0; start--)
            {
                if (tokens.Skip(start).Take(n).SequenceEqual(tokens.TakeLast(n)) && n < tokens.Length) { return tokens[(start + n)..]; }
            }
        }

        return [];
    }

    private static Decoder? Open(Guesser guesser, Decoder decoder, int seed)
    {
        switch (guesser)
        {
            case Guesser.Lookup: return null;
            case Guesser.Stranger: return TinyModel.Create(decoder.Kernels, TinyModel.Config(layers: 1, maxPositions: 120), (ulong)seed + 1);
            case Guesser.Twin: return decoder.Clone();
            default:
                Decoder sibling = decoder.Clone();
                Random random = new(seed);
                foreach (Parameter p in sibling.Parameters) { p.Set([.. p.ToArray().Select(v => v * (1 + 0.05f * (random.NextSingle() - 0.5f)))]); }
                return sibling;
        }
    }

    // Only one text, which repeats itself.
    private sealed class Circle(int length) : TokenConstraint(TinyModel.Vocabulary)
    {
        public override ConstraintState Start() => new State(length, 0);

        private sealed class State(int length, int at) : ConstraintState
        {
            private int _at = at;

            public override ReadOnlySpan<uint> AllowedTokens
            {
                get
                {
                    uint[] words = new uint[(TinyModel.Vocabulary + 31) / 32];
                    words[(10 + _at) / 32] = 1u << ((10 + _at) % 32);
                    return words;
                }
            }

            public override bool IsComplete => false;

            public override bool MustEnd => false;

            public override void Accept(int token)
            {
                Assert.Equal(10 + _at, token);
                _at = (_at + 1) % length;
            }

            public override ConstraintState Clone() => new State(length, _at);
        }
    }
}
