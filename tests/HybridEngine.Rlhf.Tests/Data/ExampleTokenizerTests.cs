using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;

namespace HybridEngine.Rlhf.Tests;

/// <summary>Lines of data as tokens, with the recorded Llama-3 style tokenizer and its chat template.</summary>
public sealed class ExampleTokenizerTests
{
    private static readonly Tokenizer Tokenizer = Tokenizer.Load(RepoRoot.Golden("tokenizers", "llama3"));

    private static readonly DecoderConfig Config = new()
    {
        Family = "llama", VocabularySize = Tokenizer.VocabularySize, HiddenSize = 8, EmbeddingSize = 8, Layers = 1, QueryHeads = 1, KeyHeads = 1, HeadSize = 8, IntermediateSize = 8,
        Norm = new NormOptions(NormKind.Rms, 1e-5f), Activation = ActivationKind.Silu, MaxPositions = 512, AttentionScale = 1,
    };

    private static ExampleTokenizer Make(string chat = "auto", int maxLength = 0) => new(Tokenizer, Config, chat, maxLength);

    private static Example Line(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return Example.Parse(new JsonLine("data.jsonl:1", document.RootElement.Clone()));
    }

    private static string Learned(TrainingSequence s) => Tokenizer.Decode([.. s.Ids.Where((_, i) => s.Learned[i])]);

    [Fact]
    public void Sequence_PromptAndCompletion_LearnsTheCompletionAndItsEnd()
    {
        TrainingSequence s = Make().Sequence(Line("""{"prompt": "To be or", "completion": " not to be"}"""))!;
        Assert.Equal([.. Tokenizer.Encode("To be or"), .. Tokenizer.Encode(" not to be", addSpecialTokens: false), Tokenizer.EosTokenId!.Value], s.Ids);
        Assert.Equal(" not to be" + Tokenizer.IdToToken(Tokenizer.EosTokenId!.Value), Learned(s));
    }

    [Fact]
    public void Sequence_Messages_LearnsEveryAssistantTurnAndNothingElse()
    {
        const string json = """{"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "first answer"}, {"role": "user", "content": "two"}, {"role": "assistant", "content": "second answer"}]}""";
        TrainingSequence s = Make().Sequence(Line(json))!;
        string whole = Tokenizer.ChatTemplate!.Render([new("user", "one"), new("assistant", "first answer"), new("user", "two"), new("assistant", "second answer")], addGenerationPrompt: false);
        Assert.Equal(whole, Tokenizer.Decode(s.Ids));
        string learned = Learned(s);
        Assert.Contains("first answer", learned, StringComparison.Ordinal);
        Assert.Contains("second answer", learned, StringComparison.Ordinal);
        Assert.DoesNotContain("one", learned, StringComparison.Ordinal);
        Assert.DoesNotContain("two", learned, StringComparison.Ordinal);
        // The end of each turn is learned too, or the model would never stop.
        Assert.Equal(2, s.Ids.Where((id, i) => s.Learned[i] && id == Tokenizer.EosTokenId).Count());
    }

    [Fact]
    public void Sequence_LearnPrompts_LearnsAllButTheFirst()
    {
        TrainingSequence s = Make().Sequence(Line("""{"prompt": "a b", "completion": " c"}"""), learnPrompts: true)!;
        Assert.Equal(s.Ids.Length - 1, s.LearnedTokens);
    }

    [Fact]
    public void Sequence_BeyondTheCap_IsCutAtTheEnd_AndDroppedWhenNothingIsLeftToLearn()
    {
        Example line = Line("""{"prompt": "To be or", "completion": " not to be that is the question"}""");
        int[] whole = Make().Sequence(line)!.Ids;
        int prompt = Tokenizer.Encode("To be or").Length;
        Assert.Equal(whole[..(prompt + 2)], Make(maxLength: prompt + 2).Sequence(line)!.Ids);
        Assert.Null(Make(maxLength: prompt).Sequence(line));
    }

    [Fact]
    public void Prompt_TooLong_KeepsItsEndAndLeavesRoom()
    {
        int[] ids = Tokenizer.Encode("one two three four five six seven");
        RolloutPrompt p = Make(maxLength: ids.Length).Prompt(Line("""{"prompt": "one two three four five six seven"}"""), newTokens: 4);
        Assert.Equal(ids[4..], p.Ids);
    }

    [Fact]
    public void Prompt_OfAConversation_EndsWhereTheAssistantAnswers()
    {
        RolloutPrompt p = Make().Prompt(Line("""{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "known answer"}]}"""), 8);
        Assert.Equal(Tokenizer.Encode(Tokenizer.ChatTemplate!.Render([new("user", "hi")], addGenerationPrompt: true), addSpecialTokens: false), p.Ids);
    }

    [Fact]
    public void Pair_SharesThePrompt_AndIsDroppedWhenTheAnswersAreEqual()
    {
        Comparison pair = Make().Pair(Line("""{"prompt": "Which?", "chosen": " this", "rejected": " that"}"""))!;
        int[] prompt = Tokenizer.Encode("Which?");
        Assert.All(pair.Answers, a => Assert.Equal(prompt, a[..prompt.Length]));
        Assert.NotEqual(pair.Answers[0], pair.Answers[1]);
        Assert.Null(Make().Pair(Line("""{"prompt": "Which?", "chosen": " same", "rejected": " same"}""")));
    }

    [Theory]
    [InlineData("""{"token_ids": [1, 999999], "prompt_length": 1}""", "999999")]
    [InlineData("""{"messages": [{"role": "user", "content": "alone"}]}""", "assistant")]
    [InlineData("""{"prompt": "no completion"}""", "completion")]
    public void Sequence_UnusableLine_NamesFileLineAndFault(string json, string named)
    {
        InvalidInputException e = Assert.Throws<InvalidInputException>(() => Make().Sequence(Line(json)));
        Assert.Contains("data.jsonl:1", e.Message, StringComparison.Ordinal);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }
}
