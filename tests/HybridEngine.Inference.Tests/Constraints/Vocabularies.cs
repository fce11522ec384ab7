using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Testing;

namespace HybridEngine.Inference.Tests.Constraints;

/// <summary>Vocabularies that constraints are tried on.</summary>
internal static class Vocabularies
{
    /// <summary>Every byte, and random stretches of what constrained texts are made of, so that tokens cross boundaries; the last id ends a text.</summary>
    public static ConstraintVocabulary Random(TestRandom random)
    {
        string[] pieces = ["{", "}", "[", "]", "\"", ":", ",", " ", "\n", "true", "false", "null", "-", "0", "12", ".5", "e", "name", "a", "b", "é", "ü", "日本", "😀", "\\", "u00", "\\n", "(", ")", "+", "*", "x"];
        var tokens = new List<byte[]>(Enumerable.Range(0, 256).Select(value => new[] { (byte)value }));
        for (int i = 0; i < 400; i++)
        {
            byte[] text = System.Text.Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Integer(1, 5)).Select(_ => pieces[random.Integer(0, pieces.Length)])));
            int from = random.Integer(0, Math.Min(3, text.Length));
            tokens.Add(text[from..Math.Max(from + 1, text.Length - random.Integer(0, 3))]);
        }

        tokens.Add([]);
        return ConstraintVocabulary.FromBytes(tokens, [tokens.Count - 1]);
    }

    public static (ConstraintVocabulary Vocabulary, Tokenizer Tokenizer) SmolLm2()
    {
        using ModelFiles model = ModelFiles.Open(SharedData.Require("models", "SmolLM2-135M-Instruct.Q4_1.gguf"));
        Tokenizer tokenizer = model.LoadTokenizer()!;
        return (ConstraintVocabulary.FromTokenizer(tokenizer, EndTokens(tokenizer)), tokenizer);
    }

    /// <summary>Byte fallback, and a space that the first token loses.</summary>
    public static (ConstraintVocabulary Vocabulary, Tokenizer Tokenizer) Llama2()
    {
        Tokenizer tokenizer = Tokenizer.Load(RepoRoot.Golden("tokenizers", "llama2"));
        return (ConstraintVocabulary.FromTokenizer(tokenizer, EndTokens(tokenizer)), tokenizer);
    }

    private static IReadOnlyList<int> EndTokens(Tokenizer tokenizer) =>
        tokenizer.EndTokenIds.Count > 0 ? tokenizer.EndTokenIds : [Enumerable.Range(0, tokenizer.VocabularySize).First(tokenizer.IsSpecial)];
}
