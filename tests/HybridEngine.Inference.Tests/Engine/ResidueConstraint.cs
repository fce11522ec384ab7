namespace HybridEngine.Inference.Tests;

/// <summary>A language for tests: the sum of the ids so far decides which ids may follow; complete from <paramref name="least"/> tokens on, at its end after <paramref name="most"/>.</summary>
internal sealed class ResidueConstraint(int vocabulary, int end, int least, int most) : TokenConstraint(vocabulary)
{
    public override ConstraintState Start() => new State(this, 0, 0);

    private sealed class State(ResidueConstraint language, int sum, int count) : ConstraintState
    {
        private int _sum = sum, _count = count;

        public override ReadOnlySpan<uint> AllowedTokens
        {
            get
            {
                uint[] words = new uint[(language.VocabularySize + 31) / 32];
                for (int id = 0; id < language.VocabularySize; id++)
                {
                    if (Allows(id)) { words[id / 32] |= 1u << (id % 32); }
                }

                return words;
            }
        }

        public override bool IsComplete => _count >= Least;

        public override bool MustEnd => _count == Most;

        private int Least => language.Range.Least;

        private int Most => language.Range.Most;

        public override void Accept(int token)
        {
            if (!Allows(token)) { throw new InvalidOperationException($"token {token} is not allowed after {_count}"); }
            _sum += token;
            _count++;
        }

        public override ConstraintState Clone() => new State(language, _sum, _count);

        private bool Allows(int id) => id == language.Range.End ? IsComplete : !MustEnd && (id + _sum) % 3 != 0;
    }

    private (int End, int Least, int Most) Range { get; } = (end, least, most);
}
