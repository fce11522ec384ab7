using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>Questions that no training saw, and the share that a model answers exactly.</summary>
/// <remarks>This is the truth that a reward model only guesses at: always shown beside the reward.</remarks>
public sealed class PocketExam
{
    private const ulong Seed = 999;

    /// <param name="questions">How many of the 1024.</param>
    public PocketExam(int questions = 1024) => Tasks = PocketQuestions.Tasks(Seed, questions, test: true);

    /// <summary>The questions.</summary>
    public IReadOnlyList<PocketTask> Tasks { get; }

    /// <summary>Answers all questions; temperature 1 or greedy.</summary>
    public IReadOnlyList<Rollout> Answer(GenerationEngine engine, int maxNewTokens, bool greedy)
    {
        ArgumentNullException.ThrowIfNull(engine);
        SamplingOptions sampling = new() { MaxTokens = maxNewTokens, Seed = (long)Seed, Temperature = greedy ? 0 : 1 };
        Generation[] generations = [.. Tasks.Select((t, i) => engine.Submit(new GenerationRequest { Prompt = PocketVocabulary.Prompt(t.Question), Sampling = sampling, RequestId = i, DecodeText = false }))];
        engine.Run();
        return [.. generations.Select((g, i) =>
        {
            GenerationResult r = g.Results()[0];
            return new Rollout(new RolloutPrompt(g.Request.Prompt, Tasks[i]), r.TokenIds, r.LogProbs, r.FinishReason == FinishReason.Stop, PocketVocabulary.Text(r.TokenIds));
        })];
    }

    /// <summary>Share of exact answers.</summary>
    public static double Exact(IReadOnlyList<Rollout> answers)
    {
        ArgumentNullException.ThrowIfNull(answers);
        return answers.Count == 0 ? 0 : answers.Count(IsExact) / (double)answers.Count;
    }

    /// <summary>True for an answer that a careful reader wants and that ended by itself.</summary>
    public static bool IsExact(Rollout answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return answer.Terminated && answer.Prompt.Tag is PocketTask task && PocketLabeller.IsExact(task, answer.Text);
    }

    /// <summary>KL to another model, nats per answer, estimated on sampled answers.</summary>
    public static double Divergence(IReadOnlyList<Rollout> answers, TrainableLanguageModel reference)
    {
        ArgumentNullException.ThrowIfNull(answers);
        ArgumentNullException.ThrowIfNull(reference);
        double sum = 0;
        foreach ((int a, int b) in MicroBatches.Cut([.. answers.Select(r => r.Sequence.Length)], 4096))
        {
            PpoBatch batch = new([.. answers.Skip(a).Take(b - a)]);
            (PackedBatch packed, TokenSelection selection) = batch.Pack([.. Enumerable.Range(0, b - a)]);
            float[] scores = reference.Score(packed, selection).LogProbs;
            for (int t = 0; t < scores.Length; t++) { sum += (double)batch.OldLogProbs[t] - scores[t]; }
        }

        return sum / answers.Count;
    }

    /// <summary>How often a reward model prefers the right answer to the wrong one.</summary>
    /// <param name="reward">The model.</param>
    /// <param name="questions">How many questions of seed 77.</param>
    public static double RightAgainstWrong(IRewardFunction reward, int questions = 400)
    {
        ArgumentNullException.ThrowIfNull(reward);
        IReadOnlyList<PocketTask> tasks = PocketQuestions.Tasks(77, questions, test: true);
        Rollout[] rollouts = [.. tasks.SelectMany(t => new[] { Fixed(t, t.Right + "."), Fixed(t, t.Wrong + ".") })];
        float[] scores = reward.Score(rollouts);
        return tasks.Select((_, i) => scores[2 * i] > scores[2 * i + 1] ? 1.0 : 0).Average();
    }

    private static Rollout Fixed(PocketTask task, string answer)
    {
        int[] completion = PocketVocabulary.Answer(answer);
        return new Rollout(new RolloutPrompt(PocketVocabulary.Prompt(task.Question), task), completion, new float[completion.Length], true, answer);
    }
}
