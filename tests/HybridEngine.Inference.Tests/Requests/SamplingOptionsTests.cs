using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Inference.Tests;

public sealed class SamplingOptionsTests
{
    public static TheoryData<SamplingOptions, string> Wrong => new()
    {
        { new() { Temperature = -0.1f }, "temperature" },
        { new() { Temperature = float.NaN }, "temperature" },
        { new() { Temperature = float.PositiveInfinity }, "temperature" },
        { new() { TopK = -1 }, "top_k" },
        { new() { TopP = 0 }, "top_p" },
        { new() { TopP = 1.01f }, "top_p" },
        { new() { TopP = float.NaN }, "top_p" },
        { new() { MinP = -0.5f }, "min_p" },
        { new() { MinP = float.NaN }, "min_p" },
        { new() { RepetitionPenalty = 0 }, "repetition_penalty" },
        { new() { RepetitionPenalty = float.NaN }, "repetition_penalty" },
        { new() { MaxTokens = 0 }, "max_tokens" },
        { new() { TopLogProbs = 101 }, "logprobs" },
        { new() { TopLogProbs = -1 }, "logprobs" },
        { new() { StopTokenIds = [3, 100] }, "stop_token_ids" },
        { new() { StopTexts = ["a", ""] }, "stop" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Validate_ValueOutOfRange_NamesTheOption(SamplingOptions options, string name)
    {
        InvalidInputException e = Assert.Throws<InvalidInputException>(() => options.Validate(100));
        Assert.Equal(name, e.Input);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void Validate_DefaultsAndEdges_Pass()
    {
        new SamplingOptions().Validate(1);
        SamplingOptions.Greedy.Validate(1);
        new SamplingOptions { TopP = 1e-9f, MinP = 1, TopLogProbs = 100, StopTokenIds = [0, 99], StopTexts = ["x"], MaxTokens = 1 }.Validate(100);
    }
}
