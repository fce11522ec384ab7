using Xunit;

namespace HybridEngine.Native.Tests;

/// <summary>Files of the checkout that the tests run in.</summary>
internal static class Repository
{
    internal static string PathOf(string relative)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "HybridEngine.sln"))) { folder = folder.Parent; }
        return Path.Combine((folder ?? throw new InvalidOperationException("the tests run outside of a checkout")).FullName, relative);
    }

    internal static void RequireNativeLibrary() => Skip.IfNot(NativeLibraryReport.Current.IsLoaded, NativeLibraryReport.Current.ToString());
}
