namespace HybridEngine.Models;

/// <summary>A part of a template.</summary>
internal abstract record TemplateNode
{
    public int Line { get; init; }
}

// Statements.
internal sealed record TextNode(string Text) : TemplateNode;

internal sealed record PrintNode(TemplateNode Value) : TemplateNode;

internal sealed record IfNode(IReadOnlyList<(TemplateNode Test, IReadOnlyList<TemplateNode> Body)> Branches, IReadOnlyList<TemplateNode> Otherwise) : TemplateNode;

internal sealed record ForNode(TemplateNode Target, TemplateNode Items, TemplateNode? Test, bool Recursive, IReadOnlyList<TemplateNode> Body, IReadOnlyList<TemplateNode> Otherwise) : TemplateNode;

internal sealed record SetNode(TemplateNode Target, TemplateNode Value) : TemplateNode;

/// <summary><c>{% set x %}body{% endset %}</c>; the filter chain, if any, starts at a <see cref="CapturedNode"/>.</summary>
internal sealed record SetBlockNode(TemplateNode Target, TemplateNode? Filter, IReadOnlyList<TemplateNode> Body) : TemplateNode;

internal sealed record MacroNode(string Name, IReadOnlyList<string> Parameters, IReadOnlyList<TemplateNode> Defaults, IReadOnlyList<TemplateNode> Body) : TemplateNode
{
    /// <summary>The body uses <c>varargs</c>, <c>kwargs</c>, <c>caller</c>: only then may a call bring them.</summary>
    public bool TakesCaller { get; init; }

    public bool TakesMore { get; init; }

    public bool TakesNamed { get; init; }
}

internal sealed record CallBlockNode(CallNode Call, MacroNode Body) : TemplateNode;

internal sealed record FilterBlockNode(TemplateNode Filter, IReadOnlyList<TemplateNode> Body) : TemplateNode;

internal sealed record WithNode(IReadOnlyList<(TemplateNode Target, TemplateNode Value)> Values, IReadOnlyList<TemplateNode> Body) : TemplateNode;

/// <summary>A block that only groups: <c>generation</c>, <c>block</c>.</summary>
internal sealed record GroupNode(IReadOnlyList<TemplateNode> Body) : TemplateNode;

internal sealed record AutoescapeNode(TemplateNode On, IReadOnlyList<TemplateNode> Body) : TemplateNode;

internal sealed record DoNode(TemplateNode Value) : TemplateNode;

internal sealed record BreakNode : TemplateNode;

internal sealed record ContinueNode : TemplateNode;

/// <summary><c>include</c>, <c>extends</c>, <c>import</c>: there are no files.</summary>
internal sealed record LoadNode(string Tag) : TemplateNode;

// Expressions.
internal sealed record ConstantNode(object? Value) : TemplateNode;

internal sealed record NameNode(string Name) : TemplateNode;

/// <summary>A list, or a tuple.</summary>
internal sealed record ListNode(IReadOnlyList<TemplateNode> Items, bool IsTuple) : TemplateNode;

internal sealed record DictNode(IReadOnlyList<(TemplateNode Key, TemplateNode Value)> Items) : TemplateNode;

internal sealed record ConditionNode(TemplateNode Test, TemplateNode Then, TemplateNode? Otherwise) : TemplateNode;

internal sealed record BinaryNode(string Operator, TemplateNode Left, TemplateNode Right) : TemplateNode;

internal sealed record ConcatNode(IReadOnlyList<TemplateNode> Parts) : TemplateNode;

internal sealed record UnaryNode(string Operator, TemplateNode Operand) : TemplateNode;

internal sealed record CompareNode(TemplateNode First, IReadOnlyList<(string Operator, TemplateNode Operand)> Rest) : TemplateNode;

internal sealed record AttributeNode(TemplateNode Object, string Name) : TemplateNode;

internal sealed record ItemNode(TemplateNode Object, TemplateNode Index) : TemplateNode;

internal sealed record SliceNode(TemplateNode? Start, TemplateNode? Stop, TemplateNode? Step) : TemplateNode;

internal sealed record Arguments(IReadOnlyList<TemplateNode> Positional, IReadOnlyList<(string Name, TemplateNode Value)> Named, TemplateNode? Star, TemplateNode? DoubleStar)
{
    public static Arguments None { get; } = new([], [], null, null);
}

internal sealed record CallNode(TemplateNode Function, Arguments Arguments) : TemplateNode;

internal sealed record FilterNode(TemplateNode Input, string Name, Arguments Arguments) : TemplateNode;

internal sealed record TestNode(TemplateNode Input, string Name, Arguments Arguments, bool Negated) : TemplateNode;

/// <summary>The output of a filter block or set block.</summary>
internal sealed record CapturedNode : TemplateNode;
