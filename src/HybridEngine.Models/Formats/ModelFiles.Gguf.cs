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
            GgufLayout layout = new(GgufConfig.Architecture(file), config, GgufConfig.HasFusedProjections(file));
            return new ModelFiles(path, config, file.Tensors, file, binding => Find(file, layout[binding], config))
            {
                ConfigJson = json,
                Generation = new GenerationDefaults { EosTokenIds = config.EosTokenIds },
                ChatTemplate = file.Metadata.Text("tokenizer.chat_template"),
                Gguf = file.Metadata,
            }.Verified(name => GgufRotary.Tables.Contains(name));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ParameterLocation Find(GgufFile file, GgufPlace place, DecoderConfig config)
    {
        if (!file.Tensors.TryGetValue(place.Stored.TensorName, out StoredTensor? tensor) && place.Stacked)
        {
            GgufPlace single = GgufLayout.Unstacked(place);
            if (file.Tensors.TryGetValue(single.Stored.TensorName, out tensor)) { place = single; }
        }

        return tensor is null ? throw Missing(file.Path, place.Stored.TensorName, config) : new ParameterLocation(tensor, place.Stored, place.InterleavedHeads, place.Offset) { Shape = place.Shape };
    }
}
