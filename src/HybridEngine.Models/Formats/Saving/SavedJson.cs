using System.Text.Encodings.Web;
using System.Text.Json;

namespace HybridEngine.Models;

/// <summary>How JSON files of a model folder are written: indented, line feeds, text unescaped.</summary>
internal static class SavedJson
{
    public static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
