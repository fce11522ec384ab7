using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Small text files in strict UTF-8.</summary>
internal static class TextInput
{
    /// <summary>The whole file, of at most <see cref="JsonInput.SmallFileLimit"/> bytes.</summary>
    public static string ReadFile(string path)
    {
        try
        {
            long length = new FileInfo(path).Length;
            if (length > JsonInput.SmallFileLimit) { throw new InvalidInputException(path, $"{length} bytes", $"at most {JsonInput.SmallFileLimit} bytes of text"); }
            return File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
        }
        catch (DecoderFallbackException e)
        {
            throw new HybridEngineException($"{path}: found bytes that are not UTF-8, expected text in UTF-8", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
