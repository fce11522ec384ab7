using System.Numerics;

namespace HybridEngine.Models;

/// <summary>What a template knows as <c>loop</c>.</summary>
internal sealed class TemplateLoop(List<object?> items, int depth, Func<object?, object> again) : TemplateObject
{
    private CallArguments? _last;

    public int Index { get; set; }

    public override string TypeName => "LoopContext";

    public override bool TryMember(string name, out object? value)
    {
        value = name switch
        {
            "index" => (BigInteger)(Index + 1),
            "index0" => (BigInteger)Index,
            "revindex" => (BigInteger)(items.Count - Index),
            "revindex0" => (BigInteger)(items.Count - Index - 1),
            "first" => Index == 0,
            "last" => Index == items.Count - 1,
            "length" => (BigInteger)items.Count,
            "depth" => (BigInteger)(depth + 1),
            "depth0" => (BigInteger)depth,
            "previtem" => Index > 0 ? items[Index - 1] : new Undefined("there is no previous item"),
            "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new Undefined("there is no next item"),
            "cycle" => new TemplateFunction("cycle", Cycle),
            "changed" => new TemplateFunction("changed", arguments => Changed(arguments)),
            _ => this,
        };
        return !ReferenceEquals(value, this);
    }

    public override object? Call(CallArguments arguments) => again(arguments.Get(0, "iterable"));

    private object? Cycle(CallArguments arguments) => arguments.Positional.Count > 0 ? arguments.Positional[Index % arguments.Positional.Count] : throw new TemplateException("no items for cycling given");

    private bool Changed(CallArguments arguments)
    {
        bool changed = _last == null || !PythonOperators.Equals(new TemplateList(_last.Positional), new TemplateList(arguments.Positional));
        _last = arguments;
        return changed;
    }
}
