using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>The formats of strings that are checked. A name that JSON Schema does not define is a note; one that it defines and this engine does not check is refused.</summary>
internal static class StringFormats
{
    private static readonly HashSet<string> Refused = ["idn-email", "idn-hostname", "iri", "iri-reference", "uri-template", "regex", "hostname"];

    private const string Octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])", Ipv4 = "(" + Octet + "\\.){3}" + Octet;

    private const string Month31 = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])", Month30 = "(0[469]|11)-(0[1-9]|[12][0-9]|30)", February = "02-(0[1-9]|1[0-9]|2[0-8])";

    private const string LeapYear = "([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";

    private const string Date = "([0-9]{4}-(" + Month31 + "|" + Month30 + "|" + February + ")|" + LeapYear + "-02-29)";

    private const string Atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", QuotedLocal = "\"([ !#-\\[\\]-~]|\\\\[ -~])*\"", Label = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?";

    private const string Pointer = "(/([^/~]|~[01])*)*";

    private const string PathCharacter = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})", SegmentsAfter = "(/" + PathCharacter + "*)*", QueryAndFragment = "(\\?(" + PathCharacter + "|[/?])*)?(#(" + PathCharacter + "|[/?])*)?";

    private static readonly Dictionary<string, Lazy<Dfa>> Known = new(StringComparer.Ordinal)
    {
        ["date"] = Make("date", () => Date),
        ["time"] = Make("time", Time),
        ["date-time"] = Make("date-time", () => $"{Date}[Tt]{Time()}"),
        ["uuid"] = Make("uuid", () => "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
        ["email"] = Make("email", () => $"({Atom}(\\.{Atom})*|{QuotedLocal})@({Label}(\\.{Label})*|\\[({Ipv4}|IPv6:{Ipv6()})\\])"),
        ["ipv4"] = Make("ipv4", () => Ipv4),
        ["ipv6"] = Make("ipv6", Ipv6),
        ["duration"] = Make("duration", Duration),
        ["uri"] = Make("uri", Uri),
        ["uri-reference"] = Make("uri-reference", () => $"({Uri()}|{RelativeReference()})"),
        ["json-pointer"] = Make("json-pointer", () => Pointer),
        ["relative-json-pointer"] = Make("relative-json-pointer", () => $"(0|[1-9][0-9]*)(#|{Pointer})"),
    };

    /// <summary>The texts of a format, or null where it says nothing.</summary>
    public static Dfa? Find(string format, string source)
    {
        if (Known.TryGetValue(format, out Lazy<Dfa>? texts)) { return texts.Value; }
        return Refused.Contains(format) ? throw new UnsupportedException(source, $"format '{format}'", string.Join(", ", Known.Keys)) : null;
    }

    private static Lazy<Dfa> Make(string name, Func<string> pattern) =>
        new(() => PatternDfa.Build(Anchors.Resolve(RegexParser.Parse(pattern(), RegexDialect.Ecma, name)), new DfaLimit("json_schema", $"format '{name}'")));

    /// <summary>RFC 3339: a leap second is where the clock of UTC reads 23:59, so the local clock decides the offset.</summary>
    private static string Time()
    {
        const string Offset = "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])", Fraction = "(\\.[0-9]+)?";
        var leaps = new List<string> { $"23:59:60{Fraction}[Zz]" };
        for (int local = 0; local < 1440; local++)
        {
            int ahead = (local - 1439 + 1440) % 1440, behind = (1439 - local) % 1440;
            leaps.Add($"{Clock(local)}:60{Fraction}(\\+{Clock(ahead)}|-{Clock(behind)})");
        }

        return $"(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{Fraction}{Offset}|{string.Join('|', leaps)})";
    }

    private static string Clock(int minutes) => string.Create(CultureInfo.InvariantCulture, $"{minutes / 60:00}:{minutes % 60:00}");

    /// <summary>RFC 4291: eight groups, of which one run of at least one may be "::" and the last two an IPv4 address.</summary>
    private static string Ipv6()
    {
        const string Group = "[0-9A-Fa-f]{1,4}", Tail = "(" + Group + ":" + Group + "|" + Ipv4 + ")";
        var options = new List<string> { $"({Group}:){{6}}{Tail}" };
        for (int before = 0; before <= 7; before++)
        {
            string left = before == 0 ? "" : $"{Group}(:{Group}){{{before - 1}}}";
            int room = 7 - before;
            options.Add($"{left}::");
            if (room >= 1) { options.Add($"{left}::{Group}(:{Group}){{0,{room - 1}}}"); }
            if (room >= 2) { options.Add($"{left}::({Group}:){{0,{room - 2}}}{Ipv4}"); }
        }

        return $"({string.Join('|', options)})";
    }

    /// <summary>RFC 3986, appendix A.</summary>
    private static string Uri() => $"[A-Za-z][A-Za-z0-9+.-]*:({Authority()}{SegmentsAfter}|/({PathCharacter}+{SegmentsAfter})?|{PathCharacter}+{SegmentsAfter}|){QueryAndFragment}";

    /// <summary>A reference without a scheme: its first segment holds no colon, which would make a scheme of it.</summary>
    private static string RelativeReference()
    {
        string first = PathCharacter.Replace(":", "", StringComparison.Ordinal);
        return $"({Authority()}{SegmentsAfter}|/({PathCharacter}+{SegmentsAfter})?|{first}+{SegmentsAfter}|){QueryAndFragment}";
    }

    private static string Authority()
    {
        const string Name = "([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})", User = "([A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})";
        return $"//({User}*@)?(\\[({Ipv6()}|v[0-9A-Fa-f]+\\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\\]|{Name}*)(:[0-9]*)?";
    }

    /// <summary>RFC 3339, appendix A.</summary>
    private static string Duration()
    {
        const string Time = "T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S)", Day = "[0-9]+D", Month = "[0-9]+M(" + Day + ")?", Year = "[0-9]+Y(" + Month + ")?";
        return $"P(({Day}|{Month}|{Year})({Time})?|{Time}|[0-9]+W)";
    }
}
