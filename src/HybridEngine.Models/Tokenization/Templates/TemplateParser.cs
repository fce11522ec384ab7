namespace HybridEngine.Models;

/// <summary>Recursive descent over the tokens; this half reads statements.</summary>
internal sealed partial class TemplateParser
{
    // Deeper nesting than this is an attack on the stack.
    private const int DeepestNesting = 120;

    private readonly List<TemplateToken> _tokens;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private int _at;
    private int _depth;

    private TemplateParser(List<TemplateToken> tokens) => _tokens = tokens;

    private TemplateToken Current => _tokens[_at];

    public static IReadOnlyList<TemplateNode> Parse(string source)
    {
        var parser = new TemplateParser(TemplateLexer.Read(source));
        return parser.ParseUntil();
    }

    /// <summary>Statements up to, not including, a block with one of these names; without names to the end.</summary>
    private List<TemplateNode> ParseUntil(params string[] ends)
    {
        var body = new List<TemplateNode>();
        while (true)
        {
            TemplateToken token = Next();
            switch (token.Kind)
            {
                case TemplateTokenKind.Data:
                    body.Add(new TextNode(token.Text) { Line = token.Line });
                    break;
                case TemplateTokenKind.PrintBegin:
                    body.Add(new PrintNode(ParseTuple()) { Line = token.Line });
                    Expect(TemplateTokenKind.PrintEnd, "}}");
                    break;
                case TemplateTokenKind.BlockBegin:
                    if (Current.Kind == TemplateTokenKind.Name && ends.Contains(Current.Text)) return body;
                    body.Add(ParseStatement());
                    break;
                default:
                    if (ends.Length > 0) throw Error("the end of the template", string.Join(" or ", ends));
                    return body;
            }
        }
    }

    private TemplateNode ParseStatement()
    {
        if (++_depth > DeepestNesting) throw Error("deeper nesting than this engine follows", $"at most {DeepestNesting} levels");
        TemplateToken tag = Current;
        string name = ExpectName();
        TemplateNode node = name switch
        {
            "if" => ParseIf(),
            "for" => ParseFor(),
            "set" => ParseSet(),
            "macro" => ParseMacro(),
            "call" => ParseCall(),
            "filter" => ParseFilterBlock(),
            "with" => ParseWith(),
            "generation" => new GroupNode(ParseBody("endgeneration")),
            "block" => ParseBlock(),
            "autoescape" => ParseAutoescape(),
            "do" => new DoNode(ParseTuple()),
            "break" => new BreakNode(),
            "continue" => new ContinueNode(),
            "include" or "extends" or "import" or "from" => ParseLoad(name),
            _ => throw new TemplateException($"chat template, line {tag.Line}: found the tag '{name}', expected a tag of Jinja"),
        };
        Expect(TemplateTokenKind.BlockEnd, "%}");
        _depth--;
        return node with { Line = tag.Line };
    }

    /// <summary>The rest of the opening tag is over; reads the body and the name of the closing tag.</summary>
    private List<TemplateNode> ParseBody(string end)
    {
        Expect(TemplateTokenKind.BlockEnd, "%}");
        List<TemplateNode> body = ParseUntil(end);
        _at++;
        return body;
    }

    private IfNode ParseIf()
    {
        var branches = new List<(TemplateNode, IReadOnlyList<TemplateNode>)>();
        while (true)
        {
            TemplateNode test = ParseTuple(withCondition: false);
            Expect(TemplateTokenKind.BlockEnd, "%}");
            branches.Add((test, ParseUntil("elif", "else", "endif")));
            switch (ExpectName())
            {
                case "elif": continue;
                case "else": return new IfNode(branches, ParseBody("endif"));
                default: return new IfNode(branches, []);
            }
        }
    }

    private ForNode ParseFor()
    {
        TemplateNode target = ParseTarget("in");
        ExpectWord("in");
        TemplateNode items = ParseTuple(withCondition: false, "recursive", "if");
        TemplateNode? test = SkipName("if") ? ParseExpression() : null;
        bool recursive = SkipName("recursive");
        Expect(TemplateTokenKind.BlockEnd, "%}");
        List<TemplateNode> body = ParseUntil("else", "endfor");
        List<TemplateNode> otherwise = ExpectName() == "else" ? ParseBody("endfor") : [];
        return new ForNode(target, items, test, recursive, body, otherwise);
    }

    private TemplateNode ParseSet()
    {
        TemplateNode target = ParseTarget("=");
        if (SkipOperator("=")) return new SetNode(target, ParseTuple());
        TemplateNode? filter = Current.IsOperator("|") ? ParseFilters(new CapturedNode()) : null;
        return new SetBlockNode(target, filter, ParseBody("endset"));
    }

    private MacroNode ParseMacro()
    {
        string name = ExpectName();
        (List<string> parameters, List<TemplateNode> defaults) = ParseSignature();
        return ParseMacroBody(name, parameters, defaults, "endmacro");
    }

    private MacroNode ParseMacroBody(string name, List<string> parameters, List<TemplateNode> defaults, string end)
    {
        HashSet<string> outer = [.. _names];
        _names.Clear();
        List<TemplateNode> body = ParseBody(end);
        var macro = new MacroNode(name, parameters, defaults, body) { TakesCaller = _names.Contains("caller"), TakesMore = _names.Contains("varargs"), TakesNamed = _names.Contains("kwargs") };
        _names.UnionWith(outer);
        return macro;
    }

    private (List<string> Parameters, List<TemplateNode> Defaults) ParseSignature()
    {
        var parameters = new List<string>();
        var defaults = new List<TemplateNode>();
        ExpectOperator("(");
        while (!SkipOperator(")"))
        {
            if (parameters.Count > 0) ExpectOperator(",");
            if (SkipOperator(")")) break;
            parameters.Add(ExpectName());
            if (SkipOperator("=")) defaults.Add(ParseExpression());
            else if (defaults.Count > 0) throw Error(Describe(Current), "a default, since one before has one");
        }
        return (parameters, defaults);
    }

    private CallBlockNode ParseCall()
    {
        (List<string> parameters, List<TemplateNode> defaults) = Current.IsOperator("(") ? ParseSignature() : ([], []);
        if (ParseExpression() is not CallNode call) throw Error("something else", "a call after 'call'");
        return new CallBlockNode(call, ParseMacroBody("caller", parameters, defaults, "endcall"));
    }

    private FilterBlockNode ParseFilterBlock()
    {
        TemplateNode filter = ParseFilters(new CapturedNode(), named: true);
        return new FilterBlockNode(filter, ParseBody("endfilter"));
    }

    private WithNode ParseWith()
    {
        var values = new List<(TemplateNode, TemplateNode)>();
        while (Current.Kind != TemplateTokenKind.BlockEnd)
        {
            if (values.Count > 0) ExpectOperator(",");
            TemplateNode target = ParseTarget("=");
            ExpectOperator("=");
            values.Add((target, ParseExpression()));
        }
        return new WithNode(values, ParseBody("endwith"));
    }

    private GroupNode ParseBlock()
    {
        ExpectName();
        List<TemplateNode> body = ParseBody("endblock");
        if (Current.Kind == TemplateTokenKind.Name) _at++;
        return new GroupNode(body);
    }

    private AutoescapeNode ParseAutoescape()
    {
        TemplateNode on = ParseExpression();
        return new AutoescapeNode(on, ParseBody("endautoescape"));
    }

    private LoadNode ParseLoad(string tag)
    {
        while (Current.Kind is not (TemplateTokenKind.BlockEnd or TemplateTokenKind.End)) _at++;
        return new LoadNode(tag);
    }

    /// <summary>What a value is assigned to: names, tuples of them, or a member of a namespace.</summary>
    private TemplateNode ParseTarget(string end)
    {
        int line = Current.Line;
        var parts = new List<TemplateNode>();
        bool tuple = false;
        while (true)
        {
            if (SkipOperator("("))
            {
                parts.Add(ParseTarget(")"));
                ExpectOperator(")");
            }
            else
            {
                string name = ExpectName();
                if (SkipOperator(".")) parts.Add(new AttributeNode(new NameNode(name), ExpectName()) { Line = line });
                else parts.Add(new NameNode(name) { Line = line });
            }
            if (!SkipOperator(",")) break;
            tuple = true;
            if (Current.IsName(end) || Current.IsOperator(end)) break;
        }
        return tuple ? new ListNode(parts, IsTuple: true) { Line = line } : parts[0];
    }

    private TemplateToken Next() => _tokens[_at < _tokens.Count - 1 ? _at++ : _at];

    private bool SkipName(string name)
    {
        if (!Current.IsName(name)) return false;
        _at++;
        return true;
    }

    private bool SkipOperator(string text)
    {
        if (!Current.IsOperator(text)) return false;
        _at++;
        return true;
    }

    private void Expect(TemplateTokenKind kind, string what)
    {
        if (Current.Kind != kind) throw Error(Describe(Current), what);
        _at++;
    }

    private void ExpectOperator(string text)
    {
        if (!SkipOperator(text)) throw Error(Describe(Current), $"'{text}'");
    }

    private void ExpectWord(string name)
    {
        if (!SkipName(name)) throw Error(Describe(Current), $"'{name}'");
    }

    private string ExpectName()
    {
        if (Current.Kind != TemplateTokenKind.Name) throw Error(Describe(Current), "a name");
        return Next().Text;
    }

    private TemplateException Error(string found, string expected) => new($"chat template, line {Current.Line}: found {found}, expected {expected}");

    private static string Describe(TemplateToken token) => token.Kind switch
    {
        TemplateTokenKind.BlockEnd => "the end of the tag",
        TemplateTokenKind.PrintEnd => "the end of the print statement",
        TemplateTokenKind.End => "the end of the template",
        _ => $"'{token.Text}'",
    };
}
