namespace HybridEngine.Inference;

/// <summary>Everything that the bytes so far may stand for. Does not change; equal ones are one object, so what was found out about one (where a byte leads, which tokens fit) is found out once.</summary>
internal sealed class RecognizerState
{
    /// <summary>No text goes on from here.</summary>
    public static readonly RecognizerState Dead = new([], false);

    public RecognizerState(Item[] items, bool isAccepting) => (Items, IsAccepting) = (items, isAccepting);

    /// <summary>Places that take bytes, in order.</summary>
    public Item[] Items { get; }

    /// <summary>The text may end here.</summary>
    public bool IsAccepting { get; }

    /// <summary>The text can only end here.</summary>
    public bool MustEnd => Items.Length == 0;

    /// <summary>Where each byte leads, as far as it was asked; null where none was.</summary>
    public RecognizerState?[]? Next { get; set; }

    /// <summary>Texts of at most <see cref="Run"/> bytes, all of these kinds, can go on from here, whatever they are.</summary>
    public byte RunKinds { get; set; }

    /// <summary>As <see cref="RunKinds"/> says; <see cref="Recognizer.EndlessRun"/> where there is no end, -1 until asked.</summary>
    public int Run { get; set; } = -1;

    /// <summary>The tokens that fit here; null until asked.</summary>
    public uint[]? Mask { get; set; }

    /// <summary>The tokens that fit here as the first of a text, where they read differently there; null until asked.</summary>
    public uint[]? FirstMask { get; set; }
}
