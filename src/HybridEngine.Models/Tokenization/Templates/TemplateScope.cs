namespace HybridEngine.Models;

/// <summary>Names and values; what is not here is looked up outside.</summary>
internal sealed class TemplateScope(TemplateScope? outer)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public object? this[string name]
    {
        set => _values[name] = value;
    }

    public object? Find(string name)
    {
        for (TemplateScope? scope = this; scope != null; scope = scope.Outer)
        {
            if (scope._values.TryGetValue(name, out object? value)) return value;
        }
        return new Undefined($"'{name}' is undefined");
    }

    private TemplateScope? Outer { get; } = outer;
}
