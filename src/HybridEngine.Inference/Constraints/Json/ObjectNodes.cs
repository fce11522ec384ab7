namespace HybridEngine.Inference;

/// <summary>The nodes of an object: its members in any order, each named one at most once. Places are made as texts come to them, since there are as many as there are sets of members.</summary>
internal sealed class ObjectNodes
{
    // Beyond this, places are made anew rather than remembered; equal ones are then followed twice.
    private const int MostRemembered = 4096;

    private readonly JsonText _text;
    private readonly ObjectPlan _plan;
    private readonly Rule[] _names;
    private readonly int _counted;
    private readonly Dictionary<Place, Node> _places = [];

    public ObjectNodes(JsonText text, ObjectPlan plan)
    {
        (_text, _plan) = (text, plan);
        _names = [.. plan.Members.Select(member => text.Name(member.Names))];
        _counted = plan.Max != int.MaxValue ? plan.Max : plan.Min;
    }

    /// <summary>After the opening brace.</summary>
    public Node First => new(node =>
    {
        Place start = new(new Bits(new ulong[(_plan.Members.Count + 63) / 64]), 0, 0);
        AddMembers(node, start);
        if (MayEnd(start)) { node.Add(_text.Closing('}')); }
    });

    private void AddMembers(Node node, Place place)
    {
        for (int i = 0; i < _plan.Members.Count; i++)
        {
            ObjectPlan.Member member = _plan.Members[i];
            if (member.Name is not null && place.Seen[i]) { continue; }
            for (int bits = 0; bits < member.Values.Length; bits++)
            {
                if (member.Values[bits] < 0 || (bits & place.Witnessed) != 0) { continue; }
                var next = new Place(member.Name is null ? place.Seen : place.Seen.With(i), Math.Min(place.Count + 1, _counted), place.Witnessed | bits);
                if (place.Count == _plan.Max || !CanFinish(next)) { continue; }
                Node colon = new();
                Node value = new();
                value.Add(_text.Value(member.Values[bits]), After(next));
                colon.Add((byte)':', (byte)':', _text.Space(value));
                node.Add(_names[i], colon);
            }
        }
    }

    private Node After(Place place)
    {
        if (_places.TryGetValue(place, out Node? known)) { return known; }
        if (_places.Count >= MostRemembered) { _places.Clear(); }
        return _places[place] = new Node(node =>
        {
            if (MayEnd(place)) { node.Add(_text.Space(_text.Closing('}'))); }
            Node members = new(inner => AddMembers(inner, place));
            members.Expand();
            if (members.Calls.Length > 0) { node.Add((byte)',', (byte)',', _text.Space(members)); }
        });
    }

    private bool MayEnd(Place place) => place.Count >= _plan.Min && place.Witnessed == _plan.AllWitnesses && Missing(place) == 0;

    /// <summary>Whether what is still missing can come.</summary>
    private bool CanFinish(Place place)
    {
        if (_plan.Max != int.MaxValue && place.Count + Missing(place) > _plan.Max) { return false; }
        for (int w = 0; 1 << w <= _plan.AllWitnesses; w++)
        {
            int bit = 1 << w;
            if ((place.Witnessed & bit) != 0) { continue; }
            bool candidate = false;
            for (int i = 0; i < _plan.Members.Count && !candidate; i++) { candidate = _plan.Members[i].Values[bit] >= 0 && (_plan.Members[i].Name is null || !place.Seen[i]); }
            if (!candidate) { return false; }
        }

        return true;
    }

    private int Missing(Place place)
    {
        int missing = 0;
        for (int i = 0; i < _plan.Members.Count; i++)
        {
            if (_plan.Members[i].IsRequired && !place.Seen[i]) { missing++; }
        }

        return missing;
    }

    /// <summary>Which named members were there, how many in all (as far as it matters), and which witnesses.</summary>
    private readonly record struct Place(Bits Seen, int Count, int Witnessed);

    private readonly record struct Bits(ulong[] Words)
    {
        public bool this[int i] => (Words[i >> 6] >> (i & 63) & 1) != 0;

        public Bits With(int i)
        {
            ulong[] words = [.. Words];
            words[i >> 6] |= 1UL << (i & 63);
            return new Bits(words);
        }

        public bool Equals(Bits other) => Words.AsSpan().SequenceEqual(other.Words);

        public override int GetHashCode()
        {
            HashCode hash = default;
            foreach (ulong word in Words) { hash.Add(word); }
            return hash.ToHashCode();
        }
    }
}
