using Xunit;

namespace HybridEngine.Inference.Tests;

public sealed class StopTextFilterTests
{
    [Fact]
    public void Add_AnyPieces_NeverShowsAPartOfTheFirstStop()
    {
        for (int run = 0; run < 2000; run++)
        {
            int seed = Random.Shared.Next();
            Random random = new(seed);
            string text = Letters(random, random.Next(0, 40));
            string[] stops = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Letters(random, random.Next(1, 5)))];
            (int end, int stopEnd) = stops.Select(s => (Start: text.IndexOf(s, StringComparison.Ordinal), s.Length)).Where(m => m.Start >= 0)
                .Select(m => (m.Start, m.Start + m.Length)).OrderBy(m => m.Item2).ThenBy(m => m.Start).FirstOrDefault((text.Length, int.MaxValue));
            StopTextFilter filter = new(stops);
            string shown = "";
            for (int at = 0; at < text.Length && !filter.Stopped;)
            {
                int n = Math.Min(random.Next(1, 6), text.Length - at);
                shown += filter.Add(text.Substring(at, n));
                at += n;
                Assert.True(text[..end].StartsWith(shown, StringComparison.Ordinal), $"seed {seed}: showed '{shown}' of '{text}'");
            }

            Assert.Equal(stopEnd <= text.Length, filter.Stopped);
            shown += filter.Flush();
            Assert.True(text[..end] == shown, $"seed {seed}: '{shown}' of '{text}'");
            Assert.Equal(shown, filter.Passed);
        }
    }

    [Fact]
    public void Add_WhatCannotBecomeAStop_PassesAtOnce()
    {
        StopTextFilter filter = new(["###"]);
        Assert.Equal("abc", filter.Add("abc#"));
        Assert.Equal("#x", filter.Add("x"));
    }

    private static string Letters(Random random, int n) => string.Concat(Enumerable.Range(0, n).Select(_ => "ab"[random.Next(2)]));
}
