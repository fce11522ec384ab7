using System.CommandLine;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.CommandLine;

/// <summary><c>--adapter PATH</c> for everything, and <c>--adapter NAME=PATH</c> for lines whose <c>adapter</c> field says so.</summary>
internal sealed class AdapterOption
{
    private readonly Option<string[]> _option = new("--adapter")
    {
        Description = "A LoRA adapter's folder (PEFT's layout). PATH is used for every input; NAME=PATH by lines of --input whose \"adapter\" is NAME. Repeatable.",
        HelpName = "[NAME=]PATH",
        AllowMultipleArgumentsPerToken = false,
    };

    public void AddTo(Command command) => command.Options.Add(_option);

    /// <summary>Loads what is given into <see cref="HybridModel.Adapters"/>.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="model">The base.</param>
    /// <param name="lines">There are lines that may choose: else the only adapter counts for everything, named or not.</param>
    /// <returns>The one for inputs that name none, or null.</returns>
    public LoraAdapter? Load(ParseResult parse, HybridModel model, bool lines)
    {
        LoraAdapter? everywhere = null;
        foreach (string given in parse.GetValue(_option) ?? [])
        {
            int equals = Directory.Exists(given) ? -1 : given.IndexOf('=', StringComparison.Ordinal);
            (string name, string path) = equals > 0 ? (given[..equals], given[(equals + 1)..]) : (Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(given))), given);
            if (model.Adapters.Find(name) is not null) { throw new InvalidInputException("--adapter", $"'{name}' twice", "different names"); }
            LoraAdapter adapter = model.Adapters.Load(name, path);
            if (equals > 0 && lines) { continue; }
            if (everywhere is not null) { throw new InvalidInputException("--adapter", $"{everywhere.Name} and {name} for every input", lines ? "NAME=PATH for all but one" : "one"); }
            everywhere = adapter;
        }

        return everywhere;
    }

    /// <summary>The adapter of a line: what its <c>adapter</c> field names (null is none), else the one for everything.</summary>
    public static LoraAdapter? Of(JsonLine line, HybridModel model, LoraAdapter? everywhere)
    {
        if (!line.Has("adapter")) { return everywhere; }
        if (line.Value.GetProperty("adapter").ValueKind == System.Text.Json.JsonValueKind.Null) { return null; }
        string name = line.Text("adapter");
        return model.Adapters.Find(name) ?? throw new InvalidInputException($"{line.Origin}: adapter", $"'{name}'", model.Adapters.Names.Count == 0 ? "an adapter given by --adapter" : $"one of {string.Join(", ", model.Adapters.Names)}");
    }
}
