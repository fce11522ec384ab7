using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>An object shape made ready: members with a name of their own (each at most once, in any order), and members by a language of names.</summary>
internal sealed class ObjectPlan
{
    private const int MostNames = 1000, MostWitnesses = 3, MostClasses = 64, FewWords = 32;

    private readonly ObjectShape _shape;
    private readonly List<Member> _members = [];

    private ObjectPlan(ObjectShape shape) => _shape = shape;

    public IReadOnlyList<Member> Members => _members;

    public int Min => _shape.Min;

    public int Max => _shape.Max;

    /// <summary>Bits of all witnesses.</summary>
    public int AllWitnesses => (1 << _shape.Witnesses.Count) - 1;

    /// <summary>Makes a shape ready.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="value">Numbers what holds of a member.</param>
    /// <param name="limit">How large automata may get.</param>
    /// <returns>Null where no object can have the shape.</returns>
    public static ObjectPlan? Make(ObjectShape shape, Func<LiteralSet, int> value, DfaLimit limit)
    {
        if (shape.Witnesses.Count > MostWitnesses) { throw new UnsupportedException("json_schema", "not (or oneOf) about so many open members at once", MostWitnesses.ToString(CultureInfo.InvariantCulture)); }
        if (shape.Witnesses.Count > 0 && shape.Max != int.MaxValue) { throw new UnsupportedException("json_schema", "maxProperties beside not or oneOf about open members", "either alone"); }
        var plan = new ObjectPlan(shape);
        string[] spoken = [.. shape.Rules.SelectMany(rule => rule.Named.Keys).Concat(shape.Required).Distinct(StringComparer.Ordinal)];
        if (spoken.Length > MostNames) { throw new UnsupportedException("json_schema", $"properties with {spoken.Length.ToString(CultureInfo.InvariantCulture)} names", $"up to {MostNames}"); }
        foreach (string name in spoken) { plan.AddName(name, value); }
        if (shape.Required.Any(name => !plan._members.Any(member => member.Name == name))) { return null; }
        plan.AddClasses(spoken, value, limit);
        return plan;
    }

    /// <summary>Whether some object has the shape, given which values there are.</summary>
    public bool IsInhabited(Func<int, bool> inhabited)
    {
        if (Min > Max || _shape.Required.Count > Max) { return false; }
        int names = 0;
        bool open = false;
        for (int i = 0; i < _members.Count; i++)
        {
            bool live = inhabited(_members[i].Values[0]);
            if (_members[i].IsRequired && !live) { return false; }
            if (_members[i].Name is null) { open |= live; }
            else if (live) { names++; }
        }

        if (Min > names && !open) { return false; }
        return Enumerable.Range(0, _shape.Witnesses.Count).All(w => _members.Any(member => member.Values[1 << w] >= 0 && inhabited(member.Values[1 << w])));
    }

    /// <summary>Takes away members that have no value.</summary>
    public void Trim(Func<int, bool> inhabited)
    {
        foreach (Member member in _members)
        {
            for (int i = 0; i < member.Values.Length; i++)
            {
                if (member.Values[i] >= 0 && !inhabited(member.Values[i])) { member.Values[i] = -1; }
            }
        }

        _members.RemoveAll(member => member.Values.All(value => value < 0));
        CheckCounts();
    }

    private void AddName(string name, Func<LiteralSet, int> value)
    {
        if (_shape.Forbidden.Contains(name, StringComparer.Ordinal) || !_shape.Names.All(names => names.Accepts(name))) { return; }
        AddMember(name, OneName(name), names => names.Accepts(name), value);
    }

    private void AddMember(string? name, Dfa names, Func<Dfa, bool> matches, Func<LiteralSet, int> value)
    {
        LiteralSet all = _shape.Rules.Aggregate(LiteralSet.Any, (set, rule) => set.And(rule.For(name, matches)));
        var values = new int[AllWitnesses + 1];
        for (int bits = 0; bits < values.Length; bits++)
        {
            LiteralSet set = all;
            for (int w = 0; w < _shape.Witnesses.Count; w++)
            {
                if ((bits >> w & 1) == 0) { continue; }
                MemberWitness witness = _shape.Witnesses[w];
                bool can = matches(witness.Names) && !witness.Except.Any(matches);
                set = can && set is not null ? set.And(witness.Value) : null!;
            }

            values[bits] = set is null ? -1 : value(set);
        }

        _members.Add(new Member(name, names, name is not null && _shape.Required.Contains(name, StringComparer.Ordinal), values));
    }

    /// <summary>Members that no schema names: their names are divided by the patterns that speak of some of them.</summary>
    private void AddClasses(string[] spoken, Func<LiteralSet, int> value, DfaLimit limit)
    {
        Dfa named = PatternDfa.Build(Pattern.Choice([.. spoken.Concat(_shape.Forbidden).Distinct(StringComparer.Ordinal).Select(Pattern.Literal)]), limit);
        Dfa open = _shape.Names.Aggregate(ScalarTexts.AnyString.Except(named, limit), (all, names) => all.Intersect(names, limit));
        Dfa[] patterns = [.. _shape.Rules.SelectMany(rule => rule.Patterns).Select(pattern => pattern.Names).Concat(_shape.Witnesses.SelectMany(witness => witness.Except.Prepend(witness.Names)))
            .Where(names => !ReferenceEquals(names, ScalarTexts.AnyString)).Distinct()];
        List<(Dfa Names, HashSet<Dfa> Matches)> classes = open.IsEmpty ? [] : [(open, [ScalarTexts.AnyString])];
        foreach (Dfa pattern in patterns)
        {
            var divided = new List<(Dfa, HashSet<Dfa>)>();
            foreach ((Dfa names, HashSet<Dfa> matches) in classes)
            {
                Dfa inside = names.Intersect(pattern, limit), outside = names.Except(pattern, limit);
                if (!inside.IsEmpty) { divided.Add((inside, [.. matches, pattern])); }
                if (!outside.IsEmpty) { divided.Add((outside, matches)); }
            }

            classes = divided.Count <= MostClasses ? divided : throw new UnsupportedException("json_schema", "patternProperties that overlap this much", $"{MostClasses} kinds of names");
        }

        foreach ((Dfa names, HashSet<Dfa> matches) in classes)
        {
            // A few names are better told apart: each can then stand at most once.
            if (names.Words(FewWords) is { } words)
            {
                foreach (string word in words) { AddMember(word, OneName(word), dfa => matches.Contains(dfa) || (!patterns.Contains(dfa) && dfa.Accepts(word)), value); }
            }
            else
            {
                AddMember(null, names, matches.Contains, value);
            }
        }
    }

    private static Dfa OneName(string name) => PatternDfa.Build(Pattern.Literal(name), new DfaLimit("json_schema", "properties"));

    private void CheckCounts()
    {
        bool open = _members.Any(member => member.Name is null);
        if (open && Min > Math.Max(1, _shape.Required.Count)) { throw new UnsupportedException("json_schema", $"minProperties of {Min.ToString(CultureInfo.InvariantCulture)} where names are open, since those may repeat", "1, or named properties and additionalProperties false"); }
        for (int w = 0; w < _shape.Witnesses.Count && _shape.Witnesses.Count > 1; w++)
        {
            if (!_members.Any(member => member.Name is null && member.Values[1 << w] >= 0)) { throw new UnsupportedException("json_schema", "not (or oneOf) about several of the same members", "one at a time"); }
        }
    }

    /// <summary>A member, or members of a kind.</summary>
    /// <param name="Name">Its name; null where it is one of a language.</param>
    /// <param name="Names">Its names.</param>
    /// <param name="IsRequired">Whether it must be there.</param>
    /// <param name="Values">What its value is, by the witnesses (bits) that it is to be; -1 where it cannot.</param>
    internal sealed record Member(string? Name, Dfa Names, bool IsRequired, int[] Values);
}
