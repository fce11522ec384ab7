using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

public sealed class ChatTemplateTests
{
    private const string ChatMl = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    [Fact]
    public void Render_ChatMl_OpensTheAnswer()
    {
        string text = new ChatTemplate(ChatMl).Render([new ChatMessage("user", "Hi {{ x }}"), new ChatMessage("assistant", "Yo")]);
        Assert.Equal("<|im_start|>user\nHi {{ x }}<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>assistant\n", text);
    }

    [SkippableFact]
    public void Render_SmolLM2_AddsItsSystemMessage()
    {
        Tokenizer tokenizer = GgufGoldenTests.SmolLM2();
        string text = tokenizer.ChatTemplate!.Render([new ChatMessage("user", "Hi")]);
        Assert.Equal("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", text);
        Assert.Equal(tokenizer.BosTokenId, tokenizer.Encode(text, addSpecialTokens: false)[0]);
    }

    [Fact]
    public void Render_SpecialTokensAndExtraVariables_AreSeen()
    {
        var template = new ChatTemplate("{{ bos_token }}{{ custom.a[1] }}{{ strftime_now('%Y') }}{{ tools is none }}", new Dictionary<string, string> { ["bos_token"] = "<s>" });
        Assert.Equal("<s>2todayTrue", template.Render(JsonElement.Parse("""{"messages": [], "custom": {"a": [1, 2]}, "strftime_now": "today"}""")));
    }

    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{{ 'x' * 1000 }}{% endfor %}{% endfor %}")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")]
    [InlineData("{{ 'a' * 10 ** 12 }}")]
    [InlineData("{{ 9 ** (9 ** 9) }}")]
    [InlineData("{{ [0] * 1000000000 }}")]
    [InlineData("{{ range(10 ** 12) | list }}")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for a in range(100000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(l=[1]) %}{% for a in range(100000) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}")]
    [InlineData("{% set x = 'a' * 1000000 %}{{ range(100000) | join(x) }}")]
    [InlineData("{% set x = 'a' * 4000000 %}{{ x | replace('', x) }}")]
    [InlineData("{% set x = '<' * 4000000 %}{% for i in range(100000) %}{% set y = x | striptags %}{% endfor %}")]
    [InlineData("{{ '%s' * 100000 % 1 }}")]
    [InlineData("{{ '{:99999999}'.format(1) }}")]
    [InlineData("{% include '/etc/passwd' %}")]
    [InlineData("{{ ''.__class__.__mro__ }}")]
    [InlineData("{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}")]
    [InlineData("{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ [ns.a, ns.b] | sort }}")]
    [InlineData("{% set x = ['x' * 4000000] * 100000 %}{{ x | map('upper') | list | length }}")]
    [InlineData("{% set x = ['x' * 4000000] * 100000 %}{{ x | sort | length }}")]
    [InlineData("{% set x = ['x' * 4000000] * 100000 %}{{ x | unique | list | length }}")]
    [InlineData("{% set x = 'a' * 2000000 %}{% set y = x + x %}{% for i in range(100000) %}{{ (x + 'b' + x)[0] }}{{ y.find(x + 'ba') }}{% endfor %}")]
    [InlineData("{% set x = ('a' * 4000000) | safe %}{% for i in range(100000) %}{% set y = x.upper() %}{% endfor %}")]
    [InlineData("{{ ('a ' * 20000) | wordwrap(4000000) | wordwrap(1, wrapstring='b' * 1000) }}")]
    [InlineData("{% for a in range(100000) %}{{ 99999 in range(100000) }}{% endfor %}")]
    [InlineData("{% set ns = namespace(n=1) %}{% for a in range(100000) %}{% set ns.n = ns.n + ns.n %}{% endfor %}")]
    [InlineData("{% set n = 3 ** 20000 %}{% for a in range(100000) %}{% set m = n * n %}{% endfor %}")]
    [InlineData("{% set n = '9' * 3999 %}{% for a in range(100000) %}{% set m = n | int %}{% endfor %}")]
    [InlineData("{% set ns = namespace(l=[]) %}{% for a in range(100000) %}{% set ns.l = ns.l + [a] %}{% endfor %}")]
    [InlineData("{{ range(100000) | map('string') | batch(1) | sum(start=[]) }}")]
    [InlineData("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(100) }}")]
    [InlineData("{% set d = dict(range(100000) | map('string') | map('list') | list) %}")]
    [InlineData("{{ 0o }}")]
    [InlineData("{{ 0b2 }}")]
    public void Render_HostileTemplate_EndsWithAnError(string source)
    {
        // Without the bounds these run for hours or fill the memory.
        Assert.ThrowsAny<HybridEngineException>(() => new ChatTemplate(source).Render([]));
    }

    [Theory]
    [InlineData('(', ')')]
    [InlineData('[', ']')]
    public void Render_DeepNesting_EndsWithAnError(char open, char close)
    {
        string source = "{{ " + new string(open, 100_000) + new string(close, 100_000) + " }}";
        Assert.Throws<TemplateException>(() => new ChatTemplate(source).Render([]));
        Assert.Throws<TemplateException>(() => new ChatTemplate("{{ " + new string('-', 100_000) + "1 }}").Render([]));
        Assert.Throws<TemplateException>(() => new ChatTemplate(string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000))).Render([]));
    }

    [Fact]
    public void Render_HalfASurrogatePair_IsAnErrorOfTheInput() =>
        Assert.Throws<InvalidInputException>(() => new ChatTemplate("{{ x }}").Render(JsonElement.Parse("""{"x": "a\ud800b"}""")));

    [Fact]
    public void Render_BrokenTemplates_OnlyTemplateErrors()
    {
        string[] sources = [.. File.ReadLines(RepoRoot.Golden("chat_templates", "jinja_features.jsonl")).Select(line => JsonElement.Parse(line).GetProperty("source").GetString()!)];
        const int seed = 20261122;
        var random = new Random(seed);
        for (int round = 0; round < 3000; round++)
        {
            char[] broken = sources[random.Next(sources.Length)].ToCharArray();
            for (int i = random.Next(1, 4); i > 0; i--) broken[random.Next(broken.Length)] = "{}%#()[]'\"|.,-+*/~ 0aé"[random.Next(22)];
            string source = new(broken, 0, random.Next(3) == 0 ? random.Next(broken.Length) : broken.Length);
            try
            {
                new ChatTemplate(source).Render([new ChatMessage("user", "x")]);
            }
            catch (HybridEngineException)
            {
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {seed}, round {round}: {source}\n{error}");
            }
        }
    }
}
