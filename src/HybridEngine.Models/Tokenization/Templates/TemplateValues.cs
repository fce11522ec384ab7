using System.Numerics;

namespace HybridEngine.Models;

// The values of a template are those of Python: null is None, bool, BigInteger, double, string, and the types below.

/// <summary>A name or member that is not there: prints nothing, is false, and is an error when anything else is asked of it.</summary>
internal sealed record Undefined(string Message);

/// <summary>Text that is not to be escaped again; a plain string joined to it is escaped.</summary>
internal sealed record SafeText(string Text);

/// <summary>A list or a tuple. Templates cannot change it.</summary>
internal sealed class TemplateList(IReadOnlyList<object?> items, bool isTuple = false)
{
    public IReadOnlyList<object?> Items { get; } = items;

    public bool IsTuple { get; } = isTuple;
}

/// <summary>A group of <c>groupby</c>: a pair whose parts have names.</summary>
internal sealed record TemplateGroup(object? Key, TemplateList Members);

/// <summary>A dictionary in order of insertion. Keys compare as Python's do: 1, 1.0 and true are one key.</summary>
internal sealed class TemplateDict
{
    private readonly Dictionary<KeyBox, int> _places = [];
    private readonly List<KeyValuePair<object?, object?>> _items = [];

    public IReadOnlyList<KeyValuePair<object?, object?>> Items => _items;

    public int Count => _items.Count;

    public object? this[object? key]
    {
        set
        {
            if (_places.TryGetValue(new KeyBox(key), out int place)) _items[place] = new(_items[place].Key, value);
            else
            {
                _places[new KeyBox(key)] = _items.Count;
                _items.Add(new(key, value));
            }
        }
    }

    public bool TryGet(object? key, out object? value)
    {
        bool found = _places.TryGetValue(new KeyBox(key), out int place);
        value = found ? _items[place].Value : null;
        return found;
    }

    private readonly struct KeyBox(object? key) : IEquatable<KeyBox>
    {
        private readonly object? _key = key switch
        {
            bool flag => (BigInteger)(flag ? 1 : 0),
            double number when double.IsInteger(number) => new BigInteger(number),
            SafeText safe => safe.Text,
            TemplateList or TemplateDict or null => key switch { TemplateList { IsTuple: true } tuple => PythonText.Repr(tuple), null => null, _ => throw new TemplateException($"unhashable type: '{PythonText.TypeName(key)}'") },
            _ => key,
        };

        public bool Equals(KeyBox other) => Equals(_key, other._key);

        public override bool Equals(object? obj) => obj is KeyBox other && Equals(other);

        public override int GetHashCode() => _key?.GetHashCode() ?? 0;
    }
}

/// <summary>A lazy sequence, as filters like <c>map</c> give: it can be walked, not indexed, measured or written as JSON.</summary>
internal sealed record TemplateGenerator(IEnumerable<object?> Items);

/// <summary>A view of a dictionary (<c>keys()</c>, <c>values()</c>, <c>items()</c>).</summary>
internal sealed record TemplateView(string Name, IReadOnlyList<object?> Items);

/// <summary>A range of integers.</summary>
internal sealed record TemplateRange(BigInteger Start, BigInteger Stop, BigInteger Step)
{
    public BigInteger Count => BigInteger.Max(0, Step.Sign > 0 ? (Stop - Start + Step - 1) / Step : (Start - Stop - Step - 1) / -Step);

    public IEnumerable<object?> Walk()
    {
        for (BigInteger i = Start; Step.Sign > 0 ? i < Stop : i > Stop; i += Step) yield return i;
    }
}

/// <summary>What <c>namespace()</c> makes: the one thing that a template can change from inside a loop.</summary>
internal sealed class TemplateNamespace
{
    public Dictionary<string, object?> Values { get; } = new(StringComparer.Ordinal);
}

/// <summary>The arguments of a call.</summary>
internal sealed class CallArguments(IReadOnlyList<object?> positional, IReadOnlyList<KeyValuePair<string, object?>>? named = null)
{
    public IReadOnlyList<object?> Positional { get; } = positional;

    public IReadOnlyList<KeyValuePair<string, object?>> Named { get; } = named ?? [];

    public int Count => Positional.Count + Named.Count;

    /// <summary>An argument by place or name, or what stands for it when it is not given.</summary>
    public object? Get(int place, string name, object? otherwise = null)
    {
        if (place < Positional.Count) return Positional[place];
        foreach ((string key, object? value) in Named)
        {
            if (key == name) return value;
        }
        return otherwise;
    }

    public bool Has(int place, string name) => place < Positional.Count || Named.Any(argument => argument.Key == name);

    /// <summary>Refuses arguments beyond those that a function knows.</summary>
    public void Check(string function, int most, params string[] names)
    {
        if (Positional.Count > most) throw new TemplateException($"{function}() takes at most {most} arguments ({Positional.Count} given)");
        foreach ((string name, _) in Named)
        {
            if (!names.Contains(name)) throw new TemplateException($"{function}() got an unexpected keyword argument '{name}'");
        }
    }
}

/// <summary>Something that can be called.</summary>
internal sealed record TemplateFunction(string Name, Func<CallArguments, object?> Call)
{
    /// <summary>Members that templates may ask for (a macro's name and arguments).</summary>
    public IReadOnlyDictionary<string, object?> Members { get; init; } = new Dictionary<string, object?>();
}

/// <summary>An object with members that templates may ask for, and perhaps a call: <c>loop</c>, <c>cycler</c>.</summary>
internal abstract class TemplateObject
{
    public abstract string TypeName { get; }

    public abstract bool TryMember(string name, out object? value);

    public virtual object? Call(CallArguments arguments) => throw new TemplateException($"'{TypeName}' object is not callable");
}
