/* The loops around a tile. Rows go in chunks whose activations stay in the second-level cache while
 * all blocks of weights pass by; a chunk goes in tiles of nearly equal height (13 rows are 7 + 6,
 * not 12 + 1), since low tiles wait for the latency of their few chains. */
#include "worker/engine/kernels/product.h"

#define CHUNK_BYTES (384u << 10)
#define TILE_ROWS_LIMIT 16

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void run_tile(const lt_kernels *kernels, const lt_packed *w, const char *block, const float *a,
                     size_t a_stride, uint32_t rows, float *sums)
{
    if (w->precision == LT_PRECISION_F32)
        kernels->tile_f32(a, a_stride, rows, (const float *)(const void *)block, w->k, sums, 32);
    else
        kernels->tile_bf16(a, a_stride, rows, (const uint16_t *)(const void *)block,
                           w->block_bytes / 2 / sizeof(uint16_t), w->k, sums, 32);
}

static void run_block(const lt_kernels *kernels, const lt_product *product, size_t row_begin, size_t row_end,
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
    size_t tiles = (row_end - row_begin + kernels->tile_rows_max - 1) / kernels->tile_rows_max;
    for (size_t row = row_begin; row < row_end; tiles--) {
        const uint32_t rows = (uint32_t)((row_end - row + tiles - 1) / tiles);
        run_tile(kernels, w, block, product->a + row * product->a_stride, product->a_stride, rows, sums);
        if (product->residual)
            epilogue.residual = product->residual + row * product->residual_stride + column;
        kernels->finish(product->c + row * product->c_stride + column, product->c_stride, sums, rows, columns,
                        &epilogue);
        row += rows;
    }
}

void lt_product_run(const lt_kernels *kernels, const lt_product *product, size_t row_begin, size_t row_end,
                    uint32_t block_begin, uint32_t block_end)
{
    LT_ASSERT(kernels->tile_rows_max <= TILE_ROWS_LIMIT && block_end <= product->w->block_count);
    const size_t tile = kernels->tile_rows_max;
    const size_t fit = CHUNK_BYTES / (product->w->k * sizeof(float)) / tile * tile;
    const size_t chunk = fit > 2 * tile ? fit : 2 * tile;
    for (size_t row = row_begin; row < row_end; row += chunk)
        for (uint32_t block = block_begin; block < block_end; block++)
            run_block(kernels, product, row, at_most(row + chunk, row_end), block);
}
