using System.Globalization;
using System.Text.Json;
using HybridEngine.Models;
using HybridEngine.Testing;

namespace HybridEngine.Rlhf.Tests;

public sealed class PocketGeneratorTests
{
    private static readonly JsonElement Samples = JsonDocument.Parse(File.ReadAllText(RepoRoot.Golden("pocket", "samples.json"))).RootElement;

    [Fact]
    public void SplitMix64_Seed42_EqualsRecordedNumbers()
    {
        JsonElement e = Samples.GetProperty("first_numbers_seed_42");
        SplitMix64 random = new(42);
        for (int i = 0; i < 4; i++) { Assert.Equal(ulong.Parse(e[i].GetString()!, CultureInfo.InvariantCulture), random.Next()); }
        for (int i = 4; i < 8; i++) { Assert.Equal(e[i].GetInt32(), random.Below(1000)); }
        for (int i = 8; i < 12; i++) { Assert.Equal(e[i].GetDouble(), random.Unit()); }
    }

    [Fact]
    public void Draw_TestSplit_EqualsRecordedQuestions()
    {
        SplitMix64 random = new(999);
        foreach (JsonElement e in Samples.GetProperty("tests_seed_999").EnumerateArray())
        {
            Assert.Equal(new PocketTask(e.GetProperty("question").GetString()!, e.GetProperty("right").GetString()!, e.GetProperty("wrong").GetString()!), PocketTask.Draw(ref random, test: true));
        }
    }

    [Fact]
    public void Demonstrate_TrainSplit_EqualsRecordedTextsAndQualities()
    {
        SplitMix64 random = new(1000);
        foreach (JsonElement e in Samples.GetProperty("sft_seed_1000").EnumerateArray())
        {
            PocketTask task = PocketTask.Draw(ref random, test: false);
            string text = PocketLabeller.Demonstrate(ref random, task);
            Assert.Equal(e.GetProperty("question").GetString(), task.Question);
            Assert.Equal(e.GetProperty("demonstration").GetString(), text);
            Assert.Equal(e.GetProperty("quality").GetInt32(), PocketLabeller.Quality(task, text));
        }
    }

    [Theory]
    [InlineData("489.", 4)]
    [InlineData("Hmm, maybe 489?", 3)]
    [InlineData("984.", 2)]
    [InlineData("banana.", 2)]
    [InlineData("Hmm, maybe 984?", 1)]
    [InlineData("Who cares?", 0)]
    [InlineData("489", 0)]
    [InlineData("4 89.", 0)]
    [InlineData(".", 0)]
    [InlineData("Hmm, maybe ?", 0)]
    public void Quality_EachGrade_IsTold(string answer, int quality) => Assert.Equal(quality, PocketLabeller.Quality(new PocketTask("sort 984", "489", "984"), answer));

    [Fact]
    public void Draw_Splits_ShareNothingButSums()
    {
        HashSet<string> train = [.. PocketQuestions.Tasks(1, 20_000, test: false).Select(t => t.Question)];
        Assert.All(PocketQuestions.Tasks(2, 2_000, test: true).Where(t => !t.Question.Contains('+', StringComparison.Ordinal)), t => Assert.DoesNotContain(t.Question, train));
    }

    [Fact]
    public void Text_SpecialTokensInAnswer_NeverLooksRight()
    {
        Assert.Equal("ab", PocketVocabulary.Text(PocketVocabulary.Answer("ab")));
        Assert.Equal("a\\x04b", PocketVocabulary.Text(['a', PocketVocabulary.Assistant, 'b', PocketVocabulary.Eos, 'c']));
    }

    [Fact]
    public void Save_TokenizerFiles_GiveTheSameIdsAsTheVocabulary()
    {
        string folder = Directory.CreateTempSubdirectory("pocket").FullName;
        try
        {
            PocketVocabulary.Save(folder);
            Tokenizer tokenizer = Tokenizer.Load(folder);
            Assert.Equal(PocketVocabulary.Size, tokenizer.VocabularySize);
            Assert.Equal(PocketVocabulary.Eos, tokenizer.EosTokenId);
            foreach (PocketTask task in PocketQuestions.Tasks(5, 50, test: true))
            {
                int[] expected = [.. PocketVocabulary.Prompt(task.Question), .. PocketVocabulary.Answer($"Hmm, maybe {task.Right}?")];
                string text = $"<bos><human>{task.Question}<assistant>Hmm, maybe {task.Right}?<eos>";
                Assert.Equal(expected, tokenizer.Encode(text));
                Assert.Equal(text, tokenizer.Decode(expected));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Position_SetBack_RepeatsTheStream()
    {
        PocketDemonstrations stream = new(7);
        TrainingSequence[] first = [.. Enumerable.Range(0, 20).Select(_ => stream.Next())];
        stream.Position = 5;
        Assert.Equal(first[5].Ids, stream.Next().Ids);
        stream.Position = 19;
        Assert.Equal(first[19].Ids, stream.Next().Ids);
        Assert.Equal(20, stream.Position);
    }

    [Fact]
    public void Rank_FourAnswers_PairsOfDifferentQualityOnly()
    {
        Comparison c = PocketComparisons.Rank(new PocketTask("1+1", "2", "3"), [.. new[] { "2.", "3.", "3.", "Who cares?" }.Select(PocketVocabulary.Answer)]);
        Assert.Equal([(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)], c.Pairs.Select(p => (p.Chosen, p.Rejected)));
    }
}
