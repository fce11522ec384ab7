using System.Text;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

public sealed class UnicodeNormalizationTests
{
    [Theory]
    // Examples of Unicode Standard Annex 15, figures 3 to 6: source, NFD, NFC, NFKD, NFKC.
    [InlineData("\u212B", "A\u030A", "\u00C5", "A\u030A", "\u00C5")]
    [InlineData("\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E9B\u0323", "s\u0323\u0307", "\u1E69")]
    [InlineData("\uFB01", "\uFB01", "\uFB01", "fi", "fi")]
    [InlineData("2\u2075", "2\u2075", "2\u2075", "25", "25")]
    [InlineData("\u1E0B\u0323", "d\u0323\u0307", "\u1E0D\u0307", "d\u0323\u0307", "\u1E0D\u0307")]
    [InlineData("\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8", "\uAC01")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")]
    public void Normalize_StandardsExamples_GivesEachForm(string text, string nfd, string nfc, string nfkd, string nfkc)
    {
        Assert.Equal([nfd, nfc, nfkd, nfkc], [Form(text, false, false), Form(text, false, true), Form(text, true, false), Form(text, true, true)]);
    }

    [Fact]
    public void Normalize_EveryCharacter_FormsAgreeWithEachOther()
    {
        for (int code = 0; code < 0x30000; code++)
        {
            if (!Rune.IsValid(code)) continue;
            string text = new Rune(code) + "\u0323\u0301";
            string nfd = Form(text, false, false), nfc = Form(text, false, true);
            // Composing what is decomposed, and decomposing what is composed, changes nothing else.
            Assert.Equal(nfc, Form(nfd, false, true));
            Assert.Equal(nfd, Form(nfc, false, false));
            Assert.Equal(Form(text, true, false), Form(nfc, true, false));
        }
    }

    private static string Form(string text, bool compatible, bool compose) => UnicodeNormalization.Normalize(AlignedText.FromString(text), compatible, compose).ToText();
}
