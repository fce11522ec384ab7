using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Rlhf.Tests;

public sealed class RunConfigurationTests
{
    [Fact]
    public void Load_FileAndSettings_SettingsWin()
    {
        PpoOptions o = Load<PpoOptions>("{ // a comment\n \"learning_rate\": 1e-4, \"data\": [{\"path\": \"a.jsonl\", \"weight\": 2}, \"b.jsonl\"], \"whiten_advantages\": false, }",
            "learning_rate=0.5", "model=folder/x", "ppo_epochs=4", "lambda=0.9");
        Assert.Equal(0.5, o.LearningRate);
        Assert.Equal("folder/x", o.Model);
        Assert.Equal(4, o.PpoEpochs);
        Assert.Equal(0.9, o.Lambda);
        Assert.False(o.WhitenAdvantages);
        Assert.Equal([new DataSource("a.jsonl", 2), new DataSource("b.jsonl")], o.Data);
    }

    [Theory]
    [InlineData("{\"learning_rat\": 1}", "unknown key \"learning_rat\", expected a known one; the nearest is \"learning_rate\"")]
    [InlineData("{\"learning_rate\": \"fast\"}", "learning_rate: found \"fast\", expected a number of at least 0")]
    [InlineData("{\"batch_size\": 0}", "batch_size: found 0, expected a whole number of at least 1")]
    [InlineData("{\"batch_size\": 1.5}", "batch_size: found 1.5, expected a whole number of at least 1")]
    [InlineData("{\"shuffle\": 1}", "shuffle: found 1, expected true or false")]
    [InlineData("{\"schedule\": \"cosin\"}", "schedule: found \"cosin\", expected constant, ")]
    [InlineData("{\"epochs\": 0}", "epochs: found 0, expected a number above 0")]
    [InlineData("{\"data\": [{\"weight\": 1}]}", "data[0]: found no \"path\"")]
    [InlineData("{\"seed\": 1, \"seed\": 2}", "\"seed\" twice")]
    [InlineData("[]", "a JSON array")]
    [InlineData("{\n\n oops", ":3: found invalid JSON")]
    public void Load_BadFile_SaysWhichKeyWhatWasFoundAndExpected(string json, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidInputException>(() => Load<SftOptions>(json)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("nonsense", "--set: found \"nonsense\", expected key=value")]
    [InlineData("stepz=3", "the nearest is \"steps\"")]
    [InlineData("steps=three", "steps: found \"three\", expected a whole number")]
    public void Load_BadSetting_SaysWhy(string setting, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidInputException>(() => RunConfiguration.Load<SftOptions>(null, [setting])).Message, StringComparison.Ordinal);

    [Fact]
    public void Print_WithComments_ReadsBackToTheSameOptions()
    {
        PpoOptions options = PpoOptions.Trl();
        (options.Data, options.Seed, options.KlTarget) = ([new DataSource("a", 0.5), new DataSource("b")], 1L << 40, 0.1);
        string text = RunConfiguration.Print(options, comments: true);
        PpoOptions read = Load<PpoOptions>(text);
        Assert.Equal(text, RunConfiguration.Print(read, comments: true));
        Assert.Equal(1L << 40, read.Seed);
        Assert.Equal(0.5, read.Data[0].Weight);
        Assert.Contains("// Peak learning rate (a number of at least 0)", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Print_EveryPromisedKey_IsThere()
    {
        string ppo = RunConfiguration.Print(new PpoOptions(), false), reward = RunConfiguration.Print(new RewardOptions(), false);
        string all = "model data eval_data steps epochs batch_size micro_batch_tokens max_length learning_rate schedule warmup_steps weight_decay adam_beta1 adam_beta2 adam_epsilon gradient_clip seed dtype save_every eval_every shuffle init";
        string more = "reward_model reward reward_normalization reference critic critic_learning_rate prompts_per_step max_new_tokens temperature kl_coefficient kl_estimator clip_ratio value_clip gamma lambda ppo_epochs minibatches reward_clip whiten_advantages missing_eos_penalty ptx_data ptx_coefficient ema_beta";
        Assert.All($"{all} {more}".Split(' '), key => Assert.Contains($"\"{key}\":", ppo, StringComparison.Ordinal));
        Assert.All($"{all} loss center_rewards_coefficient".Split(' '), key => Assert.Contains($"\"{key}\":", reward, StringComparison.Ordinal));
    }

    [Fact]
    public void Schema_OfPpo_IsJsonThatRefusesUnknownKeys()
    {
        JsonElement schema = JsonDocument.Parse(RunConfiguration.Schema(new PpoOptions())).RootElement;
        Assert.False(schema.GetProperty("additionalProperties").GetBoolean());
        Assert.Equal("integer", schema.GetProperty("properties").GetProperty("ppo_epochs").GetProperty("type").GetString());
        Assert.Equal(4, schema.GetProperty("properties").GetProperty("kl_estimator").GetProperty("enum").GetArrayLength());
    }

    private static T Load<T>(string json, params string[] settings) where T : TrainerOptions, new()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, json);
            return RunConfiguration.Load<T>(path, settings);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
