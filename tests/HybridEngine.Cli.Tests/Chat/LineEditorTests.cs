using HybridEngine.Cli.Chat;
using Xunit;

namespace HybridEngine.Cli.Tests;

/// <summary>Typing a message, key by key.</summary>
public sealed class LineEditorTests
{
    [Theory]
    [InlineData("hello{Enter}", "hello")]
    [InlineData("world{Home}hello {End}!{Enter}", "hello world!")]
    [InlineData("ab{Left}{Left}{Left}x{Right}y{Enter}", "xayb")]
    [InlineData("a😀é文{Backspace}{Backspace}{Enter}", "a😀")]
    [InlineData("a👨‍👩‍👧b{Left}{Backspace}{Enter}", "ab")]
    [InlineData("e\u0301x{C-a}{Delete}{Enter}", "x")]
    [InlineData("one two three{C-w}{C-a}{C-y}!{Enter}", "three!one two ")]
    [InlineData("one two three{M-b}{M-b}{M-d}{Enter}", "one  three")]
    [InlineData("one two{C-a}{M-f}{C-k}{Enter}", "one")]
    [InlineData("one two{M-b}{C-u}{Enter}", "two")]
    [InlineData("ab{C-t}{Enter}", "ba")]
    [InlineData("abc{C-b}{C-b}{C-f}{C-d}{C-h}{Enter}", "a")]
    [InlineData("a{M-Enter}b{C-j}c{Enter}", "a\nb")]
    [InlineData("abc{M-Enter}de{Up}X{Down}{Down}Y{Home}Z{Enter}", "abXc\nZdeY")]
    [InlineData("x{Esc}[200~two\r\nlines\tand 😀\rmore{Esc}[201~y{Enter}", "xtwo\nlines\tand 😀\nmorey")]
    [InlineData("a b{Esc}b!{Enter}", "a !b")]
    [InlineData("a{Esc}[99;5zb{Enter}", "ab")]
    [InlineData("/cl{Tab}{Enter}", "/clear ")]
    [InlineData("no\u0001\u0002{Enter}", "no")]
    public void Read_Keys_GiveTheText(string keys, string expected) => Assert.Equal(expected, Editor(keys).Read("> "));

    [Fact]
    public void Read_ControlDOnAnEmptyLine_IsTheEnd() => Assert.Null(Editor("{C-d}").Read("> "));

    [Fact]
    public void Read_UpAndDown_WalkTheHistoryAndKeepTheDraft()
    {
        LineEditor editor = Editor("first{Enter}second{Enter}draft{Up}{Up}{Up}{Enter}dr{Up}{Down}aft{Enter}");
        Assert.Equal(["first", "second", "first", "draft"], Enumerable.Range(0, 4).Select(_ => editor.Read("> ")));
    }

    [Fact]
    public void Read_Search_FindsNewestFirst()
    {
        LineEditor editor = Editor("apple one{Enter}banana{Enter}apple two{Enter}{C-r}APP{Enter}x{C-r}app{C-r}{C-r}{End}!{Enter}keep{C-r}ban{C-g}{Enter}");
        Assert.Equal(["apple one", "banana", "apple two", "apple two", "apple one!", "keep"], Enumerable.Range(0, 6).Select(_ => editor.Read("> ")));
    }

    [Fact]
    public void History_File_IsFoundAgainAndMayBeBroken()
    {
        using Scratch scratch = new();
        string file = Path.Combine(scratch.Path, "deep", "history");
        InputHistory first = new(file);
        first.Add("one\nline 😀");
        first.Add("two");
        first.Add("two");
        first.Add(" secret");
        InputHistory second = new(file);
        Assert.Equal((2, "two", "one\nline 😀"), (second.Count, second.Older("x"), second.Older("x")));
        File.AppendAllText(file, "not json\n");
        Assert.Equal(2, new InputHistory(file).Count);
        new InputHistory("/proc/nowhere/history").Add("is done without");
    }

    [Theory]
    [InlineData("", 0, 10, 0, 2)]
    [InlineData("abc", 3, 10, 0, 5)]
    [InlineData("abcdefgh", 8, 10, 1, 0)]
    [InlineData("abcdefgh", 7, 10, 0, 9)]
    [InlineData("日本日本", 4, 10, 1, 0)]
    [InlineData("a日本日本", 5, 10, 1, 2)]
    [InlineData("ab\ncd", 5, 10, 1, 4)]
    [InlineData("ab\ncd", 2, 10, 0, 4)]
    public void Layout_CursorAtTheEdges_StandsWhereTheTerminalWouldPutIt(string text, int cursor, int columns, int row, int column)
    {
        (List<string> rows, int r, int c) = LineScreen.Layout(text, cursor, columns, indent: 2);
        Assert.Equal((row, column), (r, c));
        Assert.All(rows, line => Assert.True(DisplayWidth.Of(line) <= columns));
        Assert.True(r < rows.Count);
    }

    [Theory]
    [InlineData("a", 1)]
    [InlineData("é", 1)]
    [InlineData("e\u0301", 1)]
    [InlineData("文", 2)]
    [InlineData("한", 2)]
    [InlineData("😀", 2)]
    [InlineData("👨‍👩‍👧", 2)]
    [InlineData("🇨🇭", 2)]
    [InlineData("❤️", 2)]
    [InlineData("❤", 1)]
    [InlineData("Ａ", 2)]
    [InlineData("ｱ", 1)]
    [InlineData("\u200B", 0)]
    public void DisplayWidth_Characters_AreAsWideAsTerminalsDrawThem(string text, int width) => Assert.Equal(width, DisplayWidth.Of(text));

    [Fact]
    public void AnswerWriter_EscapeSequencesOfAModel_DoNotReachTheTerminal() => Assert.Equal("[31mred\n\tü😀", AnswerWriter.Clean("\e[31mred\a\n\tü😀\x9B\x7F"));

    private static LineEditor Editor(string keys)
    {
        Queue<ConsoleKeyInfo> all = TypedKeys.Of(keys);
        return new LineEditor(TextWriter.Null, new InputHistory(null), ["/clear", "/save", "/set"], all.Dequeue, () => all.Count > 0, () => (20, 10));
    }
}
