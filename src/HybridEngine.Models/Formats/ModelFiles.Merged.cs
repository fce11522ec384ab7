using System.Diagnostics.CodeAnalysis;
using HybridEngine.Core;

namespace HybridEngine.Models;

// A model with an adapter added into its weights.
public sealed partial class ModelFiles
{
    private readonly MergedModel? _merged;

    [SetsRequiredMembers]
    private ModelFiles(ModelFiles origin, MergedModel merged)
    {
        (Path, Tensors, Config, Bindings) = (origin.Path, origin.Tensors, merged.Config, merged.Bindings);
        (_owner, _locate, _merged) = (origin, origin._locate, merged);
        ConfigJson = merged.ConfigJson(origin.ConfigJson);
        (GenerationConfigJson, Generation) = (origin.GenerationConfigJson, origin.Generation);
        (ChatTemplate, TokenizerJsonPath, Gguf, VocabularyPath) = (origin.ChatTemplate, origin.TokenizerJsonPath, origin.Gguf, origin.VocabularyPath);
    }

    /// <summary>Opens a model with a LoRA adapter added into its weights (<see cref="MergedModel"/>): every parameter is read merged.</summary>
    /// <param name="path">As for <see cref="Open(string)"/>.</param>
    /// <param name="adapter">A folder in PEFT's layout.</param>
    /// <exception cref="HybridEngineException">Either is damaged or not supported, the adapter belongs to another base, or holds what weights cannot (a bias where the base has none).</exception>
    public static ModelFiles Open(string path, string adapter)
    {
        ModelFiles origin = Open(path);
        try
        {
            return new ModelFiles(origin, new MergedModel(origin, origin.Config, origin.Bindings, LoraWeights.Load(adapter, origin.Config, origin.Bindings)));
        }
        catch
        {
            origin.Dispose();
            throw;
        }
    }
}
