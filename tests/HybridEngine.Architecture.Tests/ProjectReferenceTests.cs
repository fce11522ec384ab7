using System.Xml.Linq;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Architecture.Tests;

/// <summary>docs/architecture.md: <c>Cli -> Rlhf -> HybridEngine -> {Inference, Training} -> Models -> Core</c>, and the backends <c>-> Core</c>.</summary>
public sealed class ProjectReferenceTests
{
    // Project to the projects that it may reference directly. What follows from an arrow may also be said outright.
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["HybridEngine.Core"] = [],
        ["HybridEngine.Reference"] = ["HybridEngine.Core"],
        ["HybridEngine.Native"] = ["HybridEngine.Core"],
        ["HybridEngine.Cuda"] = ["HybridEngine.Core", "ManagedCuda"],
        ["HybridEngine.Models"] = ["HybridEngine.Core", "Microsoft.ML.Tokenizers"],
        ["HybridEngine.Inference"] = ["HybridEngine.Models", "HybridEngine.Core"],
        ["HybridEngine.Training"] = ["HybridEngine.Models", "HybridEngine.Core"],
        ["HybridEngine"] = ["HybridEngine.Inference", "HybridEngine.Training", "HybridEngine.Models", "HybridEngine.Core", "HybridEngine.Reference", "HybridEngine.Native", "HybridEngine.Cuda"],
        ["HybridEngine.Rlhf"] = ["HybridEngine", "HybridEngine.Inference", "HybridEngine.Training", "HybridEngine.Models", "HybridEngine.Core"],
        ["HybridEngine.Cli"] = ["HybridEngine.Rlhf", "HybridEngine", "HybridEngine.Inference", "HybridEngine.Training", "HybridEngine.Models", "HybridEngine.Core"],
        ["Microsoft.ML.Tokenizers"] = [],
        ["ManagedCuda"] = [],
    };

    [Fact]
    public void EveryProject_References_FollowTheArrows()
    {
        List<string> wrong = [];
        foreach (string project in Projects("src"))
        {
            string name = Path.GetFileNameWithoutExtension(project);
            if (!Arrows.TryGetValue(name, out string[]? allowed)) { wrong.Add($"{name} is not a room of docs/architecture.md"); }
            else { wrong.AddRange(References(project).Where(r => !allowed.Contains(r)).Select(r => $"{name} -> {r}")); }
        }

        Assert.Empty(wrong);
        Assert.Equal(Arrows.Keys.Order(), Projects("src").Select(Path.GetFileNameWithoutExtension).Order());
    }

    [Fact]
    public void EveryProject_IsInTheSolution()
    {
        string solution = File.ReadAllText(RepoRoot.Combine("HybridEngine.sln")).Replace('\\', '/');
        Assert.All(Projects("src").Concat(Projects("tests")), p => Assert.Contains($"\"{Path.GetRelativePath(RepoRoot.Path, p).Replace('\\', '/')}\"", solution, StringComparison.Ordinal));
    }

    [Fact]
    public void EveryRoom_HasItsLineInTheMap()
    {
        string map = File.ReadAllText(RepoRoot.Combine("docs", "architecture.md"));
        Assert.All(Arrows.Keys.Where(name => name.StartsWith("HybridEngine", StringComparison.Ordinal)), name => Assert.Contains($"`src/{name}", map, StringComparison.Ordinal));
    }

    private static string[] Projects(string folder) => Directory.GetFiles(RepoRoot.Combine(folder), "*.csproj", SearchOption.AllDirectories);

    private static IEnumerable<string> References(string project) =>
        XDocument.Load(project).Descendants("ProjectReference").Select(e => Path.GetFileNameWithoutExtension(e.Attribute("Include")!.Value.Replace('\\', '/')));
}
