using HybridEngine.Inference;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>llama2.c's 260 k parameter model tells the story that llama2.c's own test expects at temperature 0 (its test_all.py).</summary>
public sealed class StoriesTests
{
    private const string Story =
        "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n"
        + "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. She said, \"I want to play with your ball, but I can't find it.\"\n"
        + "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\n"
        + "Lily didn't want to help her mom, so she";

    [SkippableTheory]
    [InlineData(Backends.Reference)]
    [InlineData(Backends.Cpu)]
    public void Generate_Greedy_TellsTheKnownStory(string backend)
    {
        using HybridModel model = Open(backend);
        string text = model.Generate("", SamplingOptions.Greedy with { MaxTokens = 200 }).Text;
        Assert.StartsWith(Story, text.TrimStart(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void GenerateStreaming_PiecesJoinToTheWholeText()
    {
        using HybridModel model = Open(Backends.Reference);
        SamplingOptions sampling = new() { MaxTokens = 60, Seed = 3 };
        string[] pieces = [.. model.GenerateStreaming("Once upon", sampling)];
        Assert.True(pieces.Length > 20);
        Assert.Equal(model.Generate("Once upon", sampling).Text, string.Concat(pieces));
    }

    [SkippableFact]
    public void GenerateStreaming_LoopIsLeft_NothingKeepsRunning()
    {
        using HybridModel model = Open(Backends.Reference);
        Assert.NotEmpty(model.GenerateStreaming("Once upon", SamplingOptions.Greedy).First());
        Assert.False(model.Generator().HasWork);
    }

    [SkippableFact]
    public void Generate_StopText_EndsBeforeItAndNeverShowsAPart()
    {
        using HybridModel model = Open(Backends.Reference);
        SamplingOptions sampling = SamplingOptions.Greedy with { MaxTokens = 200, StopTexts = ["in the park", "never"] };
        string shown = "";
        foreach (string piece in model.GenerateStreaming("", sampling))
        {
            shown += piece;
            Assert.StartsWith(shown.TrimStart(), Story, StringComparison.Ordinal);
        }

        GenerationResult result = model.Generate("", sampling);
        Assert.Equal("Once upon a time, there was a little girl named Lily. She loved to play outside ", result.Text.TrimStart());
        Assert.Equal(result.Text, shown);
        Assert.Equal(FinishReason.Stop, result.FinishReason);
    }

    internal static HybridModel Open(string backend)
    {
        if (backend == Backends.Cpu) { Inference.Tests.BackendExtensions.Open(Inference.Tests.Backend.Native2).Dispose(); }
        return HybridModel.Load(SharedData.Require("models", "stories260K.bin"), new HybridOptions { Backend = backend });
    }
}
