namespace HybridEngine.Models;

/// <summary>Names and values; what is not here is looked up outside.</summary>
internal sealed class TemplateScope(TemplateScope? outer)
{
    // Every turn of a loop makes a scope of two or three names: a short list is cheaper than a dictionary.
    private readonly List<(string Name, object? Value)> _values = new(2);

    public object? this[string name]
    {
        set
        {
            int at = IndexOf(name);
            if (at >= 0) _values[at] = (name, value);
            else _values.Add((name, value));
        }
    }

    private TemplateScope? Outer { get; } = outer;

    public object? Find(string name)
    {
        for (TemplateScope? scope = this; scope != null; scope = scope.Outer)
        {
            int at = scope.IndexOf(name);
            if (at >= 0) return scope._values[at].Value;
        }
        return new Undefined($"'{name}' is undefined");
    }

    private int IndexOf(string name)
    {
        for (int i = 0; i < _values.Count; i++)
        {
            if (_values[i].Name == name) return i;
        }
        return -1;
    }
}
