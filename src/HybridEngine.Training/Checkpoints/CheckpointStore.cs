using System.Globalization;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>The checkpoints of one run: folders <c>step-N</c>, each complete or absent, the newest kept.</summary>
/// <remarks>
/// A checkpoint holds models in Hugging Face layout (float32 masters), optimizer moments, the run's own state as JSON, the numeric variant, and a list of its files with their
/// lengths and SHA-256. Loading everything back continues the run bit for bit on the same numeric variant.
/// </remarks>
public sealed class CheckpointStore
{
    private const string Prefix = "step-";
    private readonly int _keep;

    /// <param name="folder">Where the step folders go; made when the first is saved.</param>
    /// <param name="keep">Newest checkpoints that stay; 0 keeps all.</param>
    public CheckpointStore(string folder, int keep = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keep);
        (Folder, _keep) = (Path.GetFullPath(folder), keep);
    }

    /// <summary>Where the step folders are.</summary>
    public string Folder { get; }

    /// <summary>Steps that have a folder (complete or damaged), ascending.</summary>
    public IReadOnlyList<long> Steps => !Directory.Exists(Folder) ? [] :
    [
        .. Directory.EnumerateDirectories(Folder, Prefix + "*").Select(Path.GetFileName)
            .Where(n => long.TryParse(n.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out _)).Select(n => long.Parse(n.AsSpan(Prefix.Length), CultureInfo.InvariantCulture)).Order(),
    ];

    /// <summary>The folder of a step.</summary>
    public string PathOf(long step) => Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step}"));

    /// <summary>Writes a checkpoint completely or not at all, then removes the oldest beyond the number to keep.</summary>
    /// <param name="step">Optimizer steps taken.</param>
    /// <param name="numericVariant">Of the backend (<see cref="IKernels.NumericVariant"/>).</param>
    /// <param name="state">Data positions, random state, controllers: whatever the run needs to go on.</param>
    /// <param name="write">Adds models and optimizers.</param>
    /// <exception cref="HybridEngineException">The disk is full or the folder cannot be written; older checkpoints are unchanged.</exception>
    public void Save(long step, string numericVariant, JsonObject state, Action<CheckpointWriter> write)
    {
        try
        {
            Directory.CreateDirectory(Folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{Folder}: cannot be made: {e.Message.TrimEnd('.')}", e);
        }

        AtomicFolder.Write(PathOf(step), target =>
        {
            CheckpointWriter writer = new(target);
            write(writer);
            writer.Finish(step, numericVariant, state);
        });
        Prune();
    }

    /// <summary>Opens the checkpoint of a step and verifies every file.</summary>
    /// <exception cref="HybridEngineException">It is missing or damaged; the message says which file and how.</exception>
    public CheckpointReader Open(long step) => new(PathOf(step));

    /// <summary>Opens the newest checkpoint that is whole; null when there is none.</summary>
    /// <param name="refused">Called with one line for each newer one that is damaged.</param>
    public CheckpointReader? OpenLatest(Action<string>? refused = null)
    {
        foreach (long step in Steps.Reverse())
        {
            try
            {
                return Open(step);
            }
            catch (HybridEngineException e)
            {
                refused?.Invoke(e.Message);
            }
        }

        return null;
    }

    private void Prune()
    {
        IReadOnlyList<long> steps = Steps;
        for (int i = 0; _keep > 0 && i < steps.Count - _keep; i++) { Delete(PathOf(steps[i])); }
        // What a killed process left half written.
        foreach (string unfinished in Directory.EnumerateDirectories(Folder, Prefix + "*.tmp")) { Delete(unfinished); }
    }

    private static void Delete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{folder}: cannot be removed: {e.Message.TrimEnd('.')}", e);
        }
    }
}
