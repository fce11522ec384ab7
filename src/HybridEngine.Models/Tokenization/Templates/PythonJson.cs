using System.Globalization;
using System.Numerics;
using System.Text;

namespace HybridEngine.Models;

/// <summary>Writes values as Python's <c>json.dumps</c> does.</summary>
internal sealed class PythonJson(string? indent, string itemSeparator, string keySeparator, bool sortKeys, bool asciiOnly)
{
    private const int DeepestValue = 100;

    private readonly StringBuilder _builder = new();

    public string Write(object? value)
    {
        Write(value, 0);
        return _builder.ToString();
    }

    private void Write(object? value, int depth)
    {
        if (depth > DeepestValue) throw new TemplateException($"a value nested more than {DeepestValue} deep cannot become JSON");
        PythonOperators.Check(_builder);
        switch (value)
        {
            case null: _builder.Append("null"); break;
            case bool flag: _builder.Append(flag ? "true" : "false"); break;
            case BigInteger number: _builder.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: _builder.Append(Number(number)); break;
            case string or SafeText: WriteText(PythonText.Str(value)); break;
            case TemplateList list: WriteItems('[', list.Items, ']', depth, item => Write(item, depth + 1)); break;
            case TemplateGroup group: WriteItems('[', [group.Key, group.Members], ']', depth, item => Write(item, depth + 1)); break;
            case TemplateDict dict: WriteDict(dict, depth); break;
            default: throw new TemplateException($"Object of type {PythonText.TypeName(value)} is not JSON serializable");
        }
    }

    private void WriteDict(TemplateDict dict, int depth)
    {
        // Keys become texts first; of equal ones the last value stands, at the first one's place.
        var members = new TemplateDict();
        foreach ((object? key, object? value) in dict.Items) members[Key(key)] = value;
        IReadOnlyList<KeyValuePair<object?, object?>> items = sortKeys ? [.. members.Items.OrderBy(item => (string)item.Key!, StringComparer.Ordinal)] : members.Items;
        WriteItems('{', items, '}', depth, item =>
        {
            WriteText((string)item.Key!);
            _builder.Append(keySeparator);
            Write(item.Value, depth + 1);
        });
    }

    private void WriteItems<T>(char open, IReadOnlyList<T> items, char close, int depth, Action<T> write)
    {
        _builder.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0) _builder.Append(itemSeparator);
            NewLine(depth + 1);
            write(items[i]);
        }
        if (items.Count > 0) NewLine(depth);
        _builder.Append(close);
    }

    private void NewLine(int depth)
    {
        if (indent == null) return;
        _builder.Append('\n');
        for (int i = 0; i < depth; i++) _builder.Append(indent);
    }

    private void WriteText(string text)
    {
        _builder.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"': _builder.Append("\\\""); break;
                case '\\': _builder.Append("\\\\"); break;
                case '\n': _builder.Append("\\n"); break;
                case '\r': _builder.Append("\\r"); break;
                case '\t': _builder.Append("\\t"); break;
                case '\b': _builder.Append("\\b"); break;
                case '\f': _builder.Append("\\f"); break;
                default:
                    if (c < ' ' || (asciiOnly && c > '~')) _builder.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    else _builder.Append(c);
                    break;
            }
        }
        _builder.Append('"');
    }

    private static string Key(object? key) => key switch
    {
        string or SafeText => PythonText.Str(key),
        null => "null",
        bool flag => flag ? "true" : "false",
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        double number => Number(number),
        _ => throw new TemplateException($"keys must be str, int, float, bool or None, not {PythonText.TypeName(key)}"),
    };

    private static string Number(double value) => double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? (value > 0 ? "Infinity" : "-Infinity") : PythonText.Float(value);
}
