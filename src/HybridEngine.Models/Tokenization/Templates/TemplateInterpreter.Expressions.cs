using System.Runtime.CompilerServices;

namespace HybridEngine.Models;

/// <summary>This half evaluates expressions.</summary>
internal sealed partial class TemplateInterpreter
{
    private object? _captured;

    private object? Evaluate(TemplateNode node, TemplateScope scope)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new TemplateException("maximum recursion depth exceeded");
        object? value = node switch
        {
            ConstantNode constant => constant.Value,
            NameNode name => scope.Find(name.Name),
            ListNode list => new TemplateList([.. list.Items.Select(item => Evaluate(item, scope))], list.IsTuple),
            DictNode dict => EvaluateDict(dict, scope),
            ConditionNode condition => EvaluateCondition(condition, scope),
            BinaryNode binary => EvaluateBinary(binary, scope),
            ConcatNode concat => PythonOperators.Concat([.. concat.Parts.Select(part => Evaluate(part, scope))]),
            UnaryNode unary => EvaluateUnary(unary, scope),
            CompareNode compare => EvaluateComparison(compare, scope),
            AttributeNode member => TemplateMembers.Attribute(Evaluate(member.Object, scope), member.Name),
            ItemNode item => EvaluateItem(item, scope),
            CallNode call => Call(call, scope, null),
            FilterNode filter => Filter(filter.Name, Evaluate(filter.Input, scope), EvaluateArguments(filter.Arguments, scope)),
            TestNode test => Test(test.Name, Evaluate(test.Input, scope), EvaluateArguments(test.Arguments, scope)) != test.Negated,
            CapturedNode => _captured,
            // A slice among the items of a tuple (a[1:2, 3]) is grammar without a meaning here, as in Jinja.
            _ => throw new TemplateException("chat template: a slice stands where a value is needed"),
        };
        SpendOn(value);
        return value;
    }

    /// <summary>Applies a filter by name; <c>map</c> does so too.</summary>
    public object? Filter(string name, object? value, CallArguments arguments)
    {
        SpendOn(value);
        object? result = (TemplateFilters.Find(name) ?? throw new TemplateException($"No filter named '{name}'."))(this, value, arguments);
        SpendOn(result);
        return result;
    }

    /// <summary>Applies a test by name; <c>select</c> and its kin do so too.</summary>
    public bool Test(string name, object? value, CallArguments arguments)
    {
        SpendOn(value);
        return TemplateTests.Find(name) is { } test ? test(value, arguments) : throw new TemplateException($"No test named '{name}'.");
    }

    /// <summary>Calls a value.</summary>
    public object? Invoke(object? function, CallArguments arguments)
    {
        Spend();
        return PythonOperators.Demand(function) switch
        {
            TemplateFunction known => known.Call(arguments),
            TemplateObject known => known.Call(arguments),
            _ => throw new TemplateException($"'{PythonText.TypeName(function)}' object is not callable"),
        };
    }

    private TemplateDict EvaluateDict(DictNode node, TemplateScope scope)
    {
        var dict = new TemplateDict();
        foreach ((TemplateNode key, TemplateNode value) in node.Items) dict[Evaluate(key, scope)] = Evaluate(value, scope);
        return dict;
    }

    private object? EvaluateCondition(ConditionNode node, TemplateScope scope)
    {
        if (PythonOperators.IsTrue(Evaluate(node.Test, scope))) return Evaluate(node.Then, scope);
        return node.Otherwise != null ? Evaluate(node.Otherwise, scope) : new Undefined("the inline if-expression evaluated to false and no else section was defined.");
    }

    private object? EvaluateBinary(BinaryNode node, TemplateScope scope)
    {
        object? left = Evaluate(node.Left, scope);
        if (node.Operator == "and") return PythonOperators.IsTrue(left) ? Evaluate(node.Right, scope) : left;
        if (node.Operator == "or") return PythonOperators.IsTrue(left) ? left : Evaluate(node.Right, scope);
        return PythonOperators.Binary(node.Operator, left, Evaluate(node.Right, scope));
    }

    private object? EvaluateUnary(UnaryNode node, TemplateScope scope)
    {
        object? value = Evaluate(node.Operand, scope);
        return node.Operator switch
        {
            "not" => !PythonOperators.IsTrue(value),
            "-" => PythonOperators.Negate(value),
            _ => PythonOperators.IsNumber(value) ? value is bool ? PythonOperators.ToInteger(value) : value : throw new TemplateException($"bad operand type for unary +: '{PythonText.TypeName(PythonOperators.Demand(value))}'"),
        };
    }

    private bool EvaluateComparison(CompareNode node, TemplateScope scope)
    {
        object? left = Evaluate(node.First, scope);
        foreach ((string sign, TemplateNode operand) in node.Rest)
        {
            object? right = Evaluate(operand, scope);
            if (!IsSo(sign, left, right)) return false;
            left = right;
        }
        return true;
    }

    public static bool IsSo(string sign, object? left, object? right)
    {
        switch (sign)
        {
            case "==": return PythonOperators.Equals(left, right);
            case "!=": return !PythonOperators.Equals(left, right);
            case "in": return PythonOperators.Contains(right, left);
            case "not in": return !PythonOperators.Contains(right, left);
        }
        bool unordered = left is double.NaN || right is double.NaN;
        int order = PythonOperators.Compare(left, right, sign);
        return !unordered && sign switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
    }

    private object? EvaluateItem(ItemNode node, TemplateScope scope)
    {
        object? owner = Evaluate(node.Object, scope);
        if (node.Index is not SliceNode slice) return TemplateMembers.Item(owner, Evaluate(node.Index, scope));
        return TemplateMembers.Slice(owner, Bound(slice.Start), Bound(slice.Stop), Bound(slice.Step));

        object? Bound(TemplateNode? bound) => bound == null ? null : Evaluate(bound, scope);
    }

    private object? Call(CallNode node, TemplateScope scope, TemplateFunction? caller)
    {
        object? function = Evaluate(node.Function, scope);
        CallArguments arguments = EvaluateArguments(node.Arguments, scope);
        if (caller != null) arguments = new CallArguments(arguments.Positional, [.. arguments.Named, new("caller", caller)]);
        return Invoke(function, arguments);
    }

    private CallArguments EvaluateArguments(Arguments node, TemplateScope scope)
    {
        if (ReferenceEquals(node, Arguments.None)) return NoArguments;
        List<object?> positional = [.. node.Positional.Select(argument => Evaluate(argument, scope))];
        List<KeyValuePair<string, object?>> named = [.. node.Named.Select(argument => KeyValuePair.Create(argument.Name, Evaluate(argument.Value, scope)))];
        if (node.Star != null)
        {
            foreach (object? item in PythonOperators.Iterate(Evaluate(node.Star, scope)))
            {
                Spend();
                positional.Add(item);
            }
        }
        if (node.DoubleStar != null)
        {
            if (Evaluate(node.DoubleStar, scope) is not TemplateDict dict) throw new TemplateException("argument after ** must be a mapping");
            named.AddRange(dict.Items.Select(item => KeyValuePair.Create(PythonText.Str(item.Key), item.Value)));
        }
        return new CallArguments(positional, named);
    }

    private static CallArguments NoArguments { get; } = new([]);
}
