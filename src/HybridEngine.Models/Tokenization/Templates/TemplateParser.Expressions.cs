using System.Globalization;
using System.Numerics;

namespace HybridEngine.Models;

/// <summary>This half reads expressions, with Jinja's precedence: filters bind tighter than any operator but unary minus, <c>~</c> tighter than <c>+</c>, <c>**</c> is left associative.</summary>
internal sealed partial class TemplateParser
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>An expression, or several with commas between them: a tuple.</summary>
    private TemplateNode ParseTuple(bool withCondition = true, params string[] ends)
    {
        int line = Current.Line;
        var items = new List<TemplateNode>();
        bool tuple = false;
        while (true)
        {
            if (items.Count > 0 && !SkipOperator(",")) break;
            tuple = items.Count > 0;
            if (IsTupleEnd(ends)) break;
            items.Add(withCondition ? ParseExpression() : Guarded(ParseOr));
        }
        if (items.Count == 0) throw Error(Describe(Current), "an expression");
        return tuple ? new ListNode(items, IsTuple: true) { Line = line } : items[0];
    }

    private bool IsTupleEnd(string[] ends) => Current.Kind is TemplateTokenKind.BlockEnd or TemplateTokenKind.PrintEnd or TemplateTokenKind.End
        || Current.IsOperator(")") || (Current.Kind == TemplateTokenKind.Name && ends.Contains(Current.Text));

    private TemplateNode ParseExpression() => Guarded(ParseCondition);

    /// <summary>Bounds the depth of the recursion, so that a hostile template is an error and not the end of the process.</summary>
    private TemplateNode Guarded(Func<TemplateNode> parse)
    {
        if (++_depth > DeepestNesting) throw Error("deeper nesting than this engine follows", $"at most {DeepestNesting} levels");
        TemplateNode node = parse();
        _depth--;
        return node;
    }

    private TemplateNode ParseCondition()
    {
        int line = Current.Line;
        TemplateNode value = ParseOr();
        while (SkipName("if"))
        {
            TemplateNode test = ParseOr();
            TemplateNode? otherwise = SkipName("else") ? ParseExpression() : null;
            value = new ConditionNode(test, value, otherwise) { Line = line };
        }
        return value;
    }

    private TemplateNode ParseOr()
    {
        TemplateNode left = ParseAnd();
        while (SkipName("or")) left = new BinaryNode("or", left, ParseAnd()) { Line = left.Line };
        return left;
    }

    private TemplateNode ParseAnd()
    {
        TemplateNode left = ParseNot();
        while (SkipName("and")) left = new BinaryNode("and", left, ParseNot()) { Line = left.Line };
        return left;
    }

    private TemplateNode ParseNot()
    {
        int line = Current.Line;
        return SkipName("not") ? new UnaryNode("not", Guarded(ParseNot)) { Line = line } : ParseComparison();
    }

    private TemplateNode ParseComparison()
    {
        TemplateNode first = ParseSum();
        var rest = new List<(string, TemplateNode)>();
        while (true)
        {
            if (Current.Kind == TemplateTokenKind.Operator && Comparisons.Contains(Current.Text)) rest.Add((Next().Text, ParseSum()));
            else if (SkipName("in")) rest.Add(("in", ParseSum()));
            else if (Current.IsName("not") && _tokens[_at + 1].IsName("in"))
            {
                _at += 2;
                rest.Add(("not in", ParseSum()));
            }
            else break;
        }
        return rest.Count == 0 ? first : new CompareNode(first, rest) { Line = first.Line };
    }

    private TemplateNode ParseSum()
    {
        TemplateNode left = ParseConcat();
        while (Current.IsOperator("+") || Current.IsOperator("-")) left = new BinaryNode(Next().Text, left, ParseConcat()) { Line = left.Line };
        return left;
    }

    private TemplateNode ParseConcat()
    {
        TemplateNode first = ParseProduct();
        if (!Current.IsOperator("~")) return first;
        var parts = new List<TemplateNode> { first };
        while (SkipOperator("~")) parts.Add(ParseProduct());
        return new ConcatNode(parts) { Line = first.Line };
    }

    private TemplateNode ParseProduct()
    {
        TemplateNode left = ParsePower();
        while (Current.Kind == TemplateTokenKind.Operator && Current.Text is "*" or "/" or "//" or "%") left = new BinaryNode(Next().Text, left, ParsePower()) { Line = left.Line };
        return left;
    }

    private TemplateNode ParsePower()
    {
        TemplateNode left = ParseUnary();
        while (SkipOperator("**")) left = new BinaryNode("**", left, ParseUnary()) { Line = left.Line };
        return left;
    }

    private TemplateNode ParseUnary(bool withFilters = true)
    {
        int line = Current.Line;
        TemplateNode node;
        if (Current.IsOperator("-") || Current.IsOperator("+"))
        {
            string sign = Next().Text;
            node = new UnaryNode(sign, Guarded(() => ParseUnary(withFilters: false))) { Line = line };
        }
        else node = ParsePrimary();
        node = ParsePostfix(node);
        return withFilters ? ParseFilters(node) : node;
    }

    private TemplateNode ParsePrimary()
    {
        TemplateToken token = Next();
        switch (token.Kind)
        {
            case TemplateTokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new ConstantNode(true),
                    "false" or "False" => new ConstantNode(false),
                    "none" or "None" => new ConstantNode(null),
                    var name => NameOf(name, token.Line),
                };
            case TemplateTokenKind.String:
                string text = token.Text;
                while (Current.Kind == TemplateTokenKind.String) text += Next().Text;
                return new ConstantNode(text) { Line = token.Line };
            case TemplateTokenKind.Integer:
                return new ConstantNode(ParseInteger(token)) { Line = token.Line };
            case TemplateTokenKind.Float:
                return new ConstantNode(double.Parse(token.Text, CultureInfo.InvariantCulture)) { Line = token.Line };
            case TemplateTokenKind.Operator when token.Text == "(":
                if (SkipOperator(")")) return new ListNode([], IsTuple: true) { Line = token.Line };
                TemplateNode inner = ParseTuple();
                ExpectOperator(")");
                return inner;
            case TemplateTokenKind.Operator when token.Text == "[":
                return new ListNode(ParseItems("]", ParseExpression), IsTuple: false) { Line = token.Line };
            case TemplateTokenKind.Operator when token.Text == "{":
                return new DictNode(ParseItems("}", ParseEntry)) { Line = token.Line };
            default:
                _at--;
                throw Error(Describe(token), "a value");
        }
    }

    private NameNode NameOf(string name, int line)
    {
        _names.Add(name);
        return new NameNode(name) { Line = line };
    }

    private BigInteger ParseInteger(TemplateToken token) => PythonNumbers.TryInteger(token.Text, 0, out BigInteger value)
        ? value
        : throw Error($"the number '{token.Text}'", "digits of its radix, at most 4000 of them");

    private (TemplateNode, TemplateNode) ParseEntry()
    {
        TemplateNode key = ParseExpression();
        ExpectOperator(":");
        return (key, ParseExpression());
    }

    private List<T> ParseItems<T>(string end, Func<T> parse)
    {
        var items = new List<T>();
        while (!SkipOperator(end))
        {
            if (items.Count > 0) ExpectOperator(",");
            if (SkipOperator(end)) break;
            items.Add(parse());
        }
        return items;
    }

    private TemplateNode ParsePostfix(TemplateNode node)
    {
        while (true)
        {
            int line = Current.Line;
            if (SkipOperator("."))
            {
                node = Current.Kind == TemplateTokenKind.Integer
                    ? new ItemNode(node, new ConstantNode(ParseInteger(Next()))) { Line = line }
                    : new AttributeNode(node, ExpectName()) { Line = line };
            }
            else if (SkipOperator("["))
            {
                var indexes = new List<TemplateNode> { ParseIndex() };
                while (SkipOperator(",")) indexes.Add(ParseIndex());
                ExpectOperator("]");
                node = new ItemNode(node, indexes.Count == 1 ? indexes[0] : new ListNode(indexes, IsTuple: true)) { Line = line };
            }
            else if (Current.IsOperator("(")) node = new CallNode(node, ParseArguments()) { Line = line };
            else return node;
        }
    }

    private TemplateNode ParseIndex()
    {
        TemplateNode? start = Current.IsOperator(":") ? null : ParseExpression();
        if (!SkipOperator(":")) return start!;
        TemplateNode? stop = AtSliceEnd() ? null : ParseExpression();
        TemplateNode? step = SkipOperator(":") && !AtSliceEnd() ? ParseExpression() : null;
        return new SliceNode(start, stop, step);

        bool AtSliceEnd() => Current.IsOperator(":") || Current.IsOperator("]") || Current.IsOperator(",");
    }

    private Arguments ParseArguments()
    {
        ExpectOperator("(");
        var positional = new List<TemplateNode>();
        var named = new List<(string, TemplateNode)>();
        TemplateNode? star = null, doubleStar = null;
        bool first = true;
        while (!SkipOperator(")"))
        {
            if (!first) ExpectOperator(",");
            first = false;
            if (SkipOperator(")")) break;
            if (SkipOperator("*")) star = ParseExpression();
            else if (SkipOperator("**")) doubleStar = ParseExpression();
            else if (Current.Kind == TemplateTokenKind.Name && _tokens[_at + 1].IsOperator("="))
            {
                string name = ExpectName();
                _at++;
                named.Add((name, ParseExpression()));
            }
            else if (named.Count > 0) throw Error(Describe(Current), "a named argument, since one before is named");
            else positional.Add(ParseExpression());
        }
        return new Arguments(positional, named, star, doubleStar);
    }

    /// <summary>Filters and tests behind a value.</summary>
    /// <param name="node">The value.</param>
    /// <param name="named">Whether the first filter comes without its bar, as in a filter block.</param>
    private TemplateNode ParseFilters(TemplateNode node, bool named = false)
    {
        while (true)
        {
            int line = Current.Line;
            if (named || SkipOperator("|"))
            {
                named = false;
                string name = ParseDottedName();
                node = new FilterNode(node, name, Current.IsOperator("(") ? ParseArguments() : Arguments.None) { Line = line };
            }
            else if (SkipName("is")) node = ParseTest(node, line);
            else if (Current.IsOperator("(")) node = new CallNode(node, ParseArguments()) { Line = line };
            else return node;
        }
    }

    private TestNode ParseTest(TemplateNode node, int line)
    {
        bool negated = SkipName("not");
        string name = ParseDottedName();
        Arguments arguments = Arguments.None;
        if (Current.IsOperator("(")) arguments = ParseArguments();
        else if (BeginsTestArgument()) arguments = new Arguments([ParsePostfix(ParsePrimary())], [], null, null);
        return new TestNode(node, name, arguments, negated) { Line = line };
    }

    private bool BeginsTestArgument()
    {
        if (Current.IsName("is")) throw Error("'is' after a test", "parentheses around the first test");
        return Current.Kind switch
        {
            TemplateTokenKind.Name => Current.Text is not ("else" or "or" or "and" or "if" or "in" or "not" or "recursive"),
            TemplateTokenKind.String or TemplateTokenKind.Integer or TemplateTokenKind.Float => true,
            _ => Current.IsOperator("[") || Current.IsOperator("{"),
        };
    }

    private string ParseDottedName()
    {
        string name = ExpectName();
        while (SkipOperator(".")) name += "." + ExpectName();
        return name;
    }
}
