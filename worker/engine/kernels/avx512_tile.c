/* Tiles with AVX-512.
 *
 * A tile is 12 rows by 32 columns (f32: 24 accumulators, 2 weights, 1 broadcast = 27 of 32
 * registers) or 12 rows by 16 columns with an even and an odd chain each (bf16: 24 chains, 2
 * widened weights). Twelve independent chains per register of weights hide a latency of 4 at one or
 * two fused multiply-adds per cycle, and a weight that is widened (2 operations) serves 24 of them.
 * The bf16 sums over blocks live in memory, in the tile that the epilogue reads: one add in 32.
 * Fewer than 7 rows take both panels of a block at once, so that there are enough chains. */
#include "worker/engine/kernels/tile.h"

#include <immintrin.h>
#include <stdbool.h>

#define INLINE static inline __attribute__((always_inline))

/* Row `row` (a constant) of a tile out of one pointer for every three rows: [p], [p + s], [p + 2 s]
 * are addressing modes, so that 12 rows take 5 general registers. */
INLINE const float *row_at(const float *const thirds[4], size_t stride_bytes, const uint32_t row)
{
    return (const float *)(const void *)((const char *)thirds[row / 3] + row % 3 * stride_bytes);
}

/* Keeps the compiler from making a pointer per row out of it, which it would spill. */
#define OPAQUE(value) __asm__("" : "+r"(value))

INLINE void tile_f32_rows(const float *a, size_t a_stride, const float *block, uint32_t k,
                          float *out, size_t out_stride, const uint32_t rows)
{
    __m512 sum[LT_TILE_ROWS_AVX512][2];
#pragma GCC unroll 12
    for (uint32_t row = 0; row < rows; row++)
        sum[row][0] = sum[row][1] = _mm512_setzero_ps();
    const float *thirds[4] = {a, a + 3 * a_stride, a + 6 * a_stride, a + 9 * a_stride};
    size_t stride_bytes = a_stride * sizeof *a;
    for (uint32_t i = 0; i < k; i++, block += 32) {
        const __m512 w0 = _mm512_loadu_ps(block), w1 = _mm512_loadu_ps(block + 16);
        OPAQUE(stride_bytes);
#pragma GCC unroll 12
        for (uint32_t row = 0; row < rows; row++) {
            const __m512 x = _mm512_set1_ps(*row_at(thirds, stride_bytes, row));
            sum[row][0] = _mm512_fmadd_ps(x, w0, sum[row][0]);
            sum[row][1] = _mm512_fmadd_ps(x, w1, sum[row][1]);
        }
#pragma GCC unroll 4
        for (uint32_t third = 0; third < (rows + 2) / 3; third++)
            thirds[third]++;
    }
#pragma GCC unroll 12
    for (uint32_t row = 0; row < rows; row++) {
        _mm512_storeu_ps(out + row * out_stride, sum[row][0]);
        _mm512_storeu_ps(out + row * out_stride + 16, sum[row][1]);
    }
}

/* One block of up to 32 elements of k: pairs of them, and a single one when k is odd. */
INLINE void tile_bf16_block(const float *a, size_t a_stride, const uint16_t *panel,
                            size_t panel_stride, uint32_t pairs, bool single, float *out,
                            size_t out_stride, const uint32_t rows, const uint32_t panels)
{
    const __m512i odd_mask = _mm512_set1_epi32((int)0xffff0000u);
    __m512 even[LT_TILE_ROWS_AVX512], odd[LT_TILE_ROWS_AVX512];
#pragma GCC unroll 12
    for (uint32_t chain = 0; chain < rows * panels; chain++)
        even[chain] = odd[chain] = _mm512_setzero_ps();
    const float *thirds[4] = {a, a + 3 * a_stride, a + 6 * a_stride, a + 9 * a_stride};
    size_t stride_bytes = a_stride * sizeof *a;
    for (uint32_t i = 0; i < pairs; i++, panel += 32) {
        OPAQUE(stride_bytes);
#pragma GCC unroll 2
        for (uint32_t p = 0; p < panels; p++) {
            const __m512i w = _mm512_loadu_si512(panel + p * panel_stride);
            const __m512 w_even = _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
            const __m512 w_odd = _mm512_castsi512_ps(_mm512_and_si512(w, odd_mask));
#pragma GCC unroll 12
            for (uint32_t row = 0; row < rows; row++) {
                const uint32_t chain = p * rows + row;
                const float *x = row_at(thirds, stride_bytes, row);
                even[chain] = _mm512_fmadd_ps(_mm512_set1_ps(x[0]), w_even, even[chain]);
                odd[chain] = _mm512_fmadd_ps(_mm512_set1_ps(x[1]), w_odd, odd[chain]);
            }
        }
#pragma GCC unroll 4
        for (uint32_t third = 0; third < (rows + 2) / 3; third++)
            thirds[third] += 2;
    }
#pragma GCC unroll 2
    for (uint32_t p = 0; p < panels; p++) {
#pragma GCC unroll 12
        for (uint32_t row = 0; row < rows; row++) {
            const uint32_t chain = p * rows + row;
            if (single) {
                const __m512i w = _mm512_loadu_si512(panel + p * panel_stride);
                const __m512 w_even = _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
                even[chain] = _mm512_fmadd_ps(_mm512_set1_ps(*row_at(thirds, stride_bytes, row)),
                                              w_even, even[chain]);
            }
            float *to = out + row * out_stride + p * 16;
            _mm512_storeu_ps(
                to, _mm512_add_ps(_mm512_loadu_ps(to), _mm512_add_ps(even[chain], odd[chain])));
        }
    }
}

INLINE void tile_bf16_panels(const float *a, size_t a_stride, const uint16_t *panel,
                             size_t panel_stride, uint32_t k, float *out, size_t out_stride,
                             const uint32_t rows, const uint32_t panels)
{
#pragma GCC unroll 12
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t p = 0; p < panels; p++)
            _mm512_storeu_ps(out + row * out_stride + p * 16, _mm512_setzero_ps());
    uint32_t left = k;
    for (; left >= 32; left -= 32, a += 32, panel += 512)
        tile_bf16_block(a, a_stride, panel, panel_stride, 16, false, out, out_stride, rows, panels);
    if (left > 0)
        tile_bf16_block(a, a_stride, panel, panel_stride, left / 2, left % 2, out, out_stride, rows,
                        panels);
}

INLINE void tile_bf16_rows(const float *a, size_t a_stride, const uint16_t *block, size_t panel,
                           uint32_t k, float *out, size_t out_stride, const uint32_t rows)
{
    if (rows <= 6) {
        tile_bf16_panels(a, a_stride, block, panel, k, out, out_stride, rows, 2);
        return;
    }
    tile_bf16_panels(a, a_stride, block, panel, k, out, out_stride, rows, 1);
    tile_bf16_panels(a, a_stride, block + panel, panel, k, out + 16, out_stride, rows, 1);
}

#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

void lt_tile_f32_avx512(const float *a, size_t a_stride, uint32_t rows, const float *block,
                        uint32_t k, float *out, size_t out_stride)
{
    switch (rows) {
#define X(count)                                                                                   \
    case count:                                                                                    \
        tile_f32_rows(a, a_stride, block, k, out, out_stride, count);                              \
        break;
        EACH_ROW_COUNT(X)
#undef X
    default:
        break;
    }
}

void lt_tile_bf16_avx512(const void *a, size_t a_stride, uint32_t rows, const uint16_t *block,
                         size_t panel_stride, uint32_t k, float *out, size_t out_stride)
{
    switch (rows) {
#define X(count)                                                                                   \
    case count:                                                                                    \
        tile_bf16_rows(a, a_stride, block, panel_stride, k, out, out_stride, count);               \
        break;
        EACH_ROW_COUNT(X)
#undef X
    default:
        break;
    }
}
