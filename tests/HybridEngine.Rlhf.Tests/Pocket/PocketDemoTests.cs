using HybridEngine.Core;

namespace HybridEngine.Rlhf.Tests;

public sealed class PocketDemoTests
{
    private static readonly PocketRecipe Tiny = PocketRecipe.Full(3) with
    {
        Sft = PocketRecipe.Full(3).Sft with { Steps = 2, BatchSize = 2 },
        Reward = PocketRecipe.Full(3).Reward with { Steps = 2, BatchSize = 2 },
        Ppo = PocketRecipe.Full(3).Ppo with { Steps = 2, PromptsPerStep = 2, MaxNewTokens = 6, NormalizationSamples = 2 },
        ExamQuestions = 2,
    };

    [Fact]
    public void Run_Twice_GivesTheSameNumbersAndNoMismatch()
    {
        using IKernels kernels = Backends.Open(Backends.Auto, 2, out _);
        PocketResult first = new PocketDemo(kernels, Tiny).Run(null), second = new PocketDemo(kernels, Tiny).Run(null);
        foreach (string stage in (string[])["sft", "reward", "ppo"])
        {
            Assert.Equal(Numbers(first.History[stage]), Numbers(second.History[stage]));
        }

        Assert.All(first.History["ppo"], m => Assert.Equal(0, m["sampling/sampling_logp_difference/max"]));
        Assert.Equal(["sft", "ppo"], first.Grades.Select(g => g.Stage));
        Assert.Equal(0, first.Grades[0].Kl, 9);
        Assert.NotEqual(0, first.Grades[1].Kl);
    }

    private static string[] Numbers(IReadOnlyList<StepMetrics> history) =>
        [.. history.SelectMany(m => m.Values.Where(v => !v.Key.StartsWith("time/", StringComparison.Ordinal) && v.Key != "tokens_per_second").Select(v => $"{v.Key}={v.Value:R}"))];
}
