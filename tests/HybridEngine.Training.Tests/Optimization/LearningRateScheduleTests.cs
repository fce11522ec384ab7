using System.Text.Json;

namespace HybridEngine.Training.Tests;

/// <summary>Every schedule against transformers' get_scheduler (golden/optim/schedules.json).</summary>
public sealed class LearningRateScheduleTests
{
    [SkippableFact]
    public void Rate_RecordedSchedules_AgreeToTwelveDigits()
    {
        JsonElement schedules = GoldenFiles.Json(GoldenFiles.Find("optim/schedules.json")).GetProperty("schedules");
        HashSet<string> seen = [];
        foreach (JsonElement s in schedules.EnumerateArray())
        {
            LearningRateSchedule schedule = Read(s);
            seen.Add(schedule.Kind);
            double[] expected = s.GetProperty("lr").Doubles();
            for (int k = 0; k < expected.Length; k++) { Expect.Close(expected[k], schedule.Rate(k), 1e-12, 1e-21, $"{s.GetProperty("name")} step {k}"); }
        }

        Assert.Equal(LearningRateSchedule.Kinds.Order(), seen.Order());
    }

    [Fact]
    public void Rate_UnknownKind_NamesTheChoices()
    {
        InvalidInputException e = Assert.Throws<InvalidInputException>(() => new LearningRateSchedule("cosinus", 1e-3, 0, 10).Rate(1));
        Assert.Contains("'cosinus'", e.Message, StringComparison.Ordinal);
        Assert.Contains("cosine_with_restarts", e.Message, StringComparison.Ordinal);
    }

    private static LearningRateSchedule Read(JsonElement s)
    {
        JsonElement extra = s.GetProperty("extra");
        double Number(string name, double missing) => extra.TryGetProperty(name, out JsonElement e) ? e.GetDouble() : missing;
        string Text(string name, string missing) => extra.TryGetProperty(name, out JsonElement e) ? e.GetString()! : missing;
        return new LearningRateSchedule(s.GetProperty("kind").GetString()!, s.GetProperty("base_lr").GetDouble(), s.GetProperty("num_warmup_steps").GetInt32(), s.GetProperty("num_training_steps").GetInt32())
        {
            Cycles = extra.TryGetProperty("num_cycles", out JsonElement cycles) ? cycles.GetDouble() : null,
            MinRatio = Number("min_lr_rate", Number("min_lr_ratio", 0)),
            Power = Number("power", 1),
            EndRate = Number("lr_end", 1e-7),
            Timescale = extra.TryGetProperty("timescale", out JsonElement timescale) ? timescale.GetInt32() : null,
            DecaySteps = (int)Number("num_decay_steps", 0),
            WarmupShape = Text("warmup_type", "linear"),
            DecayShape = Text("decay_type", "cosine"),
        };
    }
}
