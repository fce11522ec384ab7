using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>PPO of a model on prompts and a reward of the user's own: the frozen reference and the critic are made from the model itself.</summary>
/// <remarks>Reference and critic are copies of the weights as they are now (the critic with a head of zeros); the actor trains the model's own. For files, checkpoints and metrics use a run.</remarks>
public sealed class PpoSession : IDisposable
{
    private readonly HybridModel _reference;
    private readonly TrainableLanguageModel _frozen;
    private readonly Decoder _criticBody;
    private readonly ScalarHead _criticHead;
    private readonly TrainableScalarModel _critic;
    private readonly PpoTrainer _trainer;

    /// <param name="model">The policy; stays the caller's.</param>
    /// <param name="prompts">Asked in turn, again and again; with the tokenizer's own special tokens.</param>
    /// <param name="reward">Score of an answer, higher is better.</param>
    /// <param name="options">Options; <see cref="TrainerOptions.Steps"/> is the length of the schedule.</param>
    public PpoSession(HybridModel model, IReadOnlyList<string> prompts, Func<Rollout, double> reward, PpoOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new PpoOptions();
        Tokenizer tokenizer = model.Tokenizer ?? throw new UnsupportedException("model", "PPO on texts without a tokenizer", "a model with one");
        _reference = model.Clone();
        _frozen = new TrainableLanguageModel(_reference.Decoder);
        _criticBody = model.Decoder.Clone();
        _criticHead = new ScalarHead(model.Kernels, model.Decoder.Config.EmbeddingSize);
        _critic = new TrainableScalarModel(_criticBody, _criticHead, options.Training());
        model.Train(options.Training());
        PpoModels models = new(model, _critic, _frozen, new DelegateReward(reward));
        RolloutPrompt[] items = [.. prompts.Select(p => new RolloutPrompt(tokenizer.Encode(p), p))];
        _trainer = new PpoTrainer(options, models, new PromptCycle(items), ids => tokenizer.Decode(ids, skipSpecialTokens: true));
    }

    /// <summary>The answers of the last step.</summary>
    public IReadOnlyList<Rollout> Answers => _trainer.LastBatch?.Rollouts ?? [];

    /// <summary>One step: rollout, scoring, training.</summary>
    public StepMetrics Step() => _trainer.Step();

    /// <inheritdoc />
    public void Dispose()
    {
        _critic.Dispose();
        _criticHead.Dispose();
        _criticBody.Dispose();
        _frozen.Dispose();
        _reference.Dispose();
    }

    private sealed class PromptCycle(RolloutPrompt[] prompts) : IDataStream<RolloutPrompt>
    {
        public long Position { get; set; }

        public int ItemsPerEpoch => prompts.Length;

        public RolloutPrompt Next() => prompts[(int)(Position++ % prompts.Length)];
    }
}
