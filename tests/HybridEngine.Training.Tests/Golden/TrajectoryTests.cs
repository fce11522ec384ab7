using System.Text.Json;

namespace HybridEngine.Training.Tests;

/// <summary>Whole short training runs against float64 PyTorch (golden/rlhf/traj_*): losses, gradient norms, final weights.</summary>
public sealed class TrajectoryTests
{
    public static TheoryData<string, string, bool> Supervised() => new()
    {
        { "reference", "sft_llama", false }, { "reference", "sft_opt", false }, { "reference", "sft_llama", true },
        { "native", "sft_llama", false }, { "native", "sft_opt", false }, { "native", "sft_llama", true },
    };

    [SkippableTheory, MemberData(nameof(Supervised))]
    public void SupervisedFineTuning_TwentySteps_LossesAndWeightsAgree(string backend, string name, bool recompute)
    {
        using Trajectory run = new(backend, name, "policy");
        using TrainableLanguageModel model = new(run.Decoder, new TrainingOptions { Optimizer = run.Optimizer, RecomputeActivations = recompute });
        bool completionOnly = run.Q.GetProperty("completion_only").GetBoolean();
        LearningRateSchedule schedule = new(run.Q.GetProperty("schedule").GetString()!, run.Q.GetProperty("lr").GetDouble(), run.Q.GetProperty("warmup").GetInt32(), run.Steps);
        int micro = run.Q.GetProperty("micro_batches").GetInt32(), rows = run.Q.GetProperty("micro_batch_size").GetInt32();

        for (int step = 0; step < run.Steps; step++)
        {
            var parts = Enumerable.Range(0, micro).Select(k =>
            {
                (PackedBatch batch, int[] prompts) = run.Batch((step * micro + k) * rows, rows);
                return (Batch: batch, Selection: completionOnly ? TokenSelection.Completions(batch, prompts) : TokenSelection.NextTokens(batch));
            }).ToArray();
            // One divisor for all micro-batches: the tokens of the step.
            int tokens = parts.Sum(p => p.Selection.Count);
            Assert.Equal(run.Log("label_tokens", step), tokens);
            double loss = 0;
            foreach ((PackedBatch batch, TokenSelection selection) in parts)
            {
                loss -= model.TrainForward(batch, selection).LogProbs.Sum(x => (double)x) / tokens;
                float[] dLogProbs = new float[selection.Count];
                Array.Fill(dLogProbs, -1f / tokens);
                model.TrainBackward(dLogProbs);
            }

            Expect.Close(run.Log("lr", step), schedule.Rate(step), 1e-12, 1e-18, $"rate of step {step}");
            StepResult result = model.Step(schedule.Rate(step));
            Expect.Close(run.Log("loss", step), loss, 1e-4, 1e-5, $"loss of step {step}");
            Expect.Close(run.Log("grad_norm", step), result.GradientNorm, 1e-3, 0, $"gradient norm of step {step}");
        }

        run.CheckWeights(run.Decoder.Parameters);
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void RewardModel_FiveSteps_LossesAndWeightsAgree(string backend)
    {
        using Trajectory run = new(backend, "rm_llama", "reward");
        using ScalarHead head = run.Head();
        using TrainableScalarModel model = new(run.Decoder, head, new TrainingOptions { Optimizer = run.Optimizer });
        int pairs = run.Q.GetProperty("pairs").GetInt32();
        double centre = run.Q.GetProperty("center").GetDouble();
        for (int step = 0; step < run.Steps; step++)
        {
            PackedBatch batch = run.Batch(step * 2 * pairs, 2 * pairs).Batch;
            int[] last = [.. Enumerable.Range(0, 2 * pairs).Select(s => batch.Offsets[s + 1] - 1)];
            float[] scores = model.TrainForward(batch, last);
            float[] dScores = new float[scores.Length];
            double loss = 0;
            for (int i = 0; i < pairs; i++)
            {
                // -log sigmoid(chosen - rejected) + centre (chosen + rejected)^2, mean over pairs.
                double margin = (double)scores[i] - scores[pairs + i], sum = (double)scores[i] + scores[pairs + i];
                loss += (Math.Log(1 + Math.Exp(-margin)) + centre * sum * sum) / pairs;
                double dMargin = -1 / (1 + Math.Exp(margin)) / pairs, dSum = 2 * centre * sum / pairs;
                dScores[i] = (float)(dMargin + dSum);
                dScores[pairs + i] = (float)(-dMargin + dSum);
            }

            model.TrainBackward(dScores);
            StepResult result = model.Step(run.Q.GetProperty("lr").GetDouble());
            Expect.Close(run.Log("loss", step), loss, 1e-4, 1e-5, $"loss of step {step}");
            Expect.Close(run.Log("grad_norm", step), result.GradientNorm, 1e-3, 0, $"gradient norm of step {step}");
        }

        run.CheckWeights([.. run.Decoder.Parameters.Where(p => p != run.Decoder.Head || run.Decoder.Config.TiedEmbeddings), head.Weight]);
    }

    private sealed class Trajectory : IDisposable
    {
        private readonly IKernels _kernels;
        private readonly SafetensorsFile _file;
        private readonly JsonElement _log;
        private readonly string _modelFolder;

        public Trajectory(string backend, string name, string model)
        {
            _kernels = Backends.Open(backend);
            string path = GoldenFiles.Find($"rlhf/traj_{name}.json");
            JsonElement json = GoldenFiles.Json(path);
            (Q, _log) = (json.GetProperty("hyperparameters"), json.GetProperty("per_step"));
            _file = SafetensorsFile.Open(Path.ChangeExtension(path, ".safetensors"));
            _modelFolder = GoldenFiles.Find("rlhf/" + json.GetProperty("models").GetProperty(model).GetString());
            using ModelFiles files = ModelFiles.Open(_modelFolder);
            Decoder = Models.Decoder.Load(_kernels, files);
        }

        public JsonElement Q { get; }

        public Models.Decoder Decoder { get; }

        public int Steps => Q.GetProperty("steps").GetInt32();

        public AdamWOptions Optimizer => new()
        {
            Beta1 = Q.GetProperty("betas")[0].GetDouble(), Beta2 = Q.GetProperty("betas")[1].GetDouble(), Epsilon = Q.GetProperty("eps").GetDouble(),
            WeightDecay = Q.GetProperty("weight_decay").GetDouble(), DecayVectors = Q.GetProperty("decay_1d").GetBoolean(),
            MaxGradientNorm = Q.GetProperty("max_grad_norm") is { ValueKind: JsonValueKind.Number } clip ? clip.GetDouble() : 0,
        };

        public double Log(string name, int step) => _log.GetProperty(name)[step].GetDouble();

        // Rows of the recorded, padded batches, without their padding.
        public (PackedBatch Batch, int[] Prompts) Batch(int first, int count)
        {
            int width = Q.GetProperty("width").GetInt32();
            int[] ids = _file.Ints("in/input_ids"), lengths = _file.Ints("in/length"), prompts = _file.Ints("in/prompt_len");
            return (PackedBatch.Pack([.. Enumerable.Range(first, count).Select(r => ids[(r * width)..(r * width + lengths[r])])]), prompts[first..(first + count)]);
        }

        public ScalarHead Head()
        {
            using SafetensorsFile weights = SafetensorsFile.Open(Path.Combine(_modelFolder, "model.safetensors"));
            ScalarHead head = new(_kernels, Decoder.Config.EmbeddingSize);
            head.Weight.Set(weights.Floats(ScalarHead.TensorName));
            return head;
        }

        public void CheckWeights(IEnumerable<Parameter> parameters)
        {
            int found = 0;
            foreach (Parameter parameter in parameters)
            {
                float[] values = parameter.ToArray();
                foreach (ParameterBinding binding in parameter.Bindings)
                {
                    Expect.Close(_file.Floats($"final/{binding.TensorName}"), parameter.Part(values, binding), 1e-4, binding.TensorName);
                    found++;
                }
            }

            Assert.Equal(_file.Tensors.Keys.Count(k => k.StartsWith("final/", StringComparison.Ordinal)), found);
        }

        public void Dispose()
        {
            _file.Dispose();
            Decoder.Dispose();
            _kernels.Dispose();
        }
    }
}
