using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Rlhf.Tests;

public sealed class JsonLinesTests
{
    [Fact]
    public void Read_BlankLinesAndMark_CountsLinesAsAnEditorDoes()
    {
        IReadOnlyList<JsonLine> lines = Lines("\uFEFF{\"text\": \"a\"}\r\n\n  \n{\"text\": \"b\"}");
        Assert.Equal(["d.jsonl:1", "d.jsonl:4"], lines.Select(l => l.Origin));
        Assert.Equal("b", Assert.IsType<TextExample>(Example.Parse(lines[1])).Text);
    }

    [Theory]
    [InlineData("", "d.jsonl: found an empty file")]
    [InlineData("\n\n", "d.jsonl: found an empty file")]
    [InlineData("{\"text\": \"a\"}\n{\"text\": ", "d.jsonl:2: found invalid JSON")]
    [InlineData("[1]", "d.jsonl:1: found a JSON array")]
    [InlineData("{\"text\": \"a\"} {\"text\": \"b\"}", "d.jsonl:1: found invalid JSON")]
    public void Read_BadLine_NamesFileAndLine(string content, string message) =>
        Assert.StartsWith(message, Assert.Throws<InvalidInputException>(() => Lines(content)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_BytesThatAreNotUtf8_NamesTheLine()
    {
        byte[] bytes = [.. "{\"text\": \"a\"}\n{\"text\": \""u8, 0xC3, 0x28, .. "\"}"u8];
        InvalidInputException e = Assert.Throws<InvalidInputException>(() => JsonLines.Read(new MemoryStream(bytes), "d.jsonl"));
        Assert.StartsWith("d.jsonl:2: found bytes that are not UTF-8", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"foo\": 1}", "keys foo")]
    [InlineData("{\"text\": 1}", "\"text\" = 1")]
    [InlineData("{\"prompt\": \"a\", \"chosen\": \"b\"}", "no key \"rejected\"")]
    [InlineData("{\"messages\": []}", "\"messages\" = []")]
    [InlineData("{\"messages\": [{\"role\": \"user\"}]}", "no key \"content\"")]
    [InlineData("{\"messages\": [3]}", "\"messages[0]\" = 3")]
    [InlineData("{\"token_ids\": [1, -2]}", "\"token_ids\"[1] = -2")]
    [InlineData("{\"token_ids\": [1, 99999999999]}", "\"token_ids\"[1] = 99999999999")]
    [InlineData("{\"token_ids\": []}", "\"token_ids\" without ids")]
    [InlineData("{\"token_ids\": [1], \"prompt_length\": 2}", "\"prompt_length\" = 2")]
    [InlineData("{\"instruction\": \"a\"}", "no key \"output\"")]
    [InlineData("{\"chosen_token_ids\": [1]}", "chosen_token_ids alone")]
    public void Parse_BadExample_SaysWhatWasFound(string line, string found)
    {
        InvalidInputException e = Assert.Throws<InvalidInputException>(() => Example.Parse(Lines(line)[0]));
        Assert.StartsWith("d.jsonl:1", e.Message, StringComparison.Ordinal);
        Assert.Contains(found, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_EveryForm_IsToldByItsKeys()
    {
        Assert.Equal("c", Assert.IsType<PromptExample>(Parse("{\"prompt\": \"p\", \"completion\": \"c\"}")).Completion);
        Assert.Null(Assert.IsType<PromptExample>(Parse("{\"prompt\": \"p\"}")).Completion);
        Assert.Equal(0.5f, Assert.IsType<PreferenceExample>(Parse("{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\", \"margin\": 0.5}")).Margin);
        Assert.Equal("i\nx", Assert.IsType<InstructionExample>(Parse("{\"instruction\": \"i\", \"input\": \"x\", \"output\": \"o\"}")).Prompt);
        Assert.Equal("i", Assert.IsType<InstructionExample>(Parse("{\"instruction\": \"i\", \"input\": \"\", \"output\": \"o\"}")).Prompt);
        Assert.Equal(2, Assert.IsType<ChatExample>(Parse("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}")).Turns.Count);
        Assert.Equal(1, Assert.IsType<IdsExample>(Parse("{\"token_ids\": [5, 6], \"prompt_length\": 1}")).PromptLength);
        Assert.Equal([5, 7], Assert.IsType<PreferenceIdsExample>(Parse("{\"chosen_token_ids\": [5, 6], \"rejected_token_ids\": [5, 7]}")).Rejected);
    }

    [Fact]
    public void Read_FlippedBytes_GivesAnExampleOrOneClearError()
    {
        byte[] good = Encoding.UTF8.GetBytes("{\"prompt\": \"p\u00E9\", \"completion\": \"c\\u00e9\"}\n{\"token_ids\": [1, 2, 3], \"prompt_length\": 1}\n");
        SplitMix64 random = new(11);
        for (int i = 0; i < 3000; i++)
        {
            byte[] bad = (byte[])good.Clone();
            bad[random.Below(bad.Length)] ^= (byte)(1 << random.Below(8));
            byte[] cut = bad[..(random.Below(4) == 0 ? random.Below(bad.Length) : bad.Length)];
            try
            {
                foreach (JsonLine line in JsonLines.Read(new MemoryStream(cut), "d.jsonl")) { Example.Parse(line); }
            }
            catch (HybridEngineException e)
            {
                Assert.StartsWith("d.jsonl", e.Message, StringComparison.Ordinal);
            }
        }
    }

    private static Example Parse(string line) => Example.Parse(Lines(line)[0]);

    private static IReadOnlyList<JsonLine> Lines(string content) => JsonLines.Read(new MemoryStream(Encoding.UTF8.GetBytes(content)), "d.jsonl");
}
