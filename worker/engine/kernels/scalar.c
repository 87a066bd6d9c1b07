/* The definition of every result, in plain C for any x86-64. Slow on purpose: fmaf is a call. */
#include "worker/engine/kernels/family.h"
#include "worker/engine/kernels/v16_scalar.h"

#include "worker/engine/kernels/math.inc.h"
#include "worker/engine/kernels/rows.inc.h"
#include "worker/engine/kernels/tile.inc.h"

static void tile_f32(const float *a, size_t a_stride, uint32_t rows, const float *block, uint32_t k,
                     float *out, size_t out_stride)
{
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t column = 0; column < 32; column++) {
            float sum = 0.0f;
            for (uint32_t i = 0; i < k; i++)
                sum = fmaf(a[row * a_stride + i], block[(size_t)i * 32 + column], sum);
            out[row * out_stride + column] = sum;
        }
}

/* One output of a bf16 product; w: the column's numbers in its panel, pairs 32 numbers apart. */
static float dot_bf16(const float *a, const uint16_t *w, uint32_t k)
{
    float sum = 0.0f;
    for (uint32_t begin = 0; begin < k; begin += 32) {
        float chain[2] = {0.0f, 0.0f};
        for (uint32_t i = begin; i < k && i < begin + 32; i++) {
            const uint32_t bits = (uint32_t)w[(size_t)(i / 2) * 32 + i % 2] << 16;
            chain[i % 2] = fmaf(a[i], float_of(bits), chain[i % 2]);
        }
        sum = sum + (chain[0] + chain[1]);
    }
    return sum;
}

static void tile_bf16(const void *a, size_t a_stride, uint32_t rows, const uint16_t *block,
                      size_t panel_stride, uint32_t k, float *out, size_t out_stride)
{
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t column = 0; column < 32; column++) {
            const uint16_t *w = block + (column / 16) * panel_stride + (size_t)(column % 16) * 2;
            out[row * out_stride + column] = dot_bf16((const float *)a + row * a_stride, w, k);
        }
}

#define FAMILY scalar
#define TILE_F32 tile_f32
#define TILE_BF16 tile_bf16
#define TILE_ROWS_MAX 4
#include "worker/engine/kernels/family.inc.h"
