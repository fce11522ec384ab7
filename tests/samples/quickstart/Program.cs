// Loads a model, generates, and teaches it by PPO to please a reward of your own: here, answers with many vowels.
// Usage: quickstart MODEL STEPS OUTPUT
using HybridEngine;
using HybridEngine.Inference;
using HybridEngine.Rlhf;

using HybridModel model = HybridModel.Load(args[0]);
int steps = int.Parse(args[1]);

GenerationResult before = model.Generate("Once upon a time", new SamplingOptions { MaxTokens = 24, Temperature = 0.7f });
Console.WriteLine($"before: {before.Text} ({before.LogProbs.Sum():F1} nats, {before.FinishReason})");

static double Vowels(Rollout answer) => answer.Text.Count("aeiou".Contains) / 8.0;

PpoOptions options = new() { Steps = steps, PromptsPerStep = 32, MaxNewTokens = 16, LearningRate = 1e-3, CriticLearningRate = 1e-3, KlCoefficient = 0.05 };
using PpoSession ppo = new(model, ["Once upon a time", "One day", "Tom and Anna"], Vowels, options);
for (int step = 1; step <= steps; step++)
{
    StepMetrics metrics = ppo.Step();
    Console.WriteLine($"step {step}: score {metrics["objective/scores"]:F3}, KL {metrics["objective/kl"]:F3}, mismatch {metrics["sampling/sampling_logp_difference/max"]}");
}

Console.WriteLine($"after: {model.Generate("Once upon a time", new SamplingOptions { MaxTokens = 24, Temperature = 0.7f }).Text}");
Console.WriteLine($"{model.Switches.Count} switches between generating and training took {model.Switches.Total.TotalMilliseconds:F1} ms");
model.Save(args[2]);
