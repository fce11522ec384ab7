using System.Text.Json.Nodes;

namespace HybridEngine.Training.Tests;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("he-checkpoints-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void Resume_AfterThreeSteps_ContinuesBitForBit(string backend)
    {
        CheckpointStore store = new(_folder);
        float[][] expected;
        using (Run run = new(backend, seed: 1))
        {
            for (int i = 0; i < 3; i++) { run.Step(i); }
            run.Save(store, 3);
            for (int i = 3; i < 6; i++) { run.Step(i); }
            expected = run.Everything();
        }

        using Run resumed = new(backend, seed: 2);
        CheckpointReader reader = store.OpenLatest()!;
        resumed.Load(reader);
        Assert.Equal(3, reader.Step);
        Assert.Equal(resumed.Kernels.NumericVariant, reader.NumericVariant);
        Assert.Equal(17, reader.State.GetProperty("position").GetInt64());
        for (int i = 3; i < 6; i++) { resumed.Step(i); }
        float[][] actual = resumed.Everything();
        for (int i = 0; i < expected.Length; i++) { Expect.SameBits(expected[i], actual[i], $"tensor {i}"); }
    }

    [SkippableFact]
    public void Save_MoreThanKept_OldestAndUnfinishedGo()
    {
        CheckpointStore store = new(_folder, keep: 2);
        using Run run = new("reference", seed: 1);
        Directory.CreateDirectory(Path.Combine(_folder, "step-5.tmp"));
        foreach (int step in (int[])[9, 10, 101]) { run.Save(store, step); }
        Assert.Equal([10, 101], store.Steps);
        Assert.Equal(2, Directory.GetDirectories(_folder).Length);
        using ModelFiles files = ModelFiles.Open(store.PathOf(101));
        Assert.Equal("llama", files.Config.Family);
    }

    [SkippableTheory]
    [InlineData("optimizer-model.safetensors", "cut")]
    [InlineData("optimizer-model.safetensors", "flip")]
    [InlineData("model/model.safetensors", "flip")]
    [InlineData("model/config.json", "missing")]
    [InlineData("state.json", "flip")]
    [InlineData("state.json", "missing")]
    [InlineData("files.json", "cut")]
    [InlineData("files.json", "missing")]
    public void OpenLatest_NewestIsDamaged_RefusedByNameAndPreviousUsed(string file, string damage)
    {
        CheckpointStore store = new(_folder);
        using Run run = new("reference", seed: 1);
        run.Save(store, 1);
        run.Save(store, 2);
        Damage(Path.Combine(store.PathOf(2), file), damage);
        List<string> refused = [];
        CheckpointReader reader = store.OpenLatest(refused.Add)!;
        Assert.Equal(1, reader.Step);
        string message = Assert.Single(refused);
        Assert.Contains(Path.Combine("step-2", file), message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.ThrowsAny<HybridEngineException>(() => store.Open(2));
    }

    [SkippableFact]
    public void OpenLatest_NoFolder_IsNull() => Assert.Null(new CheckpointStore(Path.Combine(_folder, "absent")).OpenLatest());

    [SkippableFact]
    public void Save_WriterFails_PreviousStaysAndNothingIsLeft()
    {
        CheckpointStore store = new(_folder);
        using Run run = new("reference", seed: 1);
        run.Save(store, 1);
        Assert.Throws<HybridEngineException>(() => store.Save(2, "v", [], _ => throw new IOException("No space left on device")));
        Assert.Equal([1], store.Steps);
        Assert.Equal(Path.Combine(_folder, "step-1"), Assert.Single(Directory.GetFileSystemEntries(_folder)));
    }

    [SkippableFact]
    public void LoadModel_OtherShape_NamesTheTensor()
    {
        CheckpointStore store = new(_folder);
        using Run run = new("reference", seed: 1);
        run.Save(store, 1);
        using IKernels kernels = Backends.Open("reference");
        using Models.Decoder other = TinyModels.Create(kernels, "gpt2");
        InvalidInputException e = Assert.Throws<InvalidInputException>(() => store.Open(1).LoadModel("model", other));
        Assert.Contains("expected the shape of this gpt2 model", e.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => store.Open(1).LoadOptimizer("critic", run.Model.Optimizer));
    }

    [Fact]
    public void RunLock_SecondWriter_IsRefusedUntilTheFirstIsDone()
    {
        using (RunLock.Acquire(_folder))
        {
            HybridEngineException e = Assert.Throws<HybridEngineException>(() => RunLock.Acquire(_folder));
            Assert.Contains($"{_folder}: found another process", e.Message, StringComparison.Ordinal);
        }

        RunLock.Acquire(_folder).Dispose();
    }

    private static void Damage(string path, string how)
    {
        byte[] bytes = File.ReadAllBytes(path);
        switch (how)
        {
            case "cut": File.WriteAllBytes(path, bytes[..^5]); break;
            case "missing": File.Delete(path); break;
            default:
                bytes[bytes.Length / 2] ^= 4;
                File.WriteAllBytes(path, bytes);
                break;
        }
    }

    /// <summary>A short run: language model with its optimizer.</summary>
    private sealed class Run : IDisposable
    {
        private readonly ModelFiles _files = ModelFiles.Open(GoldenFiles.Find("models/llama"));

        public Run(string backend, ulong seed)
        {
            Kernels = Backends.Open(backend);
            Decoder = Models.Decoder.Create(Kernels, _files.Config, _files.Bindings, Initialization.Normal(0.1), seed);
            Model = new TrainableLanguageModel(Decoder, new TrainingOptions { Optimizer = new AdamWOptions { WeightDecay = 0.1 } });
        }

        public IKernels Kernels { get; }

        public Models.Decoder Decoder { get; }

        public TrainableLanguageModel Model { get; }

        public void Step(int step)
        {
            Random random = new(step);
            PackedBatch batch = PackedBatch.Pack(TinyModels.Sequence(random, 20), TinyModels.Sequence(random, 9));
            TokenSelection selection = TokenSelection.NextTokens(batch);
            Model.TrainForward(batch, selection);
            float[] dLogProbs = new float[selection.Count];
            Array.Fill(dLogProbs, -1f / selection.Count);
            Model.TrainBackward(dLogProbs);
            Assert.True(Model.Step(1e-2).Applied);
        }

        public void Save(CheckpointStore store, long step) => store.Save(step, Kernels.NumericVariant, new JsonObject { ["position"] = 17 }, writer =>
        {
            writer.AddModel("model", Decoder, ModelSaveOptions.Like(_files));
            writer.AddOptimizer("model", Model.Optimizer);
        });

        public void Load(CheckpointReader reader)
        {
            reader.LoadModel("model", Decoder);
            reader.LoadOptimizer("model", Model.Optimizer);
        }

        public float[][] Everything() =>
        [
            .. Decoder.Parameters.Select(p => p.ToArray()),
            .. Model.Optimizer.State.Select(m => m.Parameter.ToArray(m.FirstMatrix, m.First)),
            .. Model.Optimizer.State.Select(m => m.Parameter.ToArray(m.SecondMatrix, m.Second)),
        ];

        public void Dispose()
        {
            Model.Dispose();
            Decoder.Dispose();
            Kernels.Dispose();
            _files.Dispose();
        }
    }
}
