using System.Text;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

public sealed partial class ModelFiles
{
    /// <summary>Metadata of a GGUF file, its vocabulary among them; null for a folder.</summary>
    public GgufMetadata? Gguf { get; init; }

    private static ModelFiles OpenGguf(string path)
    {
        GgufFile file = GgufFile.Open(path);
        try
        {
            string json = GgufConfig.ToJson(file).ToJsonString(new JsonSerializerOptions { WriteIndented = true });
            DecoderConfig config = ModelFamilies.ReadConfig(new ConfigReader(path, JsonInput.Parse(path, Encoding.UTF8.GetBytes(json))));
            string architecture = GgufConfig.Architecture(file);
            ParameterLocation? Locate(ParameterBinding binding) => file.Tensors.TryGetValue(GgufNames.Of(architecture, binding), out StoredTensor? tensor)
                ? new ParameterLocation(tensor, Transposed: false, GgufNames.InterleavedHeads(architecture, config, binding)) : null;
            return new ModelFiles(path, config, file.Tensors, file, Locate)
            {
                ConfigJson = json,
                Generation = new GenerationDefaults { EosTokenIds = config.EosTokenIds },
                ChatTemplate = file.Metadata.Text("tokenizer.chat_template"),
                Gguf = file.Metadata,
            }.Verified(name => name == GgufNames.RotaryFactors);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
