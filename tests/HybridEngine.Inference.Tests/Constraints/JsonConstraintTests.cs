using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests.Constraints;

public class JsonConstraintTests
{
    private static readonly string[] Schemas =
    [
        """{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":8},"age":{"type":"integer","minimum":0,"maximum":150},"tags":{"type":"array","items":{"enum":["a","b",7,null]},"maxItems":3}},"required":["name","age"],"additionalProperties":false}""",
        """{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"value":{"type":"number"},"children":{"type":"array","items":{"$ref":"#/$defs/tree"},"maxItems":2}},"required":["value"],"additionalProperties":false}}}""",
        """{"oneOf":[{"properties":{"kind":{"const":"circle"},"radius":{"type":"number","exclusiveMinimum":0}},"required":["kind","radius"],"additionalProperties":false},{"properties":{"kind":{"const":"box"},"width":{"type":"integer"},"height":{"type":"integer","multipleOf":5}},"required":["kind","width"],"additionalProperties":false}],"type":"object"}""",
        """{"type":"array","prefixItems":[{"type":"boolean"},{"type":"string","pattern":"^[a-f]+-\\d{2}$"}],"items":{"type":"integer","minimum":-3,"maximum":3},"minItems":2,"maxItems":5}""",
        """{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":10},"b":{"type":"string","maxLength":3}},"minProperties":1,"maxProperties":2}],"type":"object","propertyNames":{"pattern":"^[a-z]{1,3}$"}}""",
        """{"type":"object","patternProperties":{"^n_":{"type":"integer"}},"additionalProperties":{"type":"boolean"},"dependentRequired":{"n_a":["n_b"]}}""",
        """{"type":"array","contains":{"const":1},"minContains":1,"maxContains":2,"items":{"type":"integer","minimum":0,"maximum":2},"maxItems":5}""",
        """{"anyOf":[{"type":"string","format":"date"},{"type":"null"},{"type":"string","format":"ipv4"}]}""",
        """{"type":"object"}""",
        """{"not":{"type":["object","array","string"]}}""",
        """{"if":{"type":"integer"},"then":{"minimum":5},"else":{"type":"string","maxLength":4}}""",
        """{"type":"number","minimum":-1.25,"exclusiveMaximum":1000.5}""",
    ];

    [Fact]
    public void Compile_RandomWalks_GiveTextsThatParseAndValidate()
    {
        TestRandom random = new();
        ConstraintVocabulary vocabulary = Vocabularies.Random(random);
        foreach (string schema in Schemas) { Walk(schema, vocabulary, null, random, walks: 12, longest: 60); }
    }

    [SkippableTheory]
    [InlineData("smollm2")]
    [InlineData("llama2")]
    public void Compile_RealVocabulary_GivesTextsThatParseAndValidate(string name)
    {
        (ConstraintVocabulary vocabulary, Tokenizer tokenizer) = name == "smollm2" ? Vocabularies.SmolLm2() : Vocabularies.Llama2();
        TestRandom random = new();
        foreach (string schema in Schemas) { Walk(schema, vocabulary, tokenizer, random, walks: 2, longest: 25); }
    }

    private static void Walk(string schema, ConstraintVocabulary vocabulary, Tokenizer? tokenizer, TestRandom random, int walks, int longest)
    {
        TokenConstraint constraint = TextConstraint.JsonSchema(schema).Compile(vocabulary);
        using JsonDocument document = JsonDocument.Parse(schema);
        for (int walk = 0; walk < walks; walk++)
        {
            string text = RandomWalk.Text(vocabulary, tokenizer, RandomWalk.Draw(constraint, vocabulary.EndTokens, random, longest));
            using JsonDocument parsed = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 1000 });
            Assert.True(SchemaValidator.IsValid(document.RootElement, document.RootElement, parsed.RootElement), $"{schema}\ngave {text}, {random}");
        }
    }

    [Theory]
    [InlineData("""{"uniqueItems":true}""", "uniqueItems")]
    [InlineData("""{"properties":{"a":{"format":"uri-template"}}}""", "format 'uri-template'")]
    [InlineData("""{"$ref":"https://example.com/other.json"}""", "$ref")]
    [InlineData("""{"pattern":"(?=a)b"}""", "look-ahead")]
    [InlineData("""{"pattern":"(a|b)*a(a|b){40}"}""", "pattern")]
    [InlineData("""{"anyOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}""", "unevaluatedProperties")]
    [InlineData("""{"multipleOf":123456789}""", "multipleOf")]
    [InlineData("""{"type":"array","minItems":100000000}""", "minItems")]
    [InlineData("""{"type":"string","maxLength":100000000}""", "maxLength")]
    public void JsonSchema_WhatIsNotSupported_IsRefusedByName(string schema, string keyword) =>
        Assert.Contains(keyword, Assert.Throws<UnsupportedException>(() => TextConstraint.JsonSchema(schema)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"type\":\"text\"}")]
    [InlineData("{\"type\":5}")]
    [InlineData("{\"minimum\":\"5\"}")]
    [InlineData("{\"minLength\":-1}")]
    [InlineData("{\"required\":\"a\"}")]
    [InlineData("{\"properties\":[]}")]
    [InlineData("{\"properties\":{\"a\":5}}")]
    [InlineData("{\"anyOf\":5}")]
    [InlineData("{\"$ref\":\"#/nowhere\"}")]
    [InlineData("{\"$ref\":\"#\"}")]
    [InlineData("{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#\"}]}}}")]
    [InlineData("{\"pattern\":\"(\"}")]
    [InlineData("{\"multipleOf\":0}")]
    public void JsonSchema_NotASchema_IsRefusedInOneLine(string schema) =>
        Assert.StartsWith("json_schema", Assert.Throws<InvalidInputException>(() => TextConstraint.JsonSchema(schema)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("false")]
    [InlineData("""{"enum":[]}""")]
    [InlineData("""{"type":"object","required":["a"],"properties":{"a":false}}""")]
    [InlineData("""{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","required":["a"],"properties":{"a":{"$ref":"#/$defs/a"}}}}}""")]
    [InlineData("""{"type":"array","items":{"$ref":"#"},"minItems":1}""")]
    [InlineData("""{"type":"string","minLength":3,"maxLength":2}""")]
    public void Compile_NoTextSatisfies_IsRefused(string schema)
    {
        TextConstraint constraint = TextConstraint.JsonSchema(schema);
        Assert.Contains("no text satisfies", Assert.Throws<InvalidInputException>(() => constraint.Compile(Vocabularies.Random(new TestRandom()))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"caf\\u00e9\"", true)]
    [InlineData("\"caf\\u00E9\"", true)]
    [InlineData("\"café\"", true)]
    [InlineData("\"cafe\"", false)]
    [InlineData("\"c\\u0061fé\"", false)]
    [InlineData("\"\\ud83d\\ude00\"", true)]
    [InlineData("\"😀\"", true)]
    [InlineData("\"\\ud83d\"", false)]
    [InlineData("\"\\ude00\"", false)]
    [InlineData("\"\\/\\n\\\"\"", true)]
    [InlineData("\"/\n\\\"\"", false)]
    public void Accepts_Escapes_StandForTheirCharacters(string text, bool accepted) =>
        Assert.Equal(accepted, TextConstraint.JsonSchema("""{"enum":["café","😀","/\n\""]}""").Accepts(text));

    [Theory]
    [InlineData("{\n  \"a\": [\n    1\n  ]\n}", true)]
    [InlineData("{ \"a\" : 1 }", false)]
    [InlineData("{\"a\":1,}", false)]
    [InlineData("{\"a\":01}", false)]
    [InlineData("{\"a\":1e5}", true)]
    [InlineData("{\"a\":.5}", false)]
    [InlineData("[1]", false)]
    [InlineData("{\"a\":{\"b\":[{},[],\"\",-0.5E-3,true,null]}}", true)]
    public void JsonObject_Text_AcceptedWhereItIsAnObject(string text, bool accepted) => Assert.Equal(accepted, TextConstraint.JsonObject().Accepts(text));

    [Fact]
    public void JsonSchema_DamagedSchemas_AreRefusedInOneLineOrCompiled()
    {
        const int Seed = 20261122;
        TestRandom random = new(Seed);
        for (int round = 0; round < 400; round++)
        {
            char[] text = Schemas[random.Integer(0, Schemas.Length)].ToCharArray();
            for (int change = random.Integer(1, 4); change > 0; change--) { text[random.Integer(0, text.Length)] = "{}[]\":,0159ae\\$#*?+()|"[random.Integer(0, 22)]; }
            try
            {
                TextConstraint.JsonSchema(new string(text)).Accepts("{\"a\": 1}");
            }
            catch (HybridEngineException error)
            {
                Assert.DoesNotContain('\n', error.Message);
            }
        }
    }
}
