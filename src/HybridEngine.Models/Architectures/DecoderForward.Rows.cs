using HybridEngine.Core;

namespace HybridEngine.Models;

// Hidden states of some rows only: the last tokens of prompts, the tokens that a loss reads. Every token's keys and values are needed up to the last block's attention; behind it a row is
// alone, so the rows that nobody asked for end there: of that block's 2 tokens (4 hidden^2 + 3 hidden intermediate) operations all but the fused projection. A row's bits know nothing of it.
public sealed partial class DecoderForward
{
    // In a parallel block attention and the MLP read one norm, whose statistics the backward has of all rows; the balance of experts is over all tokens; adapters are listed by row.
    private bool SelectsInBlock => _config.BlockOrder == BlockOrder.Serial && ExpertLoad is null && _adapters is null;

    private Tensor Select(Tensor x, Tensor rows)
    {
        Tensor y = _pool.Rent(DType.Float32, rows.Count, x.Shape[1]);
        _kernels.GatherRows(x, rows, y);
        return y;
    }

    // The rows of a tensor that is the pool's.
    private Tensor Taken(Tensor x, Tensor rows)
    {
        Tensor y = Select(x, rows);
        _pool.Return(x);
        return y;
    }

    // The residual stream goes on with these rows; the whole one goes unless the tape has it.
    private Tensor SelectResidual(Tensor residual, Tensor rows)
    {
        Tensor selected = Select(residual, rows);
        FreeResidual(residual);
        _residualTaped = false;
        return selected;
    }

    private (Tensor Residual, Tensor Branch) SelectRows(Tensor residual, Tensor branch, Tensor rows) => (SelectResidual(residual, rows), Taken(branch, rows));
}
