using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>ISamplingKernels against logits that transformers and llama.cpp recorded after each of their steps, and recorded distributions.</summary>
public abstract class SamplingGoldenContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    // Steps that we do not have, as docs/inference/sampling.md says, besides transformers' min_tokens_to_keep (which its generate() leaves at 1 when sampling).
    private static readonly string[] NotOurs = ["top_h", "remove_inf_nan", "dry", "xtc", "temp_ext"];

    [SkippableFact]
    public void ProcessLogits_RecordedSteps_GivesTheRecordedLogits()
    {
        using JsonDocument filters = JsonDocument.Parse(File.ReadAllText(SharedData.Require("golden", "sampling", "filters.json")));
        SafetensorsFile inputs = new(RepoRoot.Golden("sampling", "inputs.safetensors")), outputs = new(SharedData.Require("golden", "sampling", "outputs.safetensors"));
        int rows = 0;
        foreach (JsonElement record in filters.RootElement.GetProperty("cases").EnumerateArray())
        {
            JsonElement[] steps = [.. record.GetProperty("steps").EnumerateArray()];
            if (steps.Any(s => NotOurs.Contains(s.GetProperty("kind").GetString()) || s.TryGetProperty("min_tokens_to_keep", out _))) { continue; }
            string name = record.GetProperty("input").GetString()!, id = record.GetProperty("id").GetString()!;
            bool llama = record.GetProperty("engine").GetString() == "llama_cpp";
            int vocabulary = (int)inputs.Shape(name)[1];
            float[] logits = inputs.Floats(name), expected = outputs.Floats($"{id}.logits"), probs = outputs.Floats($"{id}.probs");
            int[] inputRows = record.TryGetProperty("input_rows", out JsonElement given) ? SamplingSteps.Ids(given) : [.. Enumerable.Range(0, (int)inputs.Shape(name)[0])];
            string[] notes = [.. record.GetProperty("rows").EnumerateArray().Select(e => e.GetString()!)];
            for (int i = 0; i < inputRows.Length; i++)
            {
                float[] row = logits.AsSpan(inputRows[i] * vocabulary, vocabulary).ToArray();
                // 0 * log 0 in llama.cpp's typical: its entropy is not a number there.
                if (llama && steps[0].GetProperty("kind").GetString() == "typical" && row.Max() >= 1e4) { continue; }
                int[] history = steps[0].TryGetProperty("history", out JsonElement own) ? SamplingSteps.Ids(own[i]) : SamplingSteps.Ids(filters.RootElement.GetProperty("histories").GetProperty(name)[inputRows[i]]);
                SamplingCase parameters = SamplingSteps.Read(steps, history, filters.RootElement.GetProperty("prompt_lengths").GetProperty(name).GetInt32());
                CheckRow(row, parameters, steps, expected.AsSpan(i * vocabulary, vocabulary).ToArray(), probs.AsSpan(i * vocabulary, vocabulary).ToArray(), notes[i], llama, $"case {id}, row {i}, {record.GetProperty("steps")}");
                rows++;
            }
        }

        Assert.True(rows > 1700, $"only {rows} rows were compared");
    }

    [SkippableFact]
    public void Sample_RecordedDistributions_PassChiSquare()
    {
        using JsonDocument records = JsonDocument.Parse(File.ReadAllText(RepoRoot.Golden("sampling", "chi_square.json")));
        SafetensorsFile inputs = new(RepoRoot.Golden("sampling", "inputs.safetensors"));
        int compared = 0;
        foreach (JsonElement record in records.RootElement.EnumerateArray())
        {
            string name = record.GetProperty("input").GetString()!;
            int vocabulary = (int)inputs.Shape(name)[1], row = record.GetProperty("row").GetInt32(), draws = Math.Min(4000, record.GetProperty("draws").GetInt32());
            float[] logits = inputs.Floats(name).AsSpan(row * vocabulary, vocabulary).ToArray();
            double[] probs = [.. record.GetProperty("probs").EnumerateArray().Select(e => e.GetDouble())];
            SamplingCase parameters = SamplingSteps.Read([.. record.GetProperty("steps").EnumerateArray()], [], 0).With(r => r with { Seed = Random.Seed });
            int[] ids = Draw(logits, parameters, draws);
            Assert.DoesNotContain(ids, v => probs[v] == 0);
            ChiSquare.Check(probs, ids, $"record {compared}, {Random}");
            compared++;
        }

        Assert.Equal(16, compared);
    }

    private void CheckRow(float[] logits, SamplingCase parameters, JsonElement[] steps, float[] expected, float[] probs, string note, bool llama, string context)
    {
        Tensor stored = Kernels.Floats(logits, 1, logits.Length);
        Kernels.ProcessLogits(stored, parameters.Tensors(Kernels), stored);
        if (steps[^1].GetProperty("kind").GetString() == "normalize") { Kernels.LogSoftmax(stored, Kernels.Floats([1f]), stored); }
        float[] actual = Kernels.Read(stored);
        stored.Memory!.Dispose();
        if (note == "empty")
        {
            Assert.All(actual, z => Assert.True(!(z > float.NegativeInfinity), context));
            return;
        }

        float[] kept = [.. actual.Where(z => z > float.NegativeInfinity).Order()], recorded = [.. expected.Where(z => z > float.NegativeInfinity).Order()];
        // llama.cpp cuts through ties there; we, as transformers, do not.
        bool keepsTies = note == "ties" && llama && steps[0].GetProperty("kind").GetString() is ("top_k" or "typical");
        bool normalized = steps[^1].GetProperty("kind").GetString() == "normalize";
        if (note == "ties" && !keepsTies)
        {
            // Which of equal logits stay is open, and one more or less where the threshold is a sum up to rounding.
            Assert.True(Math.Abs(kept.Length - recorded.Length) <= 1, $"{kept.Length} tokens are left, recorded {recorded.Length}; {context}");
            for (int i = 1; i <= Math.Min(kept.Length, recorded.Length); i++) { RequireClose(recorded[^i], kept[^i], context); }
            return;
        }

        double top = actual.Max(), total = actual.Sum(z => Math.Exp(z - top));
        for (int v = 0; v < actual.Length; v++)
        {
            bool ours = actual[v] > float.NegativeInfinity, theirs = expected[v] > float.NegativeInfinity;
            // A log-soft-max in float32 is as exact as the greatest logit; probabilities below hold it.
            if (ours && theirs && !normalized) { RequireClose(expected[v], actual[v], $"token {v}, {context}"); }
            if (note != "exact") { Assert.True(ours || !theirs || !keepsTies, $"token {v} was removed; {context}"); }
            else
            {
                Assert.True(ours == theirs || (probs[v] == 0 && (float)Math.Exp(actual[v] - top) < 1e-37f), $"token {v}: {actual[v]}, recorded {expected[v]}; {context}");
                Assert.True(Math.Abs(Math.Exp(actual[v] - top) / total - probs[v]) < 2e-6, $"token {v} has probability {Math.Exp(actual[v] - top) / total}, recorded {probs[v]}; {context}");
            }
        }
    }

    private static void RequireClose(float expected, float actual, string context) =>
        Assert.True(expected == actual || Math.Abs(expected - actual) <= 1e-6 * Math.Abs(expected) + 1e-6, $"{actual}, recorded {expected}; {context}");

    private int[] Draw(float[] logits, SamplingCase parameters, int draws)
    {
        const int Batch = 512;
        List<int> ids = [];
        for (int done = 0; done < draws; done += Batch)
        {
            int rows = Math.Min(Batch, draws - done);
            Tensor id = Kernels.Allocate(DType.Int32, rows), logProb = Kernels.Allocate(DType.Float32, rows);
            Tensor tiled = Kernels.Floats([.. Enumerable.Repeat(logits, rows).SelectMany(v => v)], rows, logits.Length);
            Kernels.Sample(tiled, parameters.Repeat(0, rows, done).Tensors(Kernels), id, logProb, default);
            ids.AddRange(Kernels.ReadInts(id));
            tiled.Memory!.Dispose();
        }

        return [.. ids];
    }
}
