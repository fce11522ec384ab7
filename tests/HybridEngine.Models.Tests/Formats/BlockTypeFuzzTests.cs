using System.Text;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

/// <summary>One tensor of every type that is read, damaged in its header, its description and its blocks: clear errors of one line, or values (damaged blocks are other numbers, NaN among them).</summary>
public sealed class BlockTypeFuzzTests
{
    private const int Rounds = 60;

    public static TheoryData<string> AllTypes => BlockTypeTests.AllTypes;

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Read_DamagedFileOfType_OnlyClearErrorsOrValues(string name)
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        byte[] sound = FileOf(name);
        Random random = new(name.Sum(c => c));
        File.WriteAllBytes(path, sound);
        Assert.Equal(2048, Read(path));

        int refused = 0;
        for (int round = 0; round < Rounds; round++)
        {
            File.WriteAllBytes(path, Damage(sound, random));
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Read(path);
            }
            catch (HybridEngineException e)
            {
                refused++;
                Assert.DoesNotContain('\n', e.Message);
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 4 << 20, $"{name}, round {round}: {allocated} bytes allocated for a file of {sound.Length}");
        }

        Assert.True(refused > Rounds / 5, $"only {refused} of {Rounds} damaged files of {name} were refused");
    }

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Read_FileCutInItsLastBlock_NamesTensorAndSize(string name)
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        File.WriteAllBytes(path, FileOf(name)[..^1]);

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => GgufFile.Open(path).Dispose());

        Assert.Contains("tensor blk.0.w: found", error.Message, StringComparison.Ordinal);
        Assert.Contains("(truncated?)", error.Message, StringComparison.Ordinal);
    }

    private static long Read(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        long values = file.Tensors.Values.Sum(t => (long)t.ToArray().Length);
        ModelInspector.Inspect(path);
        return values;
    }

    // A whole file of the type: a key, and the recorded blocks as a matrix [4, 512].
    private static byte[] FileOf(string name)
    {
        StoredType type = StoredType.FromGgmlName(name)!;
        byte[] blocks = File.ReadAllBytes(Golden.Local("gguf", name + ".blocks"));
        using MemoryStream stream = new();
        using (BinaryWriter w = new(stream, Encoding.UTF8, leaveOpen: true))
        {
            w.Write(GgufFile.Magic);
            w.Write(3u);
            w.Write(1ul);
            w.Write(1ul);
            Text(w, "general.architecture");
            w.Write(8u);
            Text(w, "llama");
            Text(w, "blk.0.w");
            w.Write(2u);
            w.Write(512ul);
            w.Write(4ul);
            w.Write(StoredType.GgmlNumber(type));
            w.Write(0ul);
            w.Flush();
            while (stream.Position % 32 != 0) { w.Write((byte)0); w.Flush(); }
            w.Write(blocks);
        }

        return stream.ToArray();
    }

    private static void Text(BinaryWriter w, string text)
    {
        w.Write((ulong)text.Length);
        w.Write(Encoding.ASCII.GetBytes(text));
    }

    // A third cut short, a third flipped in the header (where counts, extents, type and offset are), the rest in the blocks.
    private static byte[] Damage(byte[] sound, Random random)
    {
        int kind = random.Next(3);
        if (kind == 0) { return sound[..random.Next(sound.Length)]; }
        byte[] damaged = (byte[])sound.Clone();
        for (int flips = 1 + random.Next(6); flips > 0; flips--)
        {
            int at = kind == 1 ? random.Next(128) : random.Next(128, sound.Length);
            damaged[at] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(damaged[at] ^ 1 << random.Next(8));
        }

        return damaged;
    }
}
