/* The loops around a tile. Rows go in chunks whose activations stay in the second-level cache while
 * all blocks of weights pass by; a chunk goes in tiles of nearly equal height (13 rows are 7 + 6,
 * not 12 + 1), since low tiles wait for the latency of their few chains. Where a family multiplies
 * operands of its own, a chunk is turned into them first. */
#include "worker/engine/kernels/product.h"

#include <stdlib.h>

#include "common/buf.h"

#define CHUNK_BYTES (384u << 10)   /* of f32 activations; half of it as operands */
#define OPERAND_BYTES (192u << 10) /* on the stack */
#define TILE_ROWS_LIMIT 16

/* The rows of a chunk as the tile reads them. */
typedef struct chunk {
    const void *a;
    size_t stride; /* numbers */
    size_t row_bytes;
    size_t begin, end; /* rows of the product */
} chunk;

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void run_tile(const lt_kernels *kernels, const lt_packed *w, const char *block,
                     const chunk *rows_of, size_t row, uint32_t rows, float *sums)
{
    const void *a = (const char *)rows_of->a + (row - rows_of->begin) * rows_of->row_bytes;
    if (w->precision == LT_PRECISION_F32)
        kernels->tile_f32(a, rows_of->stride, rows, (const float *)(const void *)block, w->k, sums,
                          32);
    else
        kernels->tile_bf16(a, rows_of->stride, rows, (const uint16_t *)(const void *)block,
                           w->block_bytes / 2 / sizeof(uint16_t), w->k, sums, 32);
}

static void run_block(const lt_kernels *kernels, const lt_product *product, const chunk *rows_of,
                      uint32_t index)
{
    const lt_packed *w = product->w;
    const char *block = (const char *)w->data + index * w->block_bytes;
    const size_t column = (size_t)index * w->block_columns;
    const uint32_t columns = (uint32_t)at_most(w->block_columns, w->n - column);
    lt_epilogue epilogue = {
        .bias = w->bias ? w->bias + column : NULL,
        .bias_up = w->bias_up ? w->bias_up + column : NULL,
        .residual_stride = product->residual_stride,
        .activation = product->activation,
        .gated = w->gated,
        .round_bf16 = product->round_bf16,
    };
    _Alignas(64) float sums[TILE_ROWS_LIMIT * 32];
    size_t tiles =
        (rows_of->end - rows_of->begin + kernels->tile_rows_max - 1) / kernels->tile_rows_max;
    for (size_t row = rows_of->begin; row < rows_of->end; tiles--) {
        const uint32_t rows = (uint32_t)((rows_of->end - row + tiles - 1) / tiles);
        run_tile(kernels, w, block, rows_of, row, rows, sums);
        if (product->residual)
            epilogue.residual = product->residual + row * product->residual_stride + column;
        kernels->finish(product->c + row * product->c_stride + column, product->c_stride, sums,
                        rows, columns, &epilogue);
        row += rows;
    }
}

/* Rows that `fit` a chunk, in whole tiles where there is room for two. */
static size_t whole_tiles(const lt_kernels *kernels, size_t fit)
{
    return fit >= 2 * kernels->tile_rows_max ? fit / kernels->tile_rows_max * kernels->tile_rows_max
                                             : fit;
}

static void run_as_it_is(const lt_kernels *kernels, const lt_product *product, size_t row_begin,
                         size_t row_end, uint32_t block_begin, uint32_t block_end)
{
    const size_t fit = CHUNK_BYTES / (product->w->k * sizeof(float)),
                 low = 2 * kernels->tile_rows_max;
    const size_t rows = whole_tiles(kernels, fit > low ? fit : low);
    for (size_t row = row_begin; row < row_end; row += rows) {
        const chunk here = {.a = product->a + row * product->a_stride,
                            .stride = product->a_stride,
                            .row_bytes = product->a_stride * sizeof(float),
                            .begin = row,
                            .end = at_most(row + rows, row_end)};
        for (uint32_t block = block_begin; block < block_end; block++)
            run_block(kernels, product, &here, block);
    }
}

static void run_operands(const lt_kernels *kernels, const lt_product *product, size_t row_begin,
                         size_t row_end, uint32_t block_begin, uint32_t block_end)
{
    _Alignas(64) uint16_t on_stack[OPERAND_BYTES / sizeof(uint16_t)];
    const size_t stride =
        lt_row_stride(((size_t)product->w->k + 1) / 2) * 2; /* an odd number of lines */
    const size_t fit = OPERAND_BYTES / (stride * sizeof(uint16_t)),
                 rows = fit ? whole_tiles(kernels, fit) : 1;
    uint16_t *on_heap = fit ? NULL : lt_alloc(stride * sizeof(uint16_t)); /* k above 98,000 */
    uint16_t *operands = on_heap ? on_heap : on_stack;
    for (size_t row = row_begin; row < row_end; row += rows) {
        const chunk here = {.a = operands,
                            .stride = stride,
                            .row_bytes = stride * sizeof(uint16_t),
                            .begin = row,
                            .end = at_most(row + rows, row_end)};
        kernels->operand_bf16(operands, stride, product->a + row * product->a_stride,
                              product->a_stride, (uint32_t)(here.end - row), product->w->k);
        for (uint32_t block = block_begin; block < block_end; block++)
            run_block(kernels, product, &here, block);
    }
    free(on_heap);
}

void lt_product_run(const lt_kernels *kernels, const lt_product *product, size_t row_begin,
                    size_t row_end, uint32_t block_begin, uint32_t block_end)
{
    LT_ASSERT(kernels->tile_rows_max <= TILE_ROWS_LIMIT && block_end <= product->w->block_count);
    if (product->w->precision == LT_PRECISION_BF16 && kernels->operand_bf16)
        run_operands(kernels, product, row_begin, row_end, block_begin, block_end);
    else
        run_as_it_is(kernels, product, row_begin, row_end, block_begin, block_end);
}
