using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Models;

public sealed partial class ModelFiles
{
    private string? VocabularyPath { get; init; }

    private static ModelFiles OpenLlama2c(string path)
    {
        Llama2cFile file = Llama2cFile.Open(path);
        try
        {
            string json = file.Config.ToJsonString(SavedJson.Indented);
            DecoderConfig config = ModelFamilies.ReadConfig(new ConfigReader(path, JsonInput.Parse(path, Encoding.UTF8.GetBytes(json))));
            ParameterLocation Locate(ParameterBinding binding) => new(file.Tensors[binding.TensorName], binding, binding.Role switch { ParameterRole.Query => config.QueryHeads, ParameterRole.Key => config.KeyHeads, _ => 0 });
            return new ModelFiles(path, config, file.Tensors, file, Locate)
            {
                ConfigJson = json,
                Generation = new GenerationDefaults { EosTokenIds = config.EosTokenIds },
                VocabularyPath = FindVocabulary(path, config.VocabularySize),
            }.Verified(_ => false);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // llama2.c's own names: tokenizer.bin for Llama 2's vocabulary, tok512.bin and the like for others.
    private static string? FindVocabulary(string path, int size)
    {
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        string[] names = size == 32000 ? ["tokenizer.bin", "tok32000.bin"] : [$"tok{size}.bin", "tokenizer.bin"];
        return names.Select(name => System.IO.Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }
}
