using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>Names inside a checkpoint, and the list of its files that shows damage.</summary>
internal static class CheckpointLayout
{
    public const int Version = 1;

    public const string StateFile = "state.json";

    public const string First = "first_moment.";

    public const string Second = "second_moment.";

    private const string ManifestFile = "files.json";

    public static string OptimizerFile(string name) => $"optimizer-{name}.safetensors";

    /// <summary>Lists every file of a folder with its length and SHA-256. Written last.</summary>
    public static void WriteManifest(string folder)
    {
        JsonObject files = [];
        foreach (string path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            files[Path.GetRelativePath(folder, path).Replace('\\', '/')] = new JsonObject { ["bytes"] = new FileInfo(path).Length, ["sha256"] = Sha256(path) };
        }

        AtomicFile.WriteText(Path.Combine(folder, ManifestFile), files.ToJsonString() + "\n");
    }

    /// <summary>Refuses a folder with a file that is missing, cut or changed.</summary>
    public static void VerifyManifest(string folder)
    {
        string manifest = Path.Combine(folder, ManifestFile);
        JsonElement files = ReadJson(manifest);
        if (files.ValueKind != JsonValueKind.Object) { throw new InvalidInputException(manifest, $"JSON {files.ValueKind}", "an object"); }
        foreach (JsonProperty file in files.EnumerateObject())
        {
            string path = Path.Combine(folder, file.Name);
            if (file.Value.ValueKind != JsonValueKind.Object || !file.Value.TryGetProperty("bytes", out JsonElement bytes) || bytes.ValueKind != JsonValueKind.Number || !bytes.TryGetInt64(out long expected)
                || !file.Value.TryGetProperty("sha256", out JsonElement sha) || sha.ValueKind != JsonValueKind.String)
            {
                throw new InvalidInputException(manifest, $"no length and SHA-256 for {file.Name}", "both");
            }

            long found = File.Exists(path) ? new FileInfo(path).Length : -1;
            if (found != expected) { throw new InvalidInputException(path, found < 0 ? "no such file" : $"{found} bytes", $"{expected} bytes, as the checkpoint's {ManifestFile} lists"); }
            if (Sha256(path) != sha.GetString()) { throw new InvalidInputException(path, "changed content", $"the SHA-256 that the checkpoint's {ManifestFile} lists"); }
        }

        if (!files.TryGetProperty(StateFile, out _)) { throw new InvalidInputException(manifest, $"no {StateFile}", "a complete checkpoint"); }
    }

    public static JsonElement ReadJson(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new InvalidInputException(path, $"invalid JSON at line {e.LineNumber + 1}", "a JSON object");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{path}: cannot be read: {e.Message.TrimEnd('.')}", e);
        }
    }

    private static string Sha256(string path)
    {
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{path}: cannot be read: {e.Message.TrimEnd('.')}", e);
        }
    }
}
