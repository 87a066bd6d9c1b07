/* Attention as matrix products on panels: the keys of a head are packed like the rows of a weight
 * matrix, the values like its columns, once per kv head; then for a tile of queries: scores,
 * softmax, sum of values. A tile takes the keys from the first block of 32 that any of its queries
 * sees to the last key that any of them sees; hidden keys among them have weight 0, which changes
 * no sum but perhaps the sign of a zero, and the final + 0 removes that. */
#include "worker/engine/kernels/attention.h"

#define BLOCK 32u
#define TILE_ROWS_LIMIT 16u
#define HEAD_DIM_MAX 512u

/* Where things lie in the scratch, and their strides in numbers. */
typedef struct plan {
    const lt_kernels *kernels;
    const lt_attention *x;
    void *keys;        /* blocks of 32 keys, each over head_dim */
    void *values;      /* blocks of 32 dimensions, each over the keys */
    float *queries;    /* [tile rows, head_dim] rounded; bf16 only */
    uint16_t *operand; /* [tile rows, head_dim or keys] as the family wants them; bf16 only */
    float *scores;     /* [tile rows, keys] */
    float *sums;       /* [tile rows, head_dim in blocks] */
    size_t key_block, value_block; /* numbers of the panels' type from block to block */
    size_t dim_stride, score_stride, operand_stride;
} plan;

static uint32_t round_up(uint32_t n)
{
    return (n + BLOCK - 1) / BLOCK * BLOCK;
}

static uint32_t at_most(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool is_bf16(const lt_attention *x)
{
    return x->precision == LT_PRECISION_BF16;
}

/* Fills in the plan from `scratch` (may be NULL: to measure); returns the floats it takes. */
static size_t plan_scratch(plan *p, const lt_kernels *kernels, const lt_attention *x,
                           float *scratch)
{
    const size_t dims = round_up(x->head_dim), keys = round_up(x->keys);
    const size_t panels = is_bf16(x) ? keys * dims / 2 : keys * dims;
    *p = (plan){.kernels = kernels, .x = x};
    p->dim_stride = lt_row_stride(dims);
    p->score_stride = lt_row_stride(keys);
    p->operand_stride = 2 * lt_row_stride((keys > dims ? keys : dims) / 2);
    p->key_block = BLOCK * (is_bf16(x) ? dims : x->head_dim);
    p->value_block = BLOCK * keys;
    size_t at = 0;
    p->keys = scratch ? scratch + at : NULL;
    at += panels;
    p->values = scratch ? scratch + at : NULL;
    at += panels;
    p->queries = scratch ? scratch + at : NULL;
    at += TILE_ROWS_LIMIT * p->dim_stride;
    p->sums = scratch ? scratch + at : NULL;
    at += TILE_ROWS_LIMIT * p->dim_stride;
    p->scores = scratch ? scratch + at : NULL;
    at += TILE_ROWS_LIMIT * p->score_stride;
    p->operand = scratch ? (uint16_t *)(scratch + at) : NULL;
    return at + TILE_ROWS_LIMIT * p->operand_stride / 2;
}

size_t lt_attention_scratch_bytes(const lt_attention *attention)
{
    plan p;
    return plan_scratch(&p, NULL, attention, NULL) * sizeof(float);
}

static void pack_keys(const plan *p, uint32_t kv_head)
{
    const lt_attention *x = p->x;
    for (uint32_t key = 0; key < x->keys; key += BLOCK) {
        const float *from = x->k + key * x->kv_stride + (size_t)kv_head * x->head_dim;
        const size_t at = key / BLOCK * p->key_block;
        const uint32_t columns = at_most(BLOCK, x->keys - key);
        if (is_bf16(x))
            p->kernels->pack_rows_bf16((uint16_t *)p->keys + at, from, x->kv_stride, columns,
                                       x->head_dim);
        else
            p->kernels->pack_rows_f32((float *)p->keys + at, from, x->kv_stride, columns,
                                      x->head_dim);
    }
}

static void pack_values(const plan *p, uint32_t kv_head)
{
    const lt_attention *x = p->x;
    for (uint32_t dim = 0; dim < x->head_dim; dim += BLOCK) {
        const float *from = x->v + (size_t)kv_head * x->head_dim + dim;
        const size_t at = dim / BLOCK * p->value_block;
        const uint32_t columns = at_most(BLOCK, x->head_dim - dim);
        if (is_bf16(x))
            p->kernels->pack_columns_bf16((uint16_t *)p->values + at, from, x->kv_stride, columns,
                                          x->keys);
        else
            p->kernels->pack_columns_f32((float *)p->values + at, from, x->kv_stride, columns,
                                         x->keys);
    }
}

/* The keys [*begin, *end) that query `query` sees. */
static void visible(const lt_attention *x, uint32_t query, uint32_t *begin, uint32_t *end)
{
    const uint64_t position = (uint64_t)x->query_position + query;
    *begin = x->left == LT_WINDOW_ALL || position < x->left ? 0 : (uint32_t)(position - x->left);
    *end = x->keys;
    if (x->right != LT_WINDOW_ALL && position + x->right + 1 < x->keys)
        *end = (uint32_t)(position + x->right + 1);
    LT_ASSERT(*begin < *end);
}

/* Rows of bf16 values as tile_bf16 of this family reads them. */
static const void *operand_of(const plan *p, const float *a, size_t *stride, uint32_t rows,
                              uint32_t k)
{
    if (!p->kernels->operand_bf16)
        return a;
    p->kernels->operand_bf16(p->operand, p->operand_stride, a, *stride, rows, k);
    *stride = p->operand_stride;
    return p->operand;
}

/* scores[row][key - low] for the keys [low, high); low is a multiple of 32. */
static void score_tile(const plan *p, uint32_t head, uint32_t query, uint32_t rows, uint32_t low,
                       uint32_t high)
{
    const lt_attention *x = p->x;
    const float *q = x->q + query * x->q_stride + (size_t)head * x->head_dim;
    if (!is_bf16(x)) {
        for (uint32_t key = low; key < high; key += BLOCK)
            p->kernels->tile_f32(q, x->q_stride, rows,
                                 (const float *)p->keys + key / BLOCK * p->key_block, x->head_dim,
                                 p->scores + (key - low), p->score_stride);
        return;
    }
    for (uint32_t row = 0; row < rows; row++)
        p->kernels->round_bf16(p->queries + row * p->dim_stride, q + row * x->q_stride,
                               x->head_dim);
    size_t stride = p->dim_stride;
    const void *operand = operand_of(p, p->queries, &stride, rows, x->head_dim);
    for (uint32_t key = low; key < high; key += BLOCK)
        p->kernels->tile_bf16(
            operand, stride, rows, (const uint16_t *)p->keys + key / BLOCK * p->key_block,
            p->key_block / 2, x->head_dim, p->scores + (key - low), p->score_stride);
}

/* sums[row][dim] over the keys [low, high) with the weights in scores. */
static void sum_tile(const plan *p, uint32_t rows, uint32_t low, uint32_t high)
{
    const lt_attention *x = p->x;
    if (!is_bf16(x)) {
        const float *block = (const float *)p->values + (size_t)low * BLOCK;
        for (uint32_t dim = 0; dim < x->head_dim; dim += BLOCK, block += p->value_block)
            p->kernels->tile_f32(p->scores, p->score_stride, rows, block, high - low, p->sums + dim,
                                 p->dim_stride);
        return;
    }
    size_t stride = p->score_stride;
    const void *operand = operand_of(p, p->scores, &stride, rows, high - low);
    const uint16_t *block = (const uint16_t *)p->values + (size_t)low * 16;
    for (uint32_t dim = 0; dim < x->head_dim; dim += BLOCK, block += p->value_block)
        p->kernels->tile_bf16(operand, stride, rows, block, p->value_block / 2, high - low,
                              p->sums + dim, p->dim_stride);
}

static void run_tile(const plan *p, uint32_t head, uint32_t query, uint32_t rows)
{
    const lt_attention *x = p->x;
    uint32_t begin[TILE_ROWS_LIMIT], end[TILE_ROWS_LIMIT], low = x->keys, high = 0;
    for (uint32_t row = 0; row < rows; row++) {
        visible(x, query + row, &begin[row], &end[row]);
        low = at_most(low, begin[row] / BLOCK * BLOCK);
        high = end[row] > high ? end[row] : high;
    }
    score_tile(p, head, query, rows, low, high);
    float total[TILE_ROWS_LIMIT];
    for (uint32_t row = 0; row < rows; row++)
        total[row] =
            p->kernels->softmax(p->scores + row * p->score_stride, begin[row] - low, end[row] - low,
                                high - low, x->scale, x->softcap, is_bf16(x));
    sum_tile(p, rows, low, high);
    for (uint32_t row = 0; row < rows; row++)
        p->kernels->normalise(x->out + (query + row) * x->out_stride + (size_t)head * x->head_dim,
                              p->sums + row * p->dim_stride, x->head_dim, total[row],
                              x->round_bf16);
}

void lt_attention_run(const lt_kernels *kernels, const lt_attention *attention, uint32_t head_begin,
                      uint32_t head_end, void *scratch)
{
    const lt_attention *x = attention;
    LT_ASSERT(kernels->tile_rows_max <= TILE_ROWS_LIMIT && x->head_dim <= HEAD_DIM_MAX);
    LT_ASSERT(x->keys > 0 && x->kv_heads > 0 && x->heads % x->kv_heads == 0 &&
              head_end <= x->heads);
    plan p;
    plan_scratch(&p, kernels, x, scratch);
    const uint32_t group = x->heads / x->kv_heads;
    for (uint32_t head = head_begin; head < head_end; head++) {
        if (head == head_begin || head % group == 0) {
            pack_keys(&p, head / group);
            pack_values(&p, head / group);
        }
        uint32_t tiles = (x->queries + kernels->tile_rows_max - 1) / kernels->tile_rows_max;
        for (uint32_t query = 0; query < x->queries; tiles--) {
            const uint32_t rows = (x->queries - query + tiles - 1) / tiles;
            run_tile(&p, head, query, rows);
            query += rows;
        }
    }
}
