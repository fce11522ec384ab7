using System.Text.Json;

namespace HybridEngine.Training.Tests;

/// <summary>The real SmolLM2-135M-Instruct, dequantized from GGUF, against transformers (golden/smollm2). Native only: the reference backend would take minutes.</summary>
public sealed class SmolLm2Tests
{
    [SkippableFact]
    public void Forward_RecordedPrompts_LogitsAgree()
    {
        using Model model = new();
        using SafetensorsFile expected = SafetensorsFile.Open(GoldenFiles.Find("smollm2/expected.safetensors"));
        int cases = model.Json.GetProperty("cases").GetArrayLength(), vocabulary = model.Decoder.Config.VocabularySize;
        for (int i = 0; i < cases; i++)
        {
            int[] ids = model.Json.GetProperty("cases")[i].GetProperty("input_ids").Ints(), topIds = expected.Ints($"top_ids.{i}");
            float[] logits = model.Logits(ids), top = expected.Floats($"top_logits.{i}"), logSumExps = expected.Floats($"logsumexp.{i}");
            for (int t = 0; t < ids.Length; t++)
            {
                ReadOnlySpan<float> row = logits.AsSpan(t * vocabulary, vocabulary);
                float[] chosen = new float[32];
                for (int k = 0; k < chosen.Length; k++) { chosen[k] = row[topIds[t * 32 + k]]; }
                Expect.Close(top.AsSpan(t * 32, 32), chosen, 2e-3, $"case {i}, best logits of token {t}");
                double sum = 0;
                foreach (float z in row) { sum += Math.Exp(z); }
                Expect.Close(logSumExps[t], Math.Log(sum), 0, 2e-3, $"case {i}, log-sum-exp of token {t}");
            }

            Expect.Close(expected.Floats($"last_logits.{i}"), logits.AsSpan((ids.Length - 1) * vocabulary), 2e-3, $"case {i}, last logits");
        }
    }

    [SkippableFact]
    public void TrainBackward_RecordedSequence_LossAndGradientNormsAgree()
    {
        using Model model = new();
        JsonElement expected = model.Json.GetProperty("train");
        using TrainableLanguageModel trainable = new(model.Decoder);
        PackedBatch batch = PackedBatch.Pack(expected.GetProperty("input_ids").Ints());
        TokenSelection selection = TokenSelection.NextTokens(batch);
        double loss = -trainable.TrainForward(batch, selection).LogProbs.Average(x => (double)x);
        Expect.Close(expected.GetProperty("loss").GetDouble(), loss, 0, 1e-4, "loss");
        float[] dLogProbs = new float[selection.Count];
        Array.Fill(dLogProbs, -1f / selection.Count);
        trainable.TrainBackward(dLogProbs);
        Dictionary<string, double> norms = [];
        foreach (Parameter parameter in model.Decoder.Parameters)
        {
            float[] gradient = parameter.GradientToArray();
            foreach (ParameterBinding b in parameter.Bindings)
            {
                double squares = 0;
                foreach (float g in parameter.Part(gradient, b)) { squares += (double)g * g; }
                norms[b.TensorName] = Math.Sqrt(squares);
            }
        }

        foreach (JsonProperty norm in expected.GetProperty("grad_norms").EnumerateObject()) { Expect.Close(norm.Value.GetDouble(), norms[norm.Name], 2e-3, 0, $"gradient norm of {norm.Name}"); }
        Expect.Close(expected.GetProperty("grad_norm").GetDouble(), Math.Sqrt(norms.Values.Sum(n => n * n)), 1e-3, 0, "gradient norm");
    }

    private sealed class Model : IDisposable
    {
        private readonly IKernels _kernels = Backends.Open("native");

        public Model()
        {
            Json = GoldenFiles.Json(GoldenFiles.Find("smollm2/expected.json"));
            using ModelFiles files = ModelFiles.Open(GoldenFiles.FindBeside("models/SmolLM2-135M-Instruct.Q4_1.gguf"));
            Decoder = Models.Decoder.Load(_kernels, files);
        }

        public JsonElement Json { get; }

        public Models.Decoder Decoder { get; }

        public float[] Logits(int[] ids)
        {
            using TensorPool pool = new(_kernels);
            Tensor hidden = new DecoderForward(Decoder, pool).Run(PackedBatch.Pack(ids).Upload(Decoder, pool)), logits = pool.Rent(DType.Float32, ids.Length, Decoder.Config.VocabularySize);
            Decoder.Logits(hidden, logits);
            float[] values = new float[logits.Count];
            _kernels.Download(logits, values.AsSpan());
            pool.Return(hidden);
            pool.Return(logits);
            return values;
        }

        public void Dispose()
        {
            Decoder.Dispose();
            _kernels.Dispose();
        }
    }
}
