using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>ISamplingKernels against transformers' recorded distributions.</summary>
public abstract class SamplingGoldenContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    private static readonly string[] OurOrder = ["repetition_penalty", "temperature", "top_k", "top_p", "min_p"];

    [SkippableFact]
    public void Sample_RecordedFilters_GivesTheRecordedProbabilities()
    {
        using JsonDocument filters = JsonDocument.Parse(File.ReadAllText(SharedData.Require("golden", "sampling", "filters.json")));
        SafetensorsFile inputs = new(RepoRoot.Golden("sampling", "inputs.safetensors")), outputs = new(SharedData.Require("golden", "sampling", "outputs.safetensors"));
        int rows = 0;
        foreach (JsonElement record in filters.RootElement.GetProperty("cases").EnumerateArray().Where(IsOurs))
        {
            string name = record.GetProperty("input").GetString()!, id = record.GetProperty("id").GetString()!;
            int vocabulary = (int)inputs.Shape(name)[1];
            float[] logits = inputs.Floats(name), probs = outputs.Floats($"{id}.probs");
            int[] inputRows = record.TryGetProperty("input_rows", out JsonElement given) ? [.. given.EnumerateArray().Select(e => e.GetInt32())] : [.. Enumerable.Range(0, (int)inputs.Shape(name)[0])];
            string[] notes = [.. record.GetProperty("rows").EnumerateArray().Select(e => e.GetString()!)];
            for (int i = 0; i < inputRows.Length; i++)
            {
                // Where the cut falls between equal logits or by a rounding, either choice is right; nothing is left in "empty".
                if (notes[i] != "exact") { continue; }
                int[] history = [.. filters.RootElement.GetProperty("histories").GetProperty(name)[inputRows[i]].EnumerateArray().Select(e => e.GetInt32())];
                CheckRow(logits.AsSpan(inputRows[i] * vocabulary, vocabulary).ToArray(), probs.AsSpan(i * vocabulary, vocabulary).ToArray(), Parameters(record.GetProperty("steps"), history), $"case {id}, row {i}");
                rows++;
            }
        }

        Assert.True(rows > 500, $"only {rows} rows were compared");
    }

    [SkippableFact]
    public void Sample_RecordedDistributions_PassChiSquare()
    {
        using JsonDocument records = JsonDocument.Parse(File.ReadAllText(RepoRoot.Golden("sampling", "chi_square.json")));
        SafetensorsFile inputs = new(RepoRoot.Golden("sampling", "inputs.safetensors"));
        int compared = 0;
        foreach (JsonElement record in records.RootElement.EnumerateArray().Where(r => InOurOrder(r.GetProperty("steps"))))
        {
            string name = record.GetProperty("input").GetString()!;
            int vocabulary = (int)inputs.Shape(name)[1], row = record.GetProperty("row").GetInt32(), draws = Math.Min(4000, record.GetProperty("draws").GetInt32());
            float[] logits = inputs.Floats(name).AsSpan(row * vocabulary, vocabulary).ToArray();
            double[] probs = [.. record.GetProperty("probs").EnumerateArray().Select(e => e.GetDouble())];
            int[] ids = Draw(logits, Parameters(record.GetProperty("steps"), []), draws).Ids;
            Assert.DoesNotContain(ids, v => probs[v] == 0);
            ChiSquare.Check(probs, ids, $"record {compared}, {Random}");
            compared++;
        }

        Assert.True(compared >= 8, $"only {compared} records were compared");
    }

    private void CheckRow(float[] logits, float[] expected, SamplingCase parameters, string context)
    {
        (int[] ids, float[] sampled) = Draw(logits, parameters, 24);
        for (int i = 0; i < ids.Length; i++)
        {
            double p = Math.Exp(sampled[i]);
            Assert.True(expected[ids[i]] > 0 && Math.Abs(p - expected[ids[i]]) < 3e-6, $"token {ids[i]} drawn with probability {p}, recorded {expected[ids[i]]}; {context}, {Random}");
        }
    }

    private (int[] Ids, float[] Sampled) Draw(float[] logits, SamplingCase parameters, int draws)
    {
        const int Batch = 512;
        List<int> ids = [];
        List<float> sampled = [];
        for (int done = 0; done < draws; done += Batch)
        {
            int rows = Math.Min(Batch, draws - done);
            Tensor id = Kernels.Allocate(DType.Int32, rows), logProb = Kernels.Allocate(DType.Float32, rows), of = Kernels.Allocate(DType.Float32, rows);
            Tensor tiled = Kernels.Floats([.. Enumerable.Repeat(logits, rows).SelectMany(v => v)], rows, logits.Length);
            Kernels.Sample(tiled, parameters.Repeat(0, rows, done).Tensors(Kernels), id, logProb, of);
            ids.AddRange(Kernels.ReadInts(id));
            sampled.AddRange(Kernels.Read(of));
            tiled.Memory!.Dispose();
        }

        return ([.. ids], [.. sampled]);
    }

    private SamplingCase Parameters(JsonElement steps, int[] history)
    {
        SamplingCase c = SamplingCase.Plain(1, Random.Seed);
        foreach (JsonElement step in steps.EnumerateArray())
        {
            string kind = step.GetProperty("kind").GetString()!;
            float value = step.EnumerateObject().First(p => p.Value.ValueKind == JsonValueKind.Number).Value.GetSingle();
            c = kind switch
            {
                "temperature" => c with { Temperature = [value] },
                "top_k" => c with { TopK = [(int)value] },
                "top_p" => c with { TopP = [value] },
                "min_p" => c with { MinP = [value] },
                _ => c with { Penalty = [value], History = [history] },
            };
        }

        return c;
    }

    private static bool IsOurs(JsonElement record)
    {
        if (record.GetProperty("engine").GetString() != "transformers" || !InOurOrder(record.GetProperty("steps"))) { return false; }
        // Two options of transformers that we do not have: a least number of tokens, and top_p 0.
        return record.GetProperty("steps").EnumerateArray().All(s => !s.TryGetProperty("min_tokens_to_keep", out _) && (!s.TryGetProperty("top_p", out JsonElement p) || p.GetSingle() > 0));
    }

    private static bool InOurOrder(JsonElement steps)
    {
        int last = -1;
        foreach (JsonElement step in steps.EnumerateArray())
        {
            int place = Array.IndexOf(OurOrder, step.GetProperty("kind").GetString());
            if (place <= last) { return false; }
            last = place;
        }

        return true;
    }
}
