using System.Runtime.CompilerServices;
using System.Text;

namespace HybridEngine.Models;

/// <summary>Runs a template; this half does statements. One instance renders once.</summary>
/// <remarks>A template comes with a model, so it is not trusted: it can reach nothing but its variables, and steps, depth and output are bounded.</remarks>
internal sealed partial class TemplateInterpreter
{
    private const int CharactersAStep = 64, ItemsAStep = 8;

    private const int MostSteps = 2_000_000, DeepestCalls = 200;

    // What runs on this thread: operations deep inside a value count their work without being handed an interpreter.
    [ThreadStatic]
    private static TemplateInterpreter? _current;

    private int _steps;
    private int _depth;
    private bool _autoescape;

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    public static string Render(IReadOnlyList<TemplateNode> template, TemplateScope variables)
    {
        TemplateInterpreter? outer = _current;
        var interpreter = _current = new TemplateInterpreter();
        try
        {
            var output = new StringBuilder();
            interpreter.Run(template, new TemplateScope(variables), output);
            return output.ToString();
        }
        finally
        {
            _current = outer;
        }
    }

    /// <summary>Counts the work of comparing or searching; <paramref name="steps"/> may be large.</summary>
    public static void Work(long steps) => _current?.Spend((int)Math.Min(steps, MostSteps + 1));

    /// <summary>Counts the work on a value: it costs what it is long, or a short template could keep a machine busy for days, or fill its memory.</summary>
    public void SpendOn(object? value) => Spend(1 + value switch
    {
        string text => text.Length / CharactersAStep,
        SafeText safe => safe.Text.Length / CharactersAStep,
        TemplateList list => list.Items.Count / ItemsAStep,
        TemplateView view => view.Items.Count / ItemsAStep,
        TemplateDict dict => dict.Count / ItemsAStep,
        _ => 0,
    });

    /// <summary>Counts a step of work; filters call it for each item.</summary>
    public void Spend(int steps = 1)
    {
        // The second test is for a sum that left the range of integers.
        if ((_steps += steps) > MostSteps || _steps < 0) throw new TemplateException($"the chat template did not end within {MostSteps} steps");
    }

    private Flow Run(IReadOnlyList<TemplateNode> body, TemplateScope scope, StringBuilder output)
    {
        foreach (TemplateNode node in body)
        {
            Flow flow = Run(node, scope, output);
            if (flow != Flow.Next) return flow;
        }
        return Flow.Next;
    }

    private Flow Run(TemplateNode node, TemplateScope scope, StringBuilder output)
    {
        Spend();
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new TemplateException("maximum recursion depth exceeded");
        switch (node)
        {
            case TextNode text: Write(output, text.Text); break;
            case PrintNode print: Print(Evaluate(print.Value, scope), output); break;
            case IfNode choice: return RunIf(choice, scope, output);
            case ForNode loop: RunFor(loop, scope, output); break;
            case SetNode set: Assign(set.Target, Evaluate(set.Value, scope), scope); break;
            case SetBlockNode set: Assign(set.Target, Filtered(set.Filter, set.Body, scope), scope); break;
            case MacroNode macro: scope[macro.Name] = MacroFunction(macro, scope); break;
            case CallBlockNode call: Print(Call(call.Call, scope, MacroFunction(call.Body, scope)), output); break;
            case FilterBlockNode filter: Print(Filtered(filter.Filter, filter.Body, scope), output); break;
            case WithNode with: return RunWith(with, scope, output);
            case GroupNode group: return Run(group.Body, new TemplateScope(scope), output);
            case AutoescapeNode escape: return RunAutoescape(escape, scope, output);
            case DoNode run: Evaluate(run.Value, scope); break;
            case BreakNode: return Flow.Break;
            case ContinueNode: return Flow.Continue;
            case LoadNode load: throw new TemplateException($"chat template, line {load.Line}: '{load.Tag}' needs a file, and chat templates have none");
            default: throw new InvalidOperationException($"No rule for {node.GetType().Name}.");
        }
        return Flow.Next;
    }

    private Flow RunIf(IfNode choice, TemplateScope scope, StringBuilder output)
    {
        foreach ((TemplateNode test, IReadOnlyList<TemplateNode> body) in choice.Branches)
        {
            if (PythonOperators.IsTrue(Evaluate(test, scope))) return Run(body, scope, output);
        }
        return Run(choice.Otherwise, scope, output);
    }

    private void RunFor(ForNode loop, TemplateScope scope, StringBuilder output) => RunFor(loop, Evaluate(loop.Items, scope), scope, output, 0);

    private void RunFor(ForNode loop, object? source, TemplateScope scope, StringBuilder output, int depth)
    {
        var items = new List<object?>();
        foreach (object? item in PythonOperators.Iterate(source))
        {
            Spend();
            if (loop.Test != null)
            {
                var tested = new TemplateScope(scope);
                Assign(loop.Target, item, tested);
                if (!PythonOperators.IsTrue(Evaluate(loop.Test, tested))) continue;
            }
            items.Add(item);
        }
        if (items.Count == 0)
        {
            Run(loop.Otherwise, new TemplateScope(scope), output);
            return;
        }

        var state = new TemplateLoop(items, depth, again =>
        {
            if (!loop.Recursive) throw new TemplateException("the loop is not recursive: 'loop' cannot be called");
            return Deeper(() => Capture(inner => RunFor(loop, again, scope, inner, depth + 1)));
        });
        foreach (object? item in items)
        {
            var inside = new TemplateScope(scope);
            Assign(loop.Target, item, inside);
            inside["loop"] = state;
            if (Run(loop.Body, inside, output) == Flow.Break) break;
            state.Index++;
        }
    }

    private Flow RunWith(WithNode with, TemplateScope scope, StringBuilder output)
    {
        var inside = new TemplateScope(scope);
        // Values see what is outside, not each other.
        foreach ((TemplateNode target, TemplateNode value) in with.Values) Assign(target, Evaluate(value, scope), inside);
        return Run(with.Body, inside, output);
    }

    private Flow RunAutoescape(AutoescapeNode escape, TemplateScope scope, StringBuilder output)
    {
        bool before = _autoescape;
        _autoescape = PythonOperators.IsTrue(Evaluate(escape.On, scope));
        Flow flow = Run(escape.Body, new TemplateScope(scope), output);
        _autoescape = before;
        return flow;
    }

    /// <summary>The output of a body, through the filters that name <see cref="CapturedNode"/> as their input.</summary>
    private object? Filtered(TemplateNode? filter, IReadOnlyList<TemplateNode> body, TemplateScope scope)
    {
        object? text = Marked(Capture(output => Run(body, new TemplateScope(scope), output)));
        if (filter == null) return text;
        object? before = _captured;
        _captured = text;
        object? result = Evaluate(filter, scope);
        _captured = before;
        return result;
    }

    private static string Capture(Action<StringBuilder> run)
    {
        var output = new StringBuilder();
        run(output);
        return output.ToString();
    }

    private object Marked(string text) => _autoescape ? new SafeText(text) : text;

    private void Print(object? value, StringBuilder output)
    {
        string text = PythonText.Str(value);
        Write(output, _autoescape && value is not SafeText ? PythonOperators.Escape(text) : text);
    }

    private static void Write(StringBuilder output, string text)
    {
        if (output.Length + text.Length > PythonOperators.LongestText) throw new TemplateException($"the chat template wrote more than {PythonOperators.LongestText} characters");
        output.Append(text);
    }

    private void Assign(TemplateNode target, object? value, TemplateScope scope)
    {
        switch (target)
        {
            case NameNode name:
                scope[name.Name] = value;
                break;
            case AttributeNode { Object: NameNode owner } member:
                if (scope.Find(owner.Name) is not TemplateNamespace space) throw new TemplateException("cannot assign attribute on non-namespace object");
                space.Values[member.Name] = value;
                break;
            case ListNode list:
                var values = new List<object?>();
                foreach (object? item in PythonOperators.Iterate(PythonOperators.Demand(value)))
                {
                    Spend();
                    values.Add(item);
                }
                if (values.Count != list.Items.Count) throw new TemplateException($"{values.Count} values to unpack, expected {list.Items.Count}");
                for (int i = 0; i < values.Count; i++) Assign(list.Items[i], values[i], scope);
                break;
        }
    }

    /// <summary>A macro as a value. It sees what surrounds its definition.</summary>
    private TemplateFunction MacroFunction(MacroNode macro, TemplateScope scope) => new(macro.Name, arguments => Deeper(() => CallMacro(macro, scope, arguments)))
    {
        Members = new Dictionary<string, object?>
        {
            ["name"] = macro.Name,
            ["arguments"] = new TemplateList([.. macro.Parameters], isTuple: true),
            ["catch_kwargs"] = macro.TakesNamed,
            ["catch_varargs"] = macro.TakesMore,
            ["caller"] = macro.TakesCaller,
        },
    };

    private object CallMacro(MacroNode macro, TemplateScope scope, CallArguments arguments)
    {
        var inside = new TemplateScope(scope);
        var named = arguments.Named.ToDictionary(argument => argument.Key, argument => argument.Value, StringComparer.Ordinal);
        int firstDefault = macro.Parameters.Count - macro.Defaults.Count;
        for (int i = 0; i < macro.Parameters.Count; i++)
        {
            string name = macro.Parameters[i];
            if (i < arguments.Positional.Count)
            {
                if (named.ContainsKey(name)) throw new TemplateException($"macro '{macro.Name}' got two values for '{name}'");
                inside[name] = arguments.Positional[i];
            }
            else if (named.Remove(name, out object? value)) inside[name] = value;
            else inside[name] = i >= firstDefault ? Evaluate(macro.Defaults[i - firstDefault], inside) : new Undefined($"parameter '{name}' was not provided");
        }
        if (macro.TakesCaller) inside["caller"] = named.Remove("caller", out object? caller) ? caller : new Undefined("No caller defined");
        if (macro.TakesNamed)
        {
            var rest = new TemplateDict();
            foreach ((string name, object? value) in named) rest[name] = value;
            inside["kwargs"] = rest;
        }
        else if (named.Count > 0) throw new TemplateException($"macro '{macro.Name}' takes no keyword argument '{named.Keys.First()}'");
        if (macro.TakesMore) inside["varargs"] = new TemplateList([.. arguments.Positional.Skip(macro.Parameters.Count)], isTuple: true);
        else if (arguments.Positional.Count > macro.Parameters.Count) throw new TemplateException($"macro '{macro.Name}' takes not more than {macro.Parameters.Count} argument(s)");
        return Marked(Capture(output => Run(macro.Body, inside, output)));
    }

    private T Deeper<T>(Func<T> call)
    {
        if (++_depth > DeepestCalls) throw new TemplateException("maximum recursion depth exceeded");
        T result = call();
        _depth--;
        return result;
    }
}
