using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests.Constraints;

/// <summary>Random completions inside the masks: what a model of no sense would write.</summary>
internal static class RandomWalk
{
    /// <summary>Draws tokens until an end token. What is not at its end in time is completed on the shortest way, byte by byte, so every prefix is shown to have an end.</summary>
    /// <param name="end">Chance to stop wherever that is allowed.</param>
    public static (int[] Tokens, byte[] Tail) Draw(TokenConstraint constraint, IReadOnlyList<int> endTokens, TestRandom random, int longest, double end = 0.3)
    {
        ConstraintState state = constraint.Start();
        var tokens = new List<int>();
        for (int step = 0; step < longest; step++)
        {
            ReadOnlySpan<uint> mask = state.AllowedTokens;
            List<int> allowed = Allowed(mask);
            Assert.True(allowed.Count > 0, $"nothing may follow [{string.Join(',', tokens)}], {random}");
            Assert.Equal(state.IsComplete, endTokens.Any(allowed.Contains));
            bool onlyEnd = allowed.All(endTokens.Contains);
            Assert.Equal(state.MustEnd, onlyEnd);
            if (onlyEnd || (state.IsComplete && random.Integer(0, 1000) < 1000 * end)) { return ([.. tokens], []); }
            int token = allowed[random.Integer(0, allowed.Count)];
            state.Accept(token);
            if (!endTokens.Contains(token)) { tokens.Add(token); }
            else { return ([.. tokens], []); }
        }

        return ([.. tokens], Completion(((MaskedConstraint)constraint).Recognizer, ((MaskedConstraint.State)state).Position, random));
    }

    /// <summary>Bytes that complete a text, looked for where the fewest rules are open.</summary>
    private static byte[] Completion(Recognizer recognizer, RecognizerState from, TestRandom random)
    {
        const int Most = 30_000;
        var depths = new Dictionary<Continuation, int>();
        int Depth(Continuation up) => depths.TryGetValue(up, out int known) ? known : depths[up] = up.Items.Length == 0 ? 0 : 1 + up.Items.Min(item => Depth(item.Up));
        var found = new Dictionary<RecognizerState, (RecognizerState From, byte Value, int Length)> { [from] = default };
        var open = new PriorityQueue<RecognizerState, int>();
        open.Enqueue(from, 0);
        while (open.TryDequeue(out RecognizerState? state, out _))
        {
            if (state.IsAccepting)
            {
                var bytes = new List<byte>();
                for (; !ReferenceEquals(state, from); state = found[state].From) { bytes.Insert(0, found[state].Value); }
                return [.. bytes];
            }

            int length = found[state].Length + 1;
            for (int value = 0; value < 256; value++)
            {
                RecognizerState next = recognizer.Step(state, (byte)value);
                if (ReferenceEquals(next, RecognizerState.Dead) || !found.TryAdd(next, (state, (byte)value, length))) { continue; }
                open.Enqueue(next, length + (next.IsAccepting ? 0 : 10 * next.Items.Min(item => Depth(item.Up))));
            }

            Assert.True(found.Count < Most, $"no short completion, {random}");
        }

        Assert.Fail($"a prefix without completion, {random}");
        return [];
    }

    public static List<int> Allowed(ReadOnlySpan<uint> mask)
    {
        var allowed = new List<int>();
        for (int word = 0; word < mask.Length; word++)
        {
            for (uint bits = mask[word]; bits != 0; bits &= bits - 1) { allowed.Add(word * 32 + System.Numerics.BitOperations.TrailingZeroCount(bits)); }
        }

        return allowed;
    }

    /// <summary>The text of a drawn completion.</summary>
    public static string Text(ConstraintVocabulary vocabulary, Tokenizer? tokenizer, (int[] Tokens, byte[] Tail) drawn)
    {
        var bytes = new List<byte>();
        for (int i = 0; i < drawn.Tokens.Length; i++) { bytes.AddRange(vocabulary.Bytes(drawn.Tokens[i], i == 0)); }
        // The tokenizer's own decoding is the judge of what the tokens say; a character may be cut at the end of a walk.
        if (tokenizer is not null && drawn.Tail.Length == 0) { return tokenizer.Decode(drawn.Tokens, skipSpecialTokens: true); }
        return new System.Text.UTF8Encoding(false, true).GetString([.. bytes, .. drawn.Tail]);
    }
}
