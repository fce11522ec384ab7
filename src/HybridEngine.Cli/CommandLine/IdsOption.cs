using System.CommandLine;

namespace HybridEngine.Cli.CommandLine;

/// <summary>An option that takes token ids, such as <c>1,2,3</c>.</summary>
internal sealed class IdsOption
{
    private readonly Option<int[]> _option;

    public IdsOption(string name, string description)
    {
        _option = new Option<int[]>(name) { Description = description, HelpName = "IDS", CustomParser = r => Numbers.ParseIds(r, name) };
    }

    public void AddTo(Command command) => command.Options.Add(_option);

    /// <summary>The ids, or null when the option is not given.</summary>
    public int[]? Read(ParseResult parse) => parse.GetResult(_option) is { Implicit: false } ? parse.GetValue(_option) : null;
}
