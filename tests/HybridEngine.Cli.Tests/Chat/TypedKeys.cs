namespace HybridEngine.Cli.Tests;

/// <summary>Keys as the console gives them: text as it is, and <c>{C-a}</c>, <c>{M-f}</c>, <c>{Left}</c>, <c>{Enter}</c>, <c>{Esc}</c>.</summary>
internal static class TypedKeys
{
    public static Queue<ConsoleKeyInfo> Of(string keys)
    {
        Queue<ConsoleKeyInfo> all = [];
        for (int i = 0; i < keys.Length; i++)
        {
            int end = keys[i] == '{' ? keys.IndexOf('}', i) : -1;
            if (end < 0)
            {
                all.Enqueue(new ConsoleKeyInfo(keys[i], char.IsAsciiLetter(keys[i]) ? (ConsoleKey)char.ToUpperInvariant(keys[i]) : ConsoleKey.None, false, false, false));
                continue;
            }

            all.Enqueue(Named(keys[(i + 1)..end]));
            i = end;
        }

        return all;
    }

    private static ConsoleKeyInfo Named(string name)
    {
        bool control = name.StartsWith("C-", StringComparison.Ordinal), alt = name.StartsWith("M-", StringComparison.Ordinal);
        if (control || alt) { name = name[2..]; }
        (ConsoleKey key, char c) = name switch
        {
            "Enter" => (ConsoleKey.Enter, '\r'),
            "Esc" => (ConsoleKey.Escape, '\e'),
            "Tab" => (ConsoleKey.Tab, '\t'),
            "Backspace" => (ConsoleKey.Backspace, '\b'),
            "Left" => (ConsoleKey.LeftArrow, '\0'),
            "Right" => (ConsoleKey.RightArrow, '\0'),
            "Up" => (ConsoleKey.UpArrow, '\0'),
            "Down" => (ConsoleKey.DownArrow, '\0'),
            { Length: 1 } => ((ConsoleKey)char.ToUpperInvariant(name[0]), control ? (char)(name[0] & 0x1F) : name[0]),
            _ => (Enum.Parse<ConsoleKey>(name), '\0'),
        };
        return new ConsoleKeyInfo(c, key, false, alt, control);
    }
}
