using System.Numerics;

namespace HybridEngine.Models;

/// <summary>Filters on sequences.</summary>
internal static class SequenceFilters
{
    public static void AddTo(Dictionary<string, TemplateFilter> filters)
    {
        filters["list"] = (interpreter, value, _) => new TemplateList(Items(interpreter, value));
        filters["first"] = (interpreter, value, _) => Walk(interpreter, value).DefaultIfEmpty(new Undefined("No first item, sequence was empty.")).First();
        filters["last"] = (interpreter, value, _) => Walk(interpreter, value).DefaultIfEmpty(new Undefined("No last item, sequence was empty.")).Last();
        filters["reverse"] = (interpreter, value, _) => value is string or SafeText ? TextMethods.Reverse(PythonText.Str(value)) : new TemplateGenerator(Items(interpreter, value).AsEnumerable().Reverse());
        filters["join"] = Join;
        filters["map"] = (interpreter, value, arguments) => new TemplateGenerator(Map(interpreter, value, arguments));
        filters["select"] = (interpreter, value, arguments) => Select(interpreter, value, arguments, 0, true);
        filters["reject"] = (interpreter, value, arguments) => Select(interpreter, value, arguments, 0, false);
        filters["selectattr"] = (interpreter, value, arguments) => Select(interpreter, value, arguments, 1, true);
        filters["rejectattr"] = (interpreter, value, arguments) => Select(interpreter, value, arguments, 1, false);
        filters["sort"] = (interpreter, value, arguments) => Sort(interpreter, value, arguments.Get(2, "attribute"), IsOn(arguments, 1, "case_sensitive"), IsOn(arguments, 0, "reverse"));
        filters["unique"] = (interpreter, value, arguments) => new TemplateGenerator(Unique(interpreter, value, arguments));
        filters["min"] = (interpreter, value, arguments) => Extreme(interpreter, value, arguments, -1);
        filters["max"] = (interpreter, value, arguments) => Extreme(interpreter, value, arguments, 1);
        filters["sum"] = Sum;
        filters["batch"] = (interpreter, value, arguments) => new TemplateGenerator(Batch(interpreter, value, arguments));
        filters["slice"] = (interpreter, value, arguments) => new TemplateGenerator(Slice(interpreter, value, arguments));
        filters["groupby"] = GroupBy;
        filters["dictsort"] = DictSort;
        filters["items"] = (_, value, _) => value switch
        {
            Undefined => new TemplateGenerator([]),
            TemplateDict dict => new TemplateGenerator(dict.Items.Select(Pair)),
            _ => throw new TemplateException("Can only get item pairs from a mapping."),
        };
    }

    /// <summary>The items of a value, each counted as a step.</summary>
    private static IEnumerable<object?> Walk(TemplateInterpreter interpreter, object? value)
    {
        foreach (object? item in PythonOperators.Iterate(value))
        {
            interpreter.SpendOn(item);
            yield return item;
        }
    }

    private static List<object?> Items(TemplateInterpreter interpreter, object? value) => [.. Walk(interpreter, value)];

    private static object? Pair(KeyValuePair<object?, object?> item) => new TemplateList([item.Key, item.Value], isTuple: true);

    private static bool IsOn(CallArguments arguments, int place, string name) => PythonOperators.IsTrue(arguments.Get(place, name, false));

    private static object? Fold(object? value, bool caseSensitive) => !caseSensitive && value is string or SafeText ? TextMethods.Lower(PythonText.Str(value)) : value;

    private static string Join(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        object? attribute = arguments.Get(1, "attribute");
        IEnumerable<object?> items = Walk(interpreter, value);
        if (attribute != null) items = items.Select(item => TemplateMembers.Path(item, attribute));
        return PythonOperators.Join(PythonText.Str(arguments.Get(0, "d", "")), items.Select(PythonText.Str));
    }

    private static IEnumerable<object?> Map(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        if (!PythonOperators.IsTrue(value)) yield break;
        object? attribute = arguments.Positional.Count == 0 ? arguments.Get(0, "attribute") : null, otherwise = arguments.Get(int.MaxValue, "default");
        if (attribute == null && arguments.Positional.Count == 0) throw new TemplateException("map requires a filter argument");
        CallArguments rest = attribute == null ? new CallArguments([.. arguments.Positional.Skip(1)], arguments.Named) : arguments;
        foreach (object? item in Walk(interpreter, value))
            yield return attribute != null ? TemplateMembers.Path(item, attribute, otherwise) : interpreter.Filter(PythonText.Str(arguments.Positional[0]), item, rest);
    }

    private static TemplateGenerator Select(TemplateInterpreter interpreter, object? value, CallArguments arguments, int testAt, bool wanted)
    {
        return new TemplateGenerator(Run());

        IEnumerable<object?> Run()
        {
            // A value that is false, none for one, has nothing to select from.
            if (!PythonOperators.IsTrue(value)) yield break;
            if (arguments.Positional.Count < testAt) throw new TemplateException("Missing parameter for attribute name");
            string? test = arguments.Positional.Count > testAt ? PythonText.Str(arguments.Positional[testAt]) : null;
            var rest = new CallArguments([.. arguments.Positional.Skip(testAt + 1)], arguments.Named);
            foreach (object? item in Walk(interpreter, value))
            {
                object? subject = testAt > 0 ? TemplateMembers.Path(item, arguments.Positional[0]) : item;
                bool passes = test == null ? PythonOperators.IsTrue(subject) : interpreter.Test(test, subject, rest);
                if (passes == wanted) yield return item;
            }
        }
    }

    private static TemplateList Sort(TemplateInterpreter interpreter, object? value, object? attribute, bool caseSensitive, bool reverse)
    {
        object?[] paths = attribute == null ? [] : attribute is string or SafeText ? [.. PythonText.Str(attribute).Split(',')] : [attribute];
        return SortBy(Items(interpreter, value), item => paths.Length == 0
            ? Fold(item, caseSensitive)
            : new TemplateList([.. paths.Select(path => Fold(TemplateMembers.Path(item, path), caseSensitive))]), reverse, interpreter);
    }

    /// <summary>A stable sort; in reverse equal items keep their order too, as Python's do.</summary>
    private static TemplateList SortBy(List<object?> items, Func<object?, object?> key, bool reverse, TemplateInterpreter interpreter)
    {
        var comparer = Comparer<object?>.Create((left, right) =>
        {
            interpreter.Spend();
            return PythonOperators.Compare(left, right, "<");
        });
        List<(object? Key, object? Item)> keyed = [.. items.Select(item => (key(item), item))];
        return new TemplateList([.. (reverse ? keyed.OrderByDescending(pair => pair.Key, comparer) : keyed.OrderBy(pair => pair.Key, comparer)).Select(pair => pair.Item)]);
    }

    private static IEnumerable<object?> Unique(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        bool caseSensitive = IsOn(arguments, 0, "case_sensitive");
        object? attribute = arguments.Get(1, "attribute");
        var seen = new TemplateDict();
        foreach (object? item in Walk(interpreter, value))
        {
            object? key = Fold(attribute == null ? item : TemplateMembers.Path(item, attribute), caseSensitive);
            if (seen.TryGet(key, out _)) continue;
            seen[key] = true;
            yield return item;
        }
    }

    private static object? Extreme(TemplateInterpreter interpreter, object? value, CallArguments arguments, int sign)
    {
        bool caseSensitive = IsOn(arguments, 0, "case_sensitive");
        object? attribute = arguments.Get(1, "attribute"), best = null, bestKey = null;
        bool any = false;
        foreach (object? item in Walk(interpreter, value))
        {
            object? key = Fold(attribute == null ? item : TemplateMembers.Path(item, attribute), caseSensitive);
            if (!any || PythonOperators.Compare(key, bestKey, sign < 0 ? "<" : ">") * sign > 0) (best, bestKey, any) = (item, key, true);
        }
        return any ? best : new Undefined("No aggregated item, sequence was empty.");
    }

    private static object? Sum(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        object? attribute = arguments.Get(0, "attribute"), sum = arguments.Get(1, "start", BigInteger.Zero);
        foreach (object? item in Walk(interpreter, value))
        {
            sum = PythonOperators.Binary("+", sum, attribute == null ? item : TemplateMembers.Path(item, attribute));
            interpreter.SpendOn(sum);
        }
        return sum;
    }

    private static IEnumerable<object?> Batch(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        int size = PythonOperators.ToInt(arguments.Get(0, "linecount"));
        if (size is < 1 or > PythonOperators.LongestText) throw new TemplateException($"batches of {size} items");
        object? fill = arguments.Get(1, "fill_with");
        foreach (object?[] part in Walk(interpreter, value).Chunk(size))
        {
            interpreter.Spend(1 + size / 4);
            yield return new TemplateList(fill == null ? part : [.. part, .. Enumerable.Repeat(fill, size - part.Length)]);
        }
    }

    private static IEnumerable<object?> Slice(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        List<object?> items = Items(interpreter, value);
        int slices = PythonOperators.ToInt(arguments.Get(0, "slices"));
        if (slices < 1) throw new TemplateException($"{slices} slices");
        object? fill = arguments.Get(1, "fill_with");
        int size = items.Count / slices, longer = items.Count % slices, at = 0;
        for (int i = 0; i < slices; i++)
        {
            interpreter.Spend();
            int length = size + (i < longer ? 1 : 0);
            List<object?> part = items.GetRange(at, length);
            if (fill != null && i >= longer) part.Add(fill);
            at += length;
            yield return new TemplateList(part);
        }
    }

    private static TemplateList GroupBy(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        object? attribute = arguments.Get(0, "attribute"), otherwise = arguments.Get(1, "default");
        bool caseSensitive = IsOn(arguments, 2, "case_sensitive");
        TemplateList sorted = SortBy(Items(interpreter, value), Key, false, interpreter);
        var groups = new List<(object? Key, List<object?> Members)>();
        foreach (object? item in sorted.Items)
        {
            object? key = Key(item);
            if (groups.Count == 0 || !PythonOperators.Equals(Fold(groups[^1].Key, caseSensitive), key)) groups.Add((TemplateMembers.Path(item, attribute, otherwise), []));
            groups[^1].Members.Add(item);
        }
        return new TemplateList([.. groups.Select(group => new TemplateGroup(group.Key, new TemplateList(group.Members)))]);

        object? Key(object? item) => Fold(TemplateMembers.Path(item, attribute, otherwise), caseSensitive);
    }

    private static TemplateList DictSort(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        if (value is not TemplateDict dict) throw new TemplateException($"'{PythonText.TypeName(PythonOperators.Demand(value))}' object has no attribute 'items'");
        bool caseSensitive = IsOn(arguments, 0, "case_sensitive");
        int place = PythonText.Str(arguments.Get(1, "by", "key")) switch { "key" => 0, "value" => 1, _ => throw new TemplateException("You can only sort by either \"key\" or \"value\"") };
        return SortBy([.. dict.Items.Select(Pair)], pair => Fold(((TemplateList)pair!).Items[place], caseSensitive), IsOn(arguments, 2, "reverse"), interpreter);
    }
}
