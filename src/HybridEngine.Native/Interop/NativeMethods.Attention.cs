using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_attention(ContextHandle ctx, long tokens, long sequences, int* offsets, long query_heads, long key_heads,
        long head_size, float scale, int causal, long window, float soft_cap, float* alibi, float* q, long q_stride, float* k, long k_stride,
        float* v, long v_stride, float* y, long y_stride, float* log_sum_exp, long log_sum_exp_stride, int key_value_type);

    [LibraryImport(Library)]
    internal static partial HeStatus he_attention_backward(ContextHandle ctx, long tokens, long sequences, int* offsets, long query_heads, long key_heads,
        long head_size, float scale, int causal, long window, float soft_cap, float* alibi, float* q, long q_stride, float* k, long k_stride,
        float* v, long v_stride, float* y, long y_stride, float* log_sum_exp, long log_sum_exp_stride, float* dy, long dy_stride,
        float* dq, long dq_stride, float* dk, long dk_stride, float* dv, long dv_stride, int key_value_type);

    [LibraryImport(Library)]
    internal static partial HeStatus he_kv_size(ContextHandle ctx, int type, long blocks, long block_size, long key_heads, long head_size, long* key_bytes, long* value_bytes);

    [LibraryImport(Library)]
    internal static partial HeStatus he_kv_write(ContextHandle ctx, long tokens, float* k, long k_stride, float* v, long v_stride, int* slots,
        int type, void* keys, void* values, long blocks, long block_size, long key_heads, long head_size);

    [LibraryImport(Library)]
    internal static partial HeStatus he_kv_copy_blocks(ContextHandle ctx, long count, int* sources, int* destinations, int type, void* keys, void* values,
        long blocks, long block_size, long key_heads, long head_size);

    [LibraryImport(Library)]
    internal static partial HeStatus he_paged_attention(ContextHandle ctx, long tokens, long sequences, int* query_offsets, int* context_lengths,
        int* block_tables, long table_width, long table_stride, long query_heads, long key_heads, long head_size, float scale, int causal,
        long window, float soft_cap, float* alibi, float* q, long q_stride, int type, void* keys, void* values, long blocks, long block_size,
        float* y, long y_stride);
}
