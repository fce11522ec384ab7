using System.Diagnostics;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine;

/// <summary>One set of weights that generates and trains.</summary>
/// <remarks>
/// <see cref="Train"/> and <see cref="Generator"/> enter a mode; being in it already costs nothing, and each switch is measured. Both read and write the same tensors of
/// <see cref="Decoder"/>: nothing is copied or synchronised, and a token's log-probability as recorded by the generator is, bit for bit, the trainer's. Not thread-safe.
/// </remarks>
public sealed partial class HybridModel : IDisposable
{
    private readonly bool _ownsKernels, _ownsDecoder;
    private string? _path; // of weights that bf16 may have rounded, until training reads them again
    private readonly HybridOptions _options;
    private readonly ModelSaveOptions _save;
    private GenerationEngine? _engine;
    private Decoder? _draft;
    private TrainableLanguageModel? _trainer;

    private HybridModel(IKernels kernels, bool ownsKernels, BackendReport backend, Decoder decoder, Tokenizer? tokenizer, ModelSaveOptions save, HybridOptions options, bool ownsDecoder = true)
    {
        (Kernels, _ownsKernels, Backend, Decoder, Tokenizer, _save, _options, _ownsDecoder) = (kernels, ownsKernels, backend, decoder, tokenizer, save, options, ownsDecoder);
        Adapters = new AdapterSet(decoder);
    }

    /// <summary>The two modes of weights that the caller owns and disposes after this; both keep their memory unless <paramref name="options"/> says otherwise.</summary>
    /// <param name="decoder">The weights.</param>
    /// <param name="save">Configuration and tokenizer files to write when it is saved.</param>
    /// <param name="tokenizer">Its tokenizer, or null.</param>
    /// <param name="options">Sizes, optimizer, memory policy; backend and threads are those of the weights.</param>
    public static HybridModel Of(Decoder decoder, ModelSaveOptions save, Tokenizer? tokenizer = null, HybridOptions? options = null)
    {
        options ??= new HybridOptions { IdleBytes = long.MaxValue };
        options.Validate();
        BackendReport backend = new(Backends.Cpu, decoder.Kernels.Description, Backends.Probe(), null);
        return new HybridModel(decoder.Kernels, ownsKernels: false, backend, decoder, tokenizer, save, options, ownsDecoder: false);
    }

    /// <summary>The weights.</summary>
    public Decoder Decoder { get; }

    /// <summary>Text to ids and back; null when the model came without one.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>The backend that holds the weights.</summary>
    public IKernels Kernels { get; }

    /// <summary>Which backend was taken and what was tried.</summary>
    public BackendReport Backend { get; }

    internal HybridOptions Options => _options;

    /// <summary>The mode that the model is in.</summary>
    public HybridMode Mode { get; private set; }

    /// <summary>The last change of mode.</summary>
    public ModeSwitch LastSwitch { get; private set; }

    /// <summary>All changes of mode.</summary>
    public ModeSwitchStatistics Switches { get; } = new();

    /// <summary>Loads a model: a folder in Hugging Face layout, a GGUF file, or a checkpoint of ours.</summary>
    /// <exception cref="HybridEngineException">The model cannot be read or is not supported; one line says which file, what was found and what was expected.</exception>
    public static HybridModel Load(string path, HybridOptions? options = null)
    {
        options ??= new HybridOptions();
        options.Validate();
        using ModelFiles files = ModelFiles.Open(path);
        HybridModel model = Open(options, kernels => (Decoder.Load(kernels, files, options.Types.Resolve(kernels, files)), files.LoadTokenizer(), ModelSaveOptions.Like(files)),
            kernels => ScalarHead.TryLoad(kernels, files));
        if (model.Decoder.Precision.Arithmetic == Arithmetic.BFloat16 && files.WeightType.DType != DType.BFloat16) { model._path = path; }
        return model;
    }

    /// <summary>A model with random weights.</summary>
    /// <param name="config">What it is.</param>
    /// <param name="initialization">How weights are drawn, with the seed of the options.</param>
    /// <param name="save">Configuration and tokenizer files to write when it is saved.</param>
    /// <param name="tokenizer">Its tokenizer, or null.</param>
    /// <param name="options">Backend, threads, seed.</param>
    public static HybridModel Create(DecoderConfig config, Initialization initialization, ModelSaveOptions save, Tokenizer? tokenizer = null, HybridOptions? options = null)
    {
        options ??= new HybridOptions();
        options.Validate();
        return Open(options, kernels =>
        {
            // Nowhere to read the values from again: bf16 weights have their masters from the start.
            Precision precision = options.Types.Resolve(kernels, null) with { Masters = true };
            return (Decoder.Create(kernels, config, ModelFamilies.Bind(config), initialization, (ulong)options.Seed, precision), tokenizer, save);
        });
    }

    /// <summary>A second model with a copy of the weights as they are now, on the same backend: a frozen reference, the start of a critic. Dispose it before this one.</summary>
    public HybridModel Clone() => new(Kernels, ownsKernels: false, Backend, Decoder.Clone(), Tokenizer, _save, _options) { RewardHead = RewardHead?.Clone(Kernels) };

    /// <summary>Enters <see cref="HybridMode.Train"/>: scores tokens, takes gradients, steps. The same object each time.</summary>
    /// <param name="options">How to train; of the first call only. Null: those of <see cref="HybridOptions.Training"/>.</param>
    /// <exception cref="InvalidOperationException">Completions are still running.</exception>
    public TrainableLanguageModel Train(TrainingOptions? options = null)
    {
        Switch(HybridMode.Train);
        if (_trainer is null) { ReadMasters(); }
        return _trainer ??= new TrainableLanguageModel(Decoder, options ?? _options.Training);
    }

    /// <summary>Enters <see cref="HybridMode.Generate"/>: continues prompts. The same object each time.</summary>
    public GenerationEngine Generator()
    {
        Switch(HybridMode.Generate);
        return _engine ??= new GenerationEngine(Decoder, _options.Engine, Tokenizer, _draft ??= LoadDraft());
    }

    /// <summary>Writes the model in Hugging Face layout, so that transformers and this engine read it: a complete folder or nothing.</summary>
    /// <param name="folder">Replaced as a whole when it exists.</param>
    /// <param name="dtype">Stored type of the weights.</param>
    public void Save(string folder, DType dtype = DType.Float32) => ModelWriter.Save(folder, Decoder.Bindings, Decoder,
        _save with { DType = dtype, ExtraTensors = RewardHead is { } head ? [.. _save.ExtraTensors, head.ToWrite()] : _save.ExtraTensors });

    /// <inheritdoc />
    public void Dispose()
    {
        _scorer?.Dispose();
        _engine?.Dispose();
        _draft?.Dispose();
        _trainer?.Dispose();
        Adapters.Dispose();
        RewardHead?.Dispose();
        if (_ownsDecoder) { Decoder.Dispose(); }
        if (_ownsKernels) { Kernels.Dispose(); }
    }

    private static HybridModel Open(HybridOptions options, Func<IKernels, (Decoder Decoder, Tokenizer? Tokenizer, ModelSaveOptions Save)> load, Func<IKernels, ScalarHead?>? loadHead = null)
    {
        IKernels kernels = Backends.Open(options.Backend, options.Threads, out BackendReport report);
        try
        {
            if (report.Warning is { } warning) { (options.Warn ?? (line => Console.Error.WriteLine($"warning: {line}")))(warning); }
            (Decoder decoder, Tokenizer? tokenizer, ModelSaveOptions save) = load(kernels);
            return new HybridModel(kernels, ownsKernels: true, report, decoder, tokenizer, save, options) { RewardHead = loadHead?.Invoke(kernels) };
        }
        catch
        {
            kernels.Dispose();
            throw;
        }
    }

    // Training starts from what the file holds, not from what bf16 kept of it.
    private void ReadMasters()
    {
        if (_path is not { } path || Decoder.WeightVersion != 0) { return; }
        _path = null;
        using ModelFiles files = ModelFiles.Open(path);
        Decoder.MakeTrainable(files);
    }

    private Decoder? LoadDraft()
    {
        if (_options.DraftModel is not { } path) { return null; }
        using ModelFiles files = ModelFiles.Open(path);
        return Decoder.Load(Kernels, files, _options.Types.Resolve(Kernels, files));
    }

    private void Switch(HybridMode to)
    {
        if (Mode == to) { return; }
        long start = Stopwatch.GetTimestamp(), before = HostMemory.TotalAllocated;
        if (to == HybridMode.Train) { LeaveGenerate(); }
        else { LeaveTrain(); }
        Mode = to;
        LastSwitch = new ModeSwitch(to, Stopwatch.GetElapsedTime(start), before, HostMemory.TotalAllocated);
        Switches.Add(LastSwitch);
    }

    private void LeaveGenerate()
    {
        if (_engine is null) { return; }
        // What a pause keeps goes on after training, with the new weights.
        if (_engine is { HasWork: true, IsPaused: false }) { throw new InvalidOperationException("Completions are still running: run, pause or cancel them before training."); }
        if (_engine.CacheBytes > _options.IdleBytes) { _engine.ReleaseMemory(); }
    }

    private void LeaveTrain()
    {
        if (_trainer is not null && TrainingBytes() > _options.IdleBytes) { _trainer.ReleaseMemory(); }
    }

    private long TrainingBytes()
    {
        long bytes = _trainer!.PeakActivationBytes;
        foreach (Parameter p in Decoder.Parameters) { bytes += p.Gradient.Memory?.Bytes ?? 0; }
        return bytes;
    }
}
