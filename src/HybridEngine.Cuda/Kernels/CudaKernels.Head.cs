using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private const int HeadThreads = 128, HeadColumns = 4 * HeadThreads, VocabularyTile = 512;

    // Logits that exist at once: rows times a piece of the vocabulary, 32 MiB, which a second-level cache holds. No bit of the forward depends on either.
    private const int HeadRows = 2048, HeadPiece = 8 * VocabularyTile;

    private static readonly Kernel _headTiles = new("head.head", "head_tiles", HeadThreads), _headFinish = new("head.head", "head_finish", HeadThreads), _headGradient = new("head.head", "head_gradient", HeadThreads),
        _capLogits = new("head.head", "cap_logits", HeadThreads), _logSoftmax = new("head.head", "log_softmax", HeadThreads);

    /// <inheritdoc />
    public void LogProbs(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logProb, Tensor logSumExp, Tensor entropy)
    {
        Contract.LogProbs(Device, hidden, head, bias, targets, options, logProb, logSumExp, entropy);
        (long most, _) = AtOnce(head);
        for (long first = 0; first < hidden.Shape[0]; first += most)
        {
            long rows = Math.Min(most, hidden.Shape[0] - first);
            int tiles = Tiles(head.Outputs);
            Tensor partial = _scratch.Rent(DType.Float32, rows, tiles, 4), targetZ = _scratch.Rent(DType.Float32, rows), some = targets.Rows(first, rows);
            ForPieces(hidden.Rows(first, rows), head, bias, (column, logits) => LaunchTiles(logits, default, some, partial, targetZ, column, tiles, options));
            Finish(partial, targetZ, some, logProb.Rows(first, rows), logSumExp.Rows(first, rows), entropy.IsEmpty ? default : entropy.Rows(first, rows), tiles);
            _scratch.Return(partial);
            _scratch.Return(targetZ);
        }
    }

    /// <inheritdoc />
    public void LogProbsBackward(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logSumExp, Tensor entropy,
        Tensor dLogProb, Tensor dLogSumExp, Tensor dEntropy, Tensor dHidden, WeightMatrix? dHead, Tensor dBias)
    {
        Contract.LogProbsBackward(Device, hidden, head, bias, targets, options, logSumExp, entropy, dLogProb, dLogSumExp, dEntropy, dHidden, dHead, dBias);
        for (long first = 0; first < hidden.Shape[0]; first += HeadRows)
        {
            long rows = Math.Min(HeadRows, hidden.Shape[0] - first), begin = first;
            Tensor h = hidden.Rows(first, rows);
            ForPieces(h, head, bias, (column, logits) =>
            {
                Tensor Part(Tensor t) => t.IsEmpty ? default : t.Rows(begin, rows);
                _device.Launch(_headGradient, new Grid(rows, Grid.Pieces(logits.Shape[1], HeadColumns)), new HeadGradientArguments
                {
                    Logits = At(logits), Stride = RowStride(logits), Targets = At(Part(targets)), LogSumExp = At(Part(logSumExp)), Entropy = At(Part(entropy)), DLogProb = At(Part(dLogProb)),
                    DLogSumExp = At(Part(dLogSumExp)), DEntropy = At(Part(dEntropy)), Columns = Int(logits.Shape[1]), First = column, Inverse = Inverse(options), SoftCap = options.SoftCap,
                });
                LinearBackwardInput(logits, Piece(head, column, logits.Shape[1]), dHidden.Rows(begin, rows), accumulate: column > 0);
                if (dHead is not null) { LinearBackwardWeight(h, logits, Piece(dHead, column, logits.Shape[1]), dBias.IsEmpty ? default : dBias.Rows(column, logits.Shape[1])); }
                else if (!dBias.IsEmpty) { AddColumns(logits, dBias.Rows(column, logits.Shape[1])); }
            });
        }
    }

    /// <inheritdoc />
    public void Logits(Tensor hidden, WeightMatrix head, Tensor bias, float softCap, Tensor y)
    {
        Contract.Logits(Device, hidden, head, bias, softCap, y);
        Linear(hidden, head, bias, y);
        if (softCap > 0)
        {
            _device.Launch(_capLogits, new Grid(y.Shape[0], Grid.Pieces(y.Shape[1], HeadColumns)), new CapLogitsArguments { Logits = At(y), Stride = RowStride(y), Columns = Int(y.Shape[1]), SoftCap = softCap });
        }
    }

    // Calls use(first column, logits [rows, columns] before the soft-cap) for pieces of the vocabulary, ascending.
    private void ForPieces(Tensor hidden, WeightMatrix head, Tensor bias, Action<int, Tensor> use)
    {
        (long rows, (_, long piece)) = (hidden.Shape[0], AtOnce(head));
        Tensor room = _scratch.Rent(DType.Float32, rows * Math.Min(piece, head.Outputs));
        for (long column = 0; column < head.Outputs; column += piece)
        {
            long columns = Math.Min(piece, head.Outputs - column);
            Tensor logits = room.Rows(0, rows * columns).View(rows, columns);
            Linear(hidden, Piece(head, column, columns), bias.IsEmpty ? default : bias.Rows(column, columns), logits);
            use(Int(column), logits);
        }

        _scratch.Return(room);
    }

    // Rows and columns of logits at once. A weight in blocks cannot be cut: its scales lie behind all of its numbers.
    private static (long Rows, long Columns) AtOnce(WeightMatrix head) => IsBlocks(head.DType) ? (Math.Max(1, HeadRows * HeadPiece / head.Outputs), head.Outputs) : (HeadRows, HeadPiece);

    // Rows [first, first + count) of a weight, in its own memory; the weight itself when that is all of it.
    private static WeightMatrix Piece(WeightMatrix w, long first, long count)
    {
        if (count == w.Outputs) { return w; }
        long stride = w.Storage.Count / w.Outputs;
        return new WeightMatrix(count, w.Inputs, w.Storage.Rows(first * stride, count * stride), w.DType, w.Arithmetic);
    }

    // dBias += column sums of dz, where no weight gradient is asked for: as a weight gradient of no inputs would.
    private void AddColumns(Tensor dz, Tensor dBias)
    {
        using WeightMatrix none = CreateWeight(dz.Shape[1], 1);
        Tensor zeros = Allocate(DType.Float32, dz.Shape[0], 1);
        LinearBackwardWeight(zeros, dz, none, dBias);
        zeros.Memory!.Dispose();
    }

    private void LaunchTiles(Tensor logits, Tensor temperature, Tensor targets, Tensor partial, Tensor targetZ, int first, int tiles, HeadOptions options) =>
        _device.Launch(_headTiles, new Grid(logits.Shape[0], Grid.Pieces(Tiles(logits.Shape[1]), HeadThreads / 32)), new HeadTilesArguments
        {
            Logits = At(logits), Stride = RowStride(logits), Temperature = At(temperature), Targets = At(targets), Partial = At(partial), TargetZ = At(targetZ),
            Columns = Int(logits.Shape[1]), First = first, Tiles = tiles, Inverse = Inverse(options), SoftCap = options.SoftCap,
        });

    private void Finish(Tensor partial, Tensor targetZ, Tensor targets, Tensor logProb, Tensor logSumExp, Tensor entropy, int tiles) =>
        _device.Launch(_headFinish, new Grid(Grid.Pieces(partial.Shape[0], HeadThreads / 32)), new HeadFinishArguments
        {
            Partial = At(partial), TargetZ = At(targetZ), Targets = At(targets), LogProb = At(logProb), LogSumExp = At(logSumExp), Entropy = At(entropy), Rows = Int(partial.Shape[0]), Tiles = tiles,
        });

    private static int Tiles(long vocabulary) => Int(Grid.Pieces(vocabulary, VocabularyTile));

    private static float Inverse(HeadOptions options) => options.Temperature == 1 ? 1 : 1 / options.Temperature;
}
