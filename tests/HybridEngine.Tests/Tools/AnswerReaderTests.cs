using HybridEngine.Testing;
using Microsoft.Extensions.AI;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>What an answer's text means, in every family's way of writing function calls, however it is cut into pieces.</summary>
public sealed class AnswerReaderTests
{
    // Marker of the template, the answer, and what it means: text, {reasoning}, name(arguments).
    public static TheoryData<string, string, string> Answers => new()
    {
        { "<tool_call>", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>", "f({\"x\":1})" },
        { "<tool_call>", "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": \"a</tool_call>\\\"}\"}}\n</tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>", "Let me see.|f({\"x\":\"a</tool_call>\\\"}\"})|g({})" },
        { "<tool_call>", "<tool_call>[{\"name\": \"f\", \"arguments\": {\"x\": [1, {\"y\": 2}]}}, {\"name\": \"g\"}]</tool_call>", "f({\"x\":[1,{\"y\":2}]})|g({})" },
        { "<tool_call>", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}", "f({\"x\":1})" },
        { "<tool_call>", "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"x\\\": 1}\"}</tool_call>", "f({\"x\":1})" },
        { "<tool_call>", "a <tool b <tool_cal", "a <tool b <tool_cal" },
        { "<tool_call>", "<tool_call> is how I call", "<tool_call> is how I call" },
        { "<tool_call>", "<tool_call>{\"name\": \"f\", \"argum", "<tool_call>{\"name\": \"f\", \"argum" },
        { "<tool_call>", "<tool_call>{\"x\": 1}</tool_call> no", "<tool_call>{\"x\": 1}</tool_call> no" },
        { "<tool_call></think>", "<think>\nhm, <tool_call>?\n</think>\n\nYes.<tool_call>{\"name\":\"f\"}</tool_call>", "{hm, <tool_call>?}|Yes.|f({})" },
        { "<tool_call></think>", "<think>never ends", "{never ends}" },
        { "[TOOL_CALLS]", "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"x\": 1}}, {\"name\": \"g\", \"arguments\": {}, \"id\": \"abcdefghi\"}]", "f({\"x\":1})|g({})" },
        { "[TOOL_CALLS]", "[TOOL_CALLS]f[ARGS]{\"x\": 1}[TOOL_CALLS]g[CALL_ID]123456789[ARGS]{}", "f({\"x\":1})|g({})" },
        { "[TOOL_CALLS]", "[TOOL_CALLS]nonsense", "[TOOL_CALLS]nonsense" },
        { "\"parameters\": ", "{\"name\": \"f\", \"parameters\": {\"x\": 1}}", "f({\"x\":1})" },
        { "\"parameters\": ", "<|python_tag|>{\"name\": \"f\", \"parameters\": {\"x\": 1}}; {\"name\": \"g\", \"parameters\": {}}", "f({\"x\":1})|g({})" },
        { "\"parameters\": ", "\n{\"name\": \"f\", \"parameters\": {}}\n{\"name\": \"g\", \"parameters\": {}}", "f({})|g({})" },
        { "\"parameters\": ", "{\"name\": \"Tom\", \"age\": 3} is a record", "{\"name\": \"Tom\", \"age\": 3} is a record" },
        { "\"parameters\": ", "{x} is a set", "{x} is a set" },
        { "<function=", "<function=f>{\"x\": 1}</function><function=g>{}</function>", "f({\"x\":1})|g({})" },
        { "functools", "Sure functools[{\"name\": \"f\", \"arguments\": {\"x\": 1}}, {\"name\": \"g\", \"arguments\": {}}]", "Sure|f({\"x\":1})|g({})" },
        { "<｜tool▁call▁begin｜>", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"x\": 1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "f({\"x\":1})|g({})" },
        { "<|START_ACTION|>", "<|START_ACTION|>[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"f\", \"parameters\": {\"x\": 1}},\n {\"tool_call_id\": \"1\", \"tool_name\": \"g\", \"parameters\": {}}\n]<|END_ACTION|>", "f({\"x\":1})|g({})" },
        { "<|tool_call|>", "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"x\": 1}}]<|/tool_call|>", "f({\"x\":1})" },
        { "'Action:", "Action: ```json\n[\n    {\n        \"tool_name\": \"f\",\n        \"parameters\": {\"x\": 1}\n    }\n]```", "f({\"x\":1})" },
        { ">>>", ">>>all\nHello.>>>f\n{\"x\": 1}>>>g\n{}", "Hello.|f({\"x\":1})|g({})" },
    };

    [Theory, MemberData(nameof(Answers))]
    public void Read_AnAnswerInAnyPieces_MeansTheSame(string template, string answer, string meaning)
    {
        ToolCallFormat format = ToolCallFormat.Of(template)!;
        bool thinks = template.Contains("</think>", StringComparison.Ordinal);
        Assert.Equal(meaning, Read(new AnswerReader(format, ["f", "g"], thinks, false), [answer]));
        Assert.Equal(meaning, Read(new AnswerReader(format, ["f", "g"], thinks, false), answer.Select(c => c.ToString())));
        for (int cut = 1; cut < answer.Length; cut++)
        {
            Assert.Equal(meaning, Read(new AnswerReader(format, ["f", "g"], thinks, false), [answer[..cut], answer[cut..]]));
        }
    }

    [Fact]
    public void Read_PromptThatOpenedReasoning_BeginsInside() =>
        Assert.Equal("{why}|so", Read(new AnswerReader(null, [], thinks: true, reasoning: true), ["why\n</th", "ink>\n\nso"]));

    [Fact]
    public void Read_NoToolsNorReasoning_PassesEverythingAtOnce()
    {
        AnswerReader reader = new(null, [], false, false);
        Assert.Equal("<tool_call>{ ", Assert.IsType<TextContent>(Assert.Single(reader.Add("<tool_call>{ "))).Text);
        Assert.Empty(reader.Finish());
    }

    [Fact]
    public void Read_TextBeforeAPossibleMarker_IsNotHeldBack()
    {
        AnswerReader reader = new(ToolCallFormat.Hermes, ["f"], false, false);
        Assert.Equal("one", Assert.IsType<TextContent>(Assert.Single(reader.Add("one <tool"))).Text);
        Assert.Equal(" <tools", Assert.IsType<TextContent>(Assert.Single(reader.Add("s"))).Text);
    }

    [Fact]
    public void Read_Calls_HaveDistinctIdsOfNineLettersAndDigits()
    {
        AnswerReader reader = new(ToolCallFormat.Hermes, ["f"], false, false);
        FunctionCallContent[] calls = [.. reader.Add("<tool_call>{\"name\":\"f\"}</tool_call><tool_call>{\"name\":\"f\"}</tool_call>").OfType<FunctionCallContent>()];
        Assert.Equal(2, calls.Select(c => c.CallId).Distinct().Count());
        Assert.All(calls, c => Assert.Matches("^[a-z0-9]{9}$", c.CallId));
    }

    // Whatever a model writes, the pieces in which it comes change nothing, nothing hangs, and nothing throws.
    [Theory]
    [InlineData("<tool_call></think>"), InlineData("[TOOL_CALLS]"), InlineData("\"parameters\": "), InlineData("<function="), InlineData("functools"), InlineData("<｜tool▁call▁begin｜>"), InlineData("'Action:"), InlineData(">>>")]
    public void Read_NonsenseOfMarkersAndJson_MeansTheSameInAnyPieces(string template)
    {
        TestRandom random = new();
        ToolCallFormat format = ToolCallFormat.Of(template)!;
        string[] parts = [.. format.Openings, format.Begin("f"), format.Write("g", "{\"x\": 1}"), "<think>", "</think>", "{", "}", "[", "]", "{}", "\"", "\\", "\"name\": \"f\"", ", ", "\"arguments\": ", ":", ";", "\n", " ", "x", "```", "all", ">", "<", "</tool_call>", "ü😀"];
        for (int round = 0; round < 300; round++)
        {
            string answer = string.Concat(Enumerable.Range(0, random.Integer(1, 12)).Select(_ => parts[random.Integer(0, parts.Length)]));
            bool reasoning = random.Integer(0, 4) == 0;
            AnswerReader open() => new(format, ["f", "g"], thinks: true, reasoning);
            string whole = Read(open(), [answer]), single = Read(open(), answer.Select(c => c.ToString()));
            int cut = random.Integer(0, answer.Length);
            Assert.True(whole == single && whole == Read(open(), [answer[..cut], answer[cut..]]), $"{random}: {System.Text.Json.JsonSerializer.Serialize(answer)} is '{whole}' or '{single}'");
        }
    }

    internal static string Read(AnswerReader reader, IEnumerable<string> pieces) => Describe(pieces.SelectMany(p => reader.Add(p)).ToList().Concat(reader.Finish()));

    internal static string Describe(IEnumerable<AIContent> contents)
    {
        List<string> parts = [];
        AIContent? last = null;
        foreach (AIContent content in contents)
        {
            string part = content switch
            {
                TextReasoningContent r => "{" + r.Text + "}",
                TextContent t => t.Text,
                FunctionCallContent c => $"{c.Name}({TemplateMessages.Arguments(c).Replace(": ", ":", StringComparison.Ordinal).Replace(", ", ",", StringComparison.Ordinal)})",
                _ => content.ToString()!,
            };
            // Pieces of the same kind belong together.
            if (last is TextReasoningContent && content is TextReasoningContent) { parts[^1] = parts[^1][..^1] + part[1..]; }
            else if (last is TextContent && content is TextContent) { parts[^1] += part; }
            else { parts.Add(part); }
            last = content;
        }

        return string.Join('|', parts);
    }
}
