using System.Numerics;

namespace HybridEngine.Models;

/// <summary>Members of values: <c>x.name</c> asks for an attribute or method first, then for a key; <c>x['name']</c> the other way round.</summary>
internal static class TemplateMembers
{
    private static readonly HashSet<string> Changing = ["append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "setdefault", "popitem"];

    public static object? Attribute(object? owner, string name)
    {
        PythonOperators.Demand(owner);
        if (TryAttribute(owner, name, out object? value)) return value;
        return TryKey(owner, name, out value) ? value : Missing(owner, name);
    }

    public static object? Item(object? owner, object? key)
    {
        PythonOperators.Demand(owner);
        if (TryKey(owner, key, out object? value)) return value;
        string name = PythonText.Str(key);
        if (key is string or SafeText && TryAttribute(owner, name, out value)) return value;
        return key is string or SafeText ? Missing(owner, name) : new Undefined($"{TypeOf(owner)} has no element {PythonText.Repr(key)}");
    }

    /// <summary>A path such as <c>a.b.0</c>, as filters take it for their <c>attribute</c>.</summary>
    public static object? Path(object? owner, object? path, object? otherwise = null)
    {
        if (path is string text) TemplateInterpreter.Work(text.Length / 32);
        IEnumerable<object?> parts = path is BigInteger ? [path] : PythonText.Str(path).Split('.').Select(part => int.TryParse(part, out int index) && part.All(char.IsAsciiDigit) ? (object?)(BigInteger)index : part);
        foreach (object? part in parts)
        {
            owner = Item(owner, part);
            if (owner is Undefined && otherwise != null) owner = otherwise;
        }
        return owner;
    }

    public static object? Slice(object? owner, object? start, object? stop, object? step)
    {
        int by = step == null ? 1 : PythonOperators.ToInt(step);
        if (by == 0) throw new TemplateException("slice step cannot be zero");
        if (owner is string or SafeText)
        {
            string[] characters = [.. PythonOperators.Iterate(owner).Select(PythonText.Str)];
            return string.Concat(Indexes(characters.Length, start, stop, by).Select(i => characters[i]));
        }
        if (PythonOperators.Demand(owner) is TemplateList list) return new TemplateList([.. Indexes(list.Items.Count, start, stop, by).Select(i => list.Items[i])], list.IsTuple);
        if (owner is TemplateRange range && range.Count <= PythonOperators.LongestText)
        {
            object?[] items = [.. range.Walk()];
            return new TemplateList([.. Indexes(items.Length, start, stop, by).Select(i => items[i])]);
        }
        return Missing(owner, "slice");
    }

    /// <summary>The places that a slice of Python visits.</summary>
    private static IEnumerable<int> Indexes(int length, object? start, object? stop, int step)
    {
        int lowest = step > 0 ? 0 : -1, highest = step > 0 ? length : length - 1;
        int from = start == null ? (step > 0 ? lowest : highest) : Clamp(start), to = stop == null ? (step > 0 ? highest : lowest) : Clamp(stop);
        for (long i = from; step > 0 ? i < to : i > to; i += step) yield return (int)i;

        int Clamp(object? bound)
        {
            BigInteger index = PythonOperators.ToInteger(bound);
            return (int)BigInteger.Clamp(index.Sign < 0 ? index + length : index, lowest, highest);
        }
    }

    private static bool TryKey(object? owner, object? key, out object? value)
    {
        value = null;
        switch (owner)
        {
            case TemplateDict dict: return key is not (TemplateDict or TemplateList { IsTuple: false }) && dict.TryGet(key, out value);
            case TemplateNamespace space: return key is string name && space.Values.TryGetValue(name, out value);
            case TemplateList list when PythonOperators.IsInteger(key): return TryIndex(list.Items, key, out value);
            case TemplateGroup group when PythonOperators.IsInteger(key): return TryIndex([group.Key, group.Members], key, out value);
            case TemplateRange range when PythonOperators.IsInteger(key):
                BigInteger index = PythonOperators.ToInteger(key), count = range.Count;
                if (index.Sign < 0) index += count;
                value = range.Start + index * range.Step;
                return index.Sign >= 0 && index < count;
            case string or SafeText when PythonOperators.IsInteger(key): return TryIndex([.. PythonOperators.Iterate(owner)], key, out value);
            default: return false;
        }
    }

    private static bool TryIndex(IReadOnlyList<object?> items, object? key, out object? value)
    {
        BigInteger index = PythonOperators.ToInteger(key);
        if (index.Sign < 0) index += items.Count;
        bool inside = index.Sign >= 0 && index < items.Count;
        value = inside ? items[(int)index] : null;
        return inside;
    }

    private static bool TryAttribute(object? owner, string name, out object? value)
    {
        value = null;
        if (name.StartsWith('_') && owner is not (TemplateDict or TemplateNamespace or TemplateObject))
        {
            value = Unsafe(owner, name);
            return true;
        }
        switch (owner)
        {
            case string or SafeText: return TextMethods.TryBind(owner, name, out value);
            case TemplateDict dict: return TryDict(dict, name, out value);
            case TemplateList list: return TryList(list, name, out value);
            case TemplateGroup group when name is "grouper" or "list":
                value = name == "grouper" ? group.Key : group.Members;
                return true;
            case TemplateFunction function: return function.Members.TryGetValue(name, out value);
            case TemplateObject other: return other.TryMember(name, out value);
            case TemplateNamespace space: return space.Values.TryGetValue(name, out value);
            default: return false;
        }
    }

    private static bool TryDict(TemplateDict dict, string name, out object? value)
    {
        value = name switch
        {
            "items" => Method(name, 0, _ => new TemplateView("dict_items", [.. dict.Items.Select(item => new TemplateList([item.Key, item.Value], isTuple: true))])),
            "keys" => Method(name, 0, _ => new TemplateView("dict_keys", [.. dict.Items.Select(item => item.Key)])),
            "values" => Method(name, 0, _ => new TemplateView("dict_values", [.. dict.Items.Select(item => item.Value)])),
            "get" => Method(name, 2, arguments => dict.TryGet(arguments.Get(0, "key"), out object? found) ? found : arguments.Get(1, "default")),
            "copy" => Method(name, 0, _ => dict),
            _ => Changing.Contains(name) || name.StartsWith("__", StringComparison.Ordinal) ? Unsafe(dict, name) : null,
        };
        return value != null;
    }

    private static bool TryList(TemplateList list, string name, out object? value)
    {
        value = name switch
        {
            "index" => Method(name, 1, arguments => (BigInteger)IndexOf(list, arguments.Get(0, "value"))),
            "count" => Method(name, 1, arguments => (BigInteger)list.Items.Count(item => PythonOperators.Equals(item, arguments.Get(0, "value")))),
            "copy" when !list.IsTuple => Method(name, 0, _ => list),
            _ => Changing.Contains(name) && !list.IsTuple ? Unsafe(list, name) : null,
        };
        return value != null;
    }

    private static int IndexOf(TemplateList list, object? value)
    {
        for (int i = 0; i < list.Items.Count; i++)
        {
            if (PythonOperators.Equals(list.Items[i], value)) return i;
        }
        throw new TemplateException($"{PythonText.Repr(value)} is not in list");
    }

    private static TemplateFunction Method(string name, int most, Func<CallArguments, object?> call) => new(name, arguments =>
    {
        arguments.Check(name, most);
        return call(arguments);
    });

    private static Undefined Unsafe(object? owner, string name) => new($"access to attribute '{name}' of '{PythonText.TypeName(owner)}' object is unsafe.");

    private static Undefined Missing(object? owner, string name) => new($"{TypeOf(owner)} has no attribute '{name}'");

    private static string TypeOf(object? owner) => owner == null ? "'None'" : $"'{PythonText.TypeName(owner)} object'";
}
