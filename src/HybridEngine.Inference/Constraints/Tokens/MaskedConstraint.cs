using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>A language for one vocabulary: masks are found by walking all tokens once through a state, and kept with it for whoever comes there next.</summary>
internal sealed class MaskedConstraint : TokenConstraint
{
    private readonly ConstraintVocabulary _vocabulary;

    public MaskedConstraint(Recognizer recognizer, ConstraintVocabulary vocabulary) : base(vocabulary.Size) => (Recognizer, _vocabulary) = (recognizer, vocabulary);

    public Recognizer Recognizer { get; }

    public override ConstraintState Start() => new State(this, Recognizer.Start, isFirst: true);

    private uint[] Mask(RecognizerState state, bool isFirst)
    {
        // The first token may read differently, so that its mask is not the one to keep; it is wanted once a request.
        bool keep = !isFirst || ReferenceEquals(_vocabulary.Trie, _vocabulary.FirstTrie);
        if (keep && state.Mask is { } known) { return known; }
        if (!keep && state.FirstMask is { } knownFirst) { return knownFirst; }
        uint[] mask = (isFirst ? _vocabulary.FirstTrie : _vocabulary.Trie).Allowed(Recognizer, state);
        if (state.IsAccepting)
        {
            foreach (int id in _vocabulary.EndTokens) { mask[id >> 5] |= 1u << (id & 31); }
        }

        if (keep) { state.Mask = mask; }
        else { state.FirstMask = mask; }
        Recognizer.Charge(mask.Length * sizeof(uint));
        return mask;
    }

    public sealed class State(MaskedConstraint owner, RecognizerState state, bool isFirst, bool ended = false) : ConstraintState
    {
        private RecognizerState _state = state;
        private bool _isFirst = isFirst;
        private bool _ended = ended;

        public RecognizerState Position => _state;

        public override ReadOnlySpan<uint> AllowedTokens => owner.Mask(_state, _isFirst);

        public override bool IsComplete => _state.IsAccepting;

        public override bool MustEnd => _ended || _state.MustEnd;

        public override void Accept(int token)
        {
            if ((uint)token >= (uint)owner.VocabularySize || _ended) { throw NotAllowed(token); }
            if (_state.IsAccepting && owner._vocabulary.EndTokens.Contains(token))
            {
                _ended = true;
                return;
            }

            ReadOnlySpan<byte> bytes = owner._vocabulary.Bytes(token, _isFirst);
            RecognizerState next = bytes.IsEmpty ? RecognizerState.Dead : owner.Recognizer.Step(_state, bytes);
            if (ReferenceEquals(next, RecognizerState.Dead)) { throw NotAllowed(token); }
            (_state, _isFirst) = (next, false);
        }

        public override ConstraintState Clone() => new State(owner, _state, _isFirst, _ended);

        private InvalidInputException NotAllowed(int token) =>
            new("constraint", $"token {token.ToString(CultureInfo.InvariantCulture)}", _ended ? "nothing after an end token" : "one of the allowed tokens");
    }
}
