/* Tiles with AVX2 and FMA.
 *
 * A tile is 6 rows by 16 columns (f32: 12 accumulators, 2 weights, 1 broadcast = 15 of 16
 * registers) or 3 rows by 16 columns with an even and an odd chain each (bf16: 12 chains, 2 widened
 * weights, 1 broadcast, 1 mask = 16). The broadcasts are loads, of which there are two in a cycle
 * at best, as there are of multiply-adds: 3 by 16 has 10 loads for 12 of them, 6 by 8 would
 * have 14. */
#include "worker/engine/kernels/tile.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define BF16_ROWS 3

INLINE void tile_f32_half(const float *a, size_t a_stride, const float *block, uint32_t k,
                          float *out, size_t out_stride, const uint32_t rows)
{
    __m256 sum[LT_TILE_ROWS_AVX2][2];
#pragma GCC unroll 6
    for (uint32_t row = 0; row < rows; row++)
        sum[row][0] = sum[row][1] = _mm256_setzero_ps();
    for (uint32_t i = 0; i < k; i++, block += 32) {
        const __m256 w0 = _mm256_loadu_ps(block), w1 = _mm256_loadu_ps(block + 8);
#pragma GCC unroll 6
        for (uint32_t row = 0; row < rows; row++) {
            const __m256 x = _mm256_set1_ps(a[row * a_stride + i]);
            sum[row][0] = _mm256_fmadd_ps(x, w0, sum[row][0]);
            sum[row][1] = _mm256_fmadd_ps(x, w1, sum[row][1]);
        }
    }
#pragma GCC unroll 6
    for (uint32_t row = 0; row < rows; row++) {
        _mm256_storeu_ps(out + row * out_stride, sum[row][0]);
        _mm256_storeu_ps(out + row * out_stride + 8, sum[row][1]);
    }
}

/* Even or odd elements: their weights, widened, to two registers of 8 columns. */
INLINE void widen_even(const uint16_t *panel, __m256 w[2])
{
    w[0] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256((const __m256i *)panel), 16));
    w[1] = _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_loadu_si256((const __m256i *)(panel + 16)), 16));
}

INLINE void widen_odd(const uint16_t *panel, __m256 w[2])
{
    const __m256i mask = _mm256_set1_epi32((int)0xffff0000u);
    w[0] = _mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256((const __m256i *)panel), mask));
    w[1] = _mm256_castsi256_ps(
        _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(panel + 16)), mask));
}

INLINE void add_products(__m256 sum[][2], const float *a, size_t a_stride, const __m256 w[2],
                         const uint32_t rows)
{
#pragma GCC unroll 3
    for (uint32_t row = 0; row < rows; row++) {
        const __m256 x = _mm256_set1_ps(a[row * a_stride]);
        sum[row][0] = _mm256_fmadd_ps(x, w[0], sum[row][0]);
        sum[row][1] = _mm256_fmadd_ps(x, w[1], sum[row][1]);
    }
}

/* One block of up to 32 elements of k: pairs of them, and a single one when k is odd. */
INLINE void tile_bf16_block(const float *a, size_t a_stride, const uint16_t *panel, uint32_t pairs,
                            bool single, float *out, size_t out_stride, const uint32_t rows)
{
    __m256 even[BF16_ROWS][2], odd[BF16_ROWS][2], w[2];
#pragma GCC unroll 3
    for (uint32_t row = 0; row < rows; row++)
        even[row][0] = even[row][1] = odd[row][0] = odd[row][1] = _mm256_setzero_ps();
    for (uint32_t i = 0; i < pairs; i++, panel += 32, a += 2) {
        widen_even(panel, w);
        add_products(even, a, a_stride, w, rows);
        widen_odd(panel, w);
        add_products(odd, a + 1, a_stride, w, rows);
    }
    if (single) {
        widen_even(panel, w);
        add_products(even, a, a_stride, w, rows);
    }
#pragma GCC unroll 3
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t half = 0; half < 2; half++) {
            float *to = out + row * out_stride + half * 8;
            const __m256 both = _mm256_add_ps(even[row][half], odd[row][half]);
            _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), both));
        }
}

/* Sixteen columns of up to BF16_ROWS rows. */
INLINE void tile_bf16_panel(const float *a, size_t a_stride, const uint16_t *panel, uint32_t k,
                            float *out, size_t out_stride, const uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++)
        memset(out + row * out_stride, 0, 16 * sizeof *out);
    uint32_t left = k;
    for (; left >= 32; left -= 32, a += 32, panel += 512)
        tile_bf16_block(a, a_stride, panel, 16, false, out, out_stride, rows);
    if (left > 0)
        tile_bf16_block(a, a_stride, panel, left / 2, left % 2, out, out_stride, rows);
}

#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6)

void lt_tile_f32_avx2(const float *a, size_t a_stride, uint32_t rows, const float *block,
                      uint32_t k, float *out, size_t out_stride)
{
    for (uint32_t at = 0; at < 32; at += 16) {
        switch (rows) {
#define X(count)                                                                                   \
    case count:                                                                                    \
        tile_f32_half(a, a_stride, block + at, k, out + at, out_stride, count);                    \
        break;
            EACH_ROW_COUNT(X)
#undef X
        default:
            break;
        }
    }
}

void lt_tile_bf16_avx2(const void *a, size_t a_stride, uint32_t rows, const uint16_t *block,
                       size_t panel_stride, uint32_t k, float *out, size_t out_stride)
{
    for (uint32_t row = 0, here; row < rows; row += here) {
        here = rows - row > BF16_ROWS ? (rows - row + 1) / 2 : rows - row; /* 4 rows are 2 + 2 */
        for (uint32_t at = 0; at < 32; at += 16) {
            const uint16_t *panel = block + (at / 16) * panel_stride;
            const float *from = (const float *)a + row * a_stride;
            float *to = out + row * out_stride + at;
            if (here == 3)
                tile_bf16_panel(from, a_stride, panel, k, to, out_stride, 3);
            else if (here == 2)
                tile_bf16_panel(from, a_stride, panel, k, to, out_stride, 2);
            else
                tile_bf16_panel(from, a_stride, panel, k, to, out_stride, 1);
        }
    }
}
