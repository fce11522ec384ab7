namespace HybridEngine;

/// <summary>Finds where a JSON object or list ends in text that is still growing.</summary>
internal static class JsonScan
{
    /// <summary>Index after the object or list that begins at <paramref name="start"/>; -1 when it is not complete, or nothing of the kind begins there.</summary>
    public static int End(string text, int start)
    {
        int depth = 0;
        bool quoted = false;
        for (int i = start; i < text.Length; i++)
        {
            char c = text[i];
            if (quoted)
            {
                if (c == '\\') { i++; }
                else { quoted = c != '"'; }
                continue;
            }

            if (c == '"') { quoted = true; }
            else if (c is '{' or '[') { depth++; }
            else if (c is '}' or ']' && --depth == 0) { return i + 1; }
            if (depth == 0) { return -1; }
        }

        return -1;
    }

    /// <summary>First index from <paramref name="start"/> on that is not white space.</summary>
    public static int SkipSpace(string text, int start)
    {
        while (start < text.Length && char.IsWhiteSpace(text[start])) { start++; }
        return start;
    }
}
