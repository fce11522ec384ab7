namespace HybridEngine.Rlhf;

/// <summary>One question of the pocket assistant.</summary>
/// <param name="Question">As a person types it: <c>sort 984</c>.</param>
/// <param name="Right">The right answer: <c>489</c>.</param>
/// <param name="Wrong">The mistake a sloppy labeller makes: <c>984</c>.</param>
public sealed record PocketTask(string Question, string Right, string Wrong)
{
    private const string Consonants = "bdfgklmnprstvz", Vowels = "aeiou";

    /// <summary>The next question that belongs to the wanted split. Sums are in both; any other question is in the test split when a hash of its text says so, one in ten.</summary>
    public static PocketTask Draw(ref SplitMix64 random, bool test)
    {
        while (true)
        {
            PocketTask task = Draw(ref random);
            bool accepted = task.Question.Contains('+', StringComparison.Ordinal) ? !test || random.Below(10) == 0 : (Fnv1a(task.Question) >> 8) % 10 == 0 == test;
            if (accepted) { return task; }
        }
    }

    /// <summary>One of the five skills.</summary>
    private static PocketTask Draw(ref SplitMix64 random)
    {
        switch (random.Below(5))
        {
            case 0:
                int a = random.Below(10), b = random.Below(10), sum = a + b;
                return new PocketTask($"{a}+{b}", $"{sum}", $"{(sum > 9 ? sum - 10 : sum + 1)}");
            case 1:
                int[] three = Three(ref random);
                return new PocketTask($"max {three[0]} {three[1]} {three[2]}", $"{three.Max()}", $"{three.Min()}");
            case 2:
                string word = Word(ref random, 3), reversed = Reverse(word);
                return new PocketTask("reverse " + word, reversed, reversed == word ? word[1..] + word[0] : word);
            case 3:
                string quiet = Word(ref random, 4);
                return new PocketTask("shout " + quiet, quiet.ToUpperInvariant(), quiet);
            default:
                int[] digits = Three(ref random);
                string question = "sort " + string.Concat(digits);
                Array.Sort(digits);
                string sorted = string.Concat(digits);
                return new PocketTask(question, sorted, Reverse(sorted));
        }
    }

    /// <summary>Three digits that are not all equal.</summary>
    private static int[] Three(ref SplitMix64 random)
    {
        int[] x = [random.Below(10), random.Below(10), random.Below(10)];
        if (x[0] == x[1] && x[1] == x[2]) { x[2] = (x[2] + 1) % 10; }
        return x;
    }

    private static string Word(ref SplitMix64 random, int letters)
    {
        char[] word = new char[letters];
        for (int i = 0; i < letters; i++) { word[i] = i % 2 == 0 ? Consonants[random.Below(14)] : Vowels[random.Below(5)]; }
        return new string(word);
    }

    private static string Reverse(string text)
    {
        char[] letters = text.ToCharArray();
        Array.Reverse(letters);
        return new string(letters);
    }

    private static uint Fnv1a(string text)
    {
        uint hash = 0x811C9DC5;
        foreach (char c in text) { hash = (hash ^ c) * 0x01000193; }
        return hash;
    }
}
