using Xunit;

namespace HybridEngine.Core.Tests;

public sealed class HybridEngineExceptionTests
{
    [Fact]
    public void Message_QuotesAHostileFile_OneBoundedLineWithoutControlCharacters()
    {
        string hostile = "a\nb\u001b[2J" + new string('x', 100_000);

        InvalidInputException error = new(hostile, hostile, "a name");

        Assert.StartsWith(@"a b\u001b[2Jxxx", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(", expected a name", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Message.Length, 1400, 2000);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }
}
