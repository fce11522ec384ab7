using HybridEngine.Inference;

namespace HybridEngine.Rlhf;

/// <summary>An endless seeded stream of pocket items; going back means starting over, which costs microseconds.</summary>
/// <typeparam name="T">The items.</typeparam>
public abstract class PocketStream<T>(ulong seed) : IDataStream<T>
{
    private SplitMix64 _random = new(seed);
    private long _position;

    /// <inheritdoc />
    public int ItemsPerEpoch => 0;

    /// <inheritdoc />
    public long Position
    {
        get => _position;
        set
        {
            if (value < _position) { (_random, _position) = (new SplitMix64(seed), 0); }
            while (_position < value)
            {
                Skip(ref _random);
                _position++;
            }
        }
    }

    /// <inheritdoc />
    public T Next()
    {
        T item = Draw(ref _random, _position);
        _position++;
        return item;
    }

    /// <summary>Makes the item of a position.</summary>
    protected abstract T Draw(ref SplitMix64 random, long position);

    /// <summary>Takes the numbers that <see cref="Draw"/> would take, without its work.</summary>
    protected abstract void Skip(ref SplitMix64 random);
}

/// <summary>Demonstrations of sloppy labellers; the loss covers the answer.</summary>
/// <param name="seed">1000 and the run's seed.</param>
public sealed class PocketDemonstrations(ulong seed) : PocketStream<TrainingSequence>(seed)
{
    /// <inheritdoc />
    protected override TrainingSequence Draw(ref SplitMix64 random, long position)
    {
        PocketTask task = PocketTask.Draw(ref random, test: false);
        int[] prompt = PocketVocabulary.Prompt(task.Question);
        return TrainingSequence.FromPrompt([.. prompt, .. PocketVocabulary.Answer(PocketLabeller.Demonstrate(ref random, task))], prompt.Length);
    }

    /// <inheritdoc />
    protected override void Skip(ref SplitMix64 random) => PocketLabeller.Demonstrate(ref random, PocketTask.Draw(ref random, test: false));
}

/// <summary>Questions to answer in rollouts.</summary>
/// <param name="seed">3000 and the run's seed.</param>
public sealed class PocketQuestions(ulong seed) : PocketStream<RolloutPrompt>(seed)
{
    /// <summary>The first <paramref name="count"/> questions of a seed.</summary>
    public static IReadOnlyList<PocketTask> Tasks(ulong seed, int count, bool test)
    {
        SplitMix64 random = new(seed);
        PocketTask[] tasks = new PocketTask[count];
        for (int i = 0; i < count; i++) { tasks[i] = PocketTask.Draw(ref random, test); }
        return tasks;
    }

    /// <inheritdoc />
    protected override RolloutPrompt Draw(ref SplitMix64 random, long position)
    {
        PocketTask task = PocketTask.Draw(ref random, test: false);
        return new RolloutPrompt(PocketVocabulary.Prompt(task.Question), task);
    }

    /// <inheritdoc />
    protected override void Skip(ref SplitMix64 random) => PocketTask.Draw(ref random, test: false);
}

/// <summary>Comparisons by the careful reader: of each question two demonstrations and two answers sampled from the policy, all pairs of different quality.</summary>
/// <remarks>Without the policy's own answers the reward model is right about labellers only, and PPO finds what it is wrong about.</remarks>
public sealed class PocketComparisons : PocketStream<Comparison>
{
    private const int SampledAnswers = 2;
    private readonly GenerationEngine _policy;
    private readonly int _questionsAhead;
    private readonly SamplingOptions _sampling;
    private readonly Queue<(PocketTask Task, int[][] Answers)> _ready = [];
    private long _readyFrom;

    /// <param name="seed">2000 and the run's seed.</param>
    /// <param name="policy">Samples from the SFT weights, which must not change meanwhile.</param>
    /// <param name="maxNewTokens">Longest answer.</param>
    /// <param name="questionsAhead">Questions that are answered in one running batch: speed, never a result.</param>
    public PocketComparisons(ulong seed, GenerationEngine policy, int maxNewTokens, int questionsAhead = 256) : base(seed)
    {
        (_policy, _questionsAhead) = (policy, questionsAhead);
        _sampling = new SamplingOptions { MaxTokens = maxNewTokens, Seed = (long)seed };
    }

    /// <inheritdoc />
    protected override Comparison Draw(ref SplitMix64 random, long position)
    {
        if (_ready.Count == 0 || position != _readyFrom) { Fill(random, position); }
        PocketTask task = PocketTask.Draw(ref random, test: false);
        string[] demonstrations = [PocketLabeller.Demonstrate(ref random, task), PocketLabeller.Demonstrate(ref random, task)];
        (PocketTask expected, int[][] sampled) = _ready.Dequeue();
        _readyFrom++;
        return task == expected ? Rank(task, [.. demonstrations.Select(PocketVocabulary.Answer), .. sampled]) : throw new InvalidOperationException("The questions ahead are not those of the stream.");
    }

    /// <inheritdoc />
    protected override void Skip(ref SplitMix64 random)
    {
        PocketTask task = PocketTask.Draw(ref random, test: false);
        PocketLabeller.Demonstrate(ref random, task);
        PocketLabeller.Demonstrate(ref random, task);
    }

    /// <summary>All pairs of different quality, better first. Answers are tokens as they were sampled: one that ran into the limit has no end token.</summary>
    public static Comparison Rank(PocketTask task, IReadOnlyList<int[]> answers)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(answers);
        int[] prompt = PocketVocabulary.Prompt(task.Question);
        int[] quality = [.. answers.Select(a => PocketLabeller.Quality(task, PocketVocabulary.Text(a)))];
        List<RankedPair> pairs = [];
        for (int i = 0; i < answers.Count; i++)
        {
            for (int k = 0; k < answers.Count; k++)
            {
                if (quality[i] > quality[k]) { pairs.Add(new RankedPair(i, k, quality[i] - quality[k])); }
            }
        }

        return new Comparison([.. answers.Select(a => (int[])[.. prompt, .. a])], pairs);
    }

    /// <summary>Answers the next questions in one running batch: draws depend on seed and question number only.</summary>
    private void Fill(SplitMix64 random, long position)
    {
        _ready.Clear();
        _readyFrom = position;
        PocketTask[] tasks = new PocketTask[_questionsAhead];
        Generation[] generations = new Generation[_questionsAhead];
        for (int i = 0; i < tasks.Length; i++)
        {
            tasks[i] = PocketTask.Draw(ref random, test: false);
            PocketLabeller.Demonstrate(ref random, tasks[i]);
            PocketLabeller.Demonstrate(ref random, tasks[i]);
            generations[i] = _policy.Submit(new GenerationRequest
            {
                Prompt = PocketVocabulary.Prompt(tasks[i].Question), Sampling = _sampling, RequestId = position + i, Choices = SampledAnswers, DecodeText = false,
            });
        }

        _policy.Run();
        for (int i = 0; i < tasks.Length; i++) { _ready.Enqueue((tasks[i], [.. generations[i].Results().Select(r => r.TokenIds)])); }
    }
}
