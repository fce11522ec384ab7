using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>A model as a run starts with it: weights, tokenizer, and what to store beside them.</summary>
/// <param name="Decoder">The weights.</param>
/// <param name="Head">The scalar head that the files hold, or null.</param>
/// <param name="Tokenizer">Or null.</param>
/// <param name="Save">Configuration and tokenizer files.</param>
public sealed record ModelSource(Decoder Decoder, ScalarHead? Head, Tokenizer? Tokenizer, ModelSaveOptions Save) : IDisposable
{
    /// <summary>Loads a model.</summary>
    /// <param name="kernels">Where to.</param>
    /// <param name="path">Folder or file.</param>
    /// <param name="key">The configuration key, for errors.</param>
    /// <param name="types">Of the computation; null for float32.</param>
    public static ModelSource Load(IKernels kernels, string path, string key, PrecisionOptions? types = null)
    {
        if (string.IsNullOrEmpty(path)) { throw new InvalidInputException(key, "nothing", "the path of a model"); }
        using ModelFiles files = ModelFiles.Open(path);
        Decoder decoder = Decoder.Load(kernels, files, types?.Resolve(kernels, files, training: true));
        ScalarHead? head = null;
        if (files.Tensors.ContainsKey(ScalarHead.TensorName))
        {
            head = new ScalarHead(kernels, files.Config.EmbeddingSize);
            head.Set(files);
        }

        return new ModelSource(decoder, head, files.LoadTokenizer(), ModelSaveOptions.Like(files));
    }

    /// <summary>The model of a run: <c>model</c>, or random weights of the shape <c>init</c>.</summary>
    public static ModelSource Open(IKernels kernels, TrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Model.Length > 0 == options.Init.Length > 0)
        {
            throw new InvalidInputException("model", options.Model.Length > 0 ? "both model and init" : "neither model nor init", "one of them");
        }

        return options.Model.Length > 0 ? Load(kernels, options.Model, "model", options.Types) : Create(kernels, options);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Head?.Dispose();
        Decoder.Dispose();
    }

    private static ModelSource Create(IKernels kernels, TrainerOptions options)
    {
        string path = options.Init;
        if (Directory.Exists(path)) { path = Path.Combine(path, "config.json"); }
        using JsonDocument json = RunConfiguration.Read(path);
        DecoderConfig config = ModelFamilies.ReadConfig(new ConfigReader(path, json.RootElement.Clone()));
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        bool hasTokenizer = File.Exists(Path.Combine(folder, "tokenizer.json"));
        ModelSaveOptions save = new() { ConfigJson = json.RootElement.GetRawText(), WriteTokenizer = hasTokenizer ? target => CopyTokenizer(folder, target) : null };
        Decoder decoder = Decoder.Create(kernels, config, ModelFamilies.Bind(config), Initialization.Small(config), (ulong)options.Seed, options.Types.Resolve(kernels, null, training: true));
        return new ModelSource(decoder, null, hasTokenizer ? Tokenizer.Load(folder) : null, save);
    }

    private static void CopyTokenizer(string from, string to)
    {
        foreach (string name in (ReadOnlySpan<string>)["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "generation_config.json"])
        {
            string file = Path.Combine(from, name);
            if (File.Exists(file)) { File.Copy(file, Path.Combine(to, name), overwrite: true); }
        }
    }
}
