using System.Globalization;
using HybridEngine.Models;

namespace HybridEngine.Rlhf;

/// <summary>The demo's page: what was reached, curves of the three stages, answers before and after.</summary>
public static class PocketReport
{
    private const int ShownSamples = 12;

    /// <summary>Writes the page.</summary>
    /// <param name="path">The file.</param>
    /// <param name="result">What the demo found.</param>
    /// <param name="recipe">The settings it ran with.</param>
    /// <param name="backend">The backend's description.</param>
    public static void Write(string path, PocketResult result, PocketRecipe recipe, string backend)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(recipe);
        CultureInfo c = CultureInfo.InvariantCulture;
        List<ReportFact> facts = [];
        foreach (PocketGrade g in result.Grades)
        {
            facts.Add(new ReportFact($"exact answers after {g.Stage}", string.Create(c, $"{g.Sampled:P1} sampled, {g.Greedy:P1} greedy, KL to SFT {g.Kl:F2} nats, {g.Length:F1} tokens")));
        }

        if (!double.IsNaN(result.RightAgainstWrong)) { facts.Add(new ReportFact("reward model, right against wrong", string.Create(c, $"{result.RightAgainstWrong:P1}"))); }
        foreach ((string phase, double seconds) in result.Seconds) { facts.Add(new ReportFact($"seconds, {phase}", string.Create(c, $"{seconds:F1}"))); }
        facts.Add(new ReportFact("questions of the exam", string.Create(c, $"{recipe.ExamQuestions}, none of them trained on but the sums")));
        facts.Add(new ReportFact("machine", backend));
        ReportPage page = new("The pocket assistant", [.. result.History.Select(h => new ReportStage(h.Key, h.Value))])
        {
            Facts = facts,
            Samples = [.. Samples(result, ShownSamples).Select(s => new ReportSample(s.Question, s.First, s.Last))],
            Configuration = string.Join("\n", ((TrainerOptions[])[recipe.Sft, recipe.Reward, recipe.Ppo]).Select(o => RunConfiguration.Print(o, comments: false))),
        };
        AtomicFile.WriteText(path, page.ToHtml());
    }

    /// <summary>Questions of the exam, spread over its skills, with the sampled answers of the first and the last grade.</summary>
    public static IEnumerable<(string Question, string First, string Last)> Samples(PocketResult result, int count)
    {
        ArgumentNullException.ThrowIfNull(result);
        IReadOnlyList<Rollout> first = result.Grades[0].Answers, last = result.Grades[^1].Answers;
        // One of each skill in turn: a question's first word tells the skill, sums have none.
        IEnumerable<IEnumerable<int>> bySkill = Enumerable.Range(0, first.Count).GroupBy(i => Skill(Question(first[i]))).OrderBy(g => g.Key, StringComparer.Ordinal);
        IEnumerable<int> spread = bySkill.SelectMany(g => g.Select((index, turn) => (index, turn))).OrderBy(p => p.turn).Select(p => p.index);
        return spread.Take(count).Select(i => (Question(first[i]), first[i].Text, last[i].Text));
    }

    private static string Skill(string question) => question.Split(' ')[0] is { } word && char.IsLetter(word[0]) ? word : "sum";

    private static string Question(Rollout rollout) => ((PocketTask)rollout.Prompt.Tag!).Question;
}
