using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Token texts and their ids. Ids may have holes.</summary>
internal sealed class Vocabulary
{
    // The largest vocabularies in use have some 260,000 entries; an id far beyond is damage and must not size an array.
    private const int LargestId = 1 << 24;

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private string?[] _texts = [];

    public Vocabulary() => _bySpan = _ids.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>One more than the largest id.</summary>
    public int Size { get; private set; }

    public IReadOnlyDictionary<string, int> Ids => _ids;

    public void Add(string text, int id, string file)
    {
        if (id is < 0 or > LargestId) throw new InvalidInputException(file, $"id {id.ToString(CultureInfo.InvariantCulture)} of token '{text}'", $"an id from 0 to {LargestId}");
        if (id < Size && _texts[id] is { } other && other != text) throw new InvalidInputException(file, $"id {id.ToString(CultureInfo.InvariantCulture)} for token '{text}' and for '{other}'", "an id for each");
        if (id >= _texts.Length) Array.Resize(ref _texts, Math.Max(id + 1, Math.Min(2 * _texts.Length, LargestId + 1)));
        _ids[text] = id;
        _texts[id] = text;
        Size = Math.Max(Size, id + 1);
    }

    /// <summary>Changes what an id reads as; the old text still finds it.</summary>
    public void Rename(int id, string text) => _texts[id] = text;

    public bool TryGetId(ReadOnlySpan<char> text, out int id) => _bySpan.TryGetValue(text, out id);

    public int? Find(string text) => _ids.TryGetValue(text, out int id) ? id : null;

    /// <summary>The text of an id, or null where the vocabulary has a hole or ends.</summary>
    public string? Text(int id) => (uint)id < (uint)Size ? _texts[id] : null;

    /// <summary>The ids of <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>, or null unless all are there.</summary>
    public int[]? ByteTokens()
    {
        var ids = new int[256];
        for (int value = 0; value < 256; value++)
        {
            if (!_ids.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out ids[value])) return null;
        }
        return ids;
    }
}
