using System.Text.Json;
using System.Text.Json.Nodes;

namespace HybridEngine.Models;

/// <summary>Writes the scores of a SentencePiece vocabulary as a list of merges too, so that readers that know only merges make the same tokens of it.</summary>
/// <remarks>A pair's place in the list is the place of the joined token by score, so the two orders differ only where one token can be joined in two overlapping ways at once.
/// Our own reader keeps to the scores.</remarks>
internal static class ScoredMerges
{
    /// <summary>The tokenizer.json with merges; the same one where it has them or has no scores.</summary>
    public static byte[] AddTo(ReadOnlyMemory<byte> json)
    {
        JsonNode root = JsonNode.Parse(json.Span)!;
        if (root["model"]?["scores"] is not JsonArray scores || root["model"]!["vocab"] is not JsonObject vocabulary || root["model"]!["merges"] is JsonArray { Count: > 0 }) return json.ToArray();

        Dictionary<string, int> ids = vocabulary.ToDictionary(token => token.Key, token => token.Value!.GetValue<int>(), StringComparer.Ordinal);
        var known = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        float[] score = [.. scores.Select(value => value!.GetValue<float>())];
        var merges = new List<(float Score, int Left, int Right, string Merge)>();
        foreach ((string token, int id) in ids)
        {
            for (int at = 1; at < token.Length; at++)
            {
                if (!char.IsLowSurrogate(token[at]) && known.TryGetValue(token.AsSpan(0, at), out int left) && known.TryGetValue(token.AsSpan(at), out int right))
                    merges.Add((score[id], left, right, $"{token[..at]} {token[at..]}"));
            }
        }
        root["model"]!["merges"] = new JsonArray([.. merges.OrderByDescending(merge => merge.Score).ThenBy(merge => merge.Left).ThenBy(merge => merge.Right).Select(merge => (JsonNode)merge.Merge)]);
        return JsonSerializer.SerializeToUtf8Bytes(root, Relaxed);
    }

    private static JsonSerializerOptions Relaxed { get; } = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
