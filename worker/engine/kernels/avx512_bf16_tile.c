/* bf16 tiles with AVX512_BF16, at twice the rate of f32 multiply-adds where the CPU has the units
 * (Zen 4: 236 against 118 GFLOP/s a core).
 *
 * VDPBF16PS adds two products to each f32: acc = fma(hi, hi', acc), then acc = fma(lo, lo', acc),
 * nearest even, denormals as zero (Intel SDM; the known answers in kernels.c decide whether a CPU
 * does so). The definition wants even and odd elements in chains of their own, so a 32-bit unit
 * holds not elements 0 and 1 but two neighbours of one chain. Of four elements of k:
 *
 *     weights in the panel     (w0 lo, w1 hi)  (w2 lo, w3 hi)
 *     units here               even (w0 hi, w2 lo)  odd (w1 hi, w3 lo)
 *
 * Weights are turned in registers, 4 operations for 12 rows; rows are turned once, by
 * lt_operand_bf16, before all blocks of columns pass by. Up to 3 last elements of an odd k are
 * plain multiply-adds on widened numbers: a product with padding could change the sign of a zero.
 */
#include "worker/engine/kernels/tile.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))
#define OPAQUE(value) __asm__("" : "+r"(value)) /* as in avx512_tile.c */

/* Unit 2 i is (a[4 i] hi, a[4 i + 2] lo), unit 2 i + 1 is (a[4 i + 1] hi, a[4 i + 3] lo). */
INLINE __m512i units_of(__m512i a, __m512i b)
{
    const __m512i first = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i second = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    const __m512i high = _mm512_permutex2var_epi64(a, first, b);
    const __m512i low = _mm512_srli_epi32(_mm512_permutex2var_epi64(a, second, b), 16);
    return _mm512_or_si512(_mm512_and_si512(high, _mm512_set1_epi32((int)0xffff0000u)), low);
}

void lt_operand_bf16_avx512_bf16(uint16_t *operand, size_t stride, const float *a, size_t a_stride,
                                 uint32_t rows, uint32_t k)
{
    for (uint32_t row = 0; row < rows; row++, operand += stride, a += a_stride) {
        uint32_t i = 0;
        for (; i + 32 <= k; i += 32)
            _mm512_storeu_si512(
                operand + i, units_of(_mm512_loadu_si512(a + i), _mm512_loadu_si512(a + i + 16)));
        if (i == k)
            continue;
        const uint32_t there = (1u << (k - i)) - 1u;
        const __m512i low = _mm512_maskz_loadu_epi32((__mmask16)there, a + i);
        const __m512i high = _mm512_maskz_loadu_epi32((__mmask16)(there >> 16), a + i + 16);
        _mm512_storeu_si512(operand + i, units_of(low, high));
    }
}

/* Row `row` (a constant) out of one pointer for every three rows, in units. */
INLINE const uint32_t *row_at(const uint32_t *const thirds[4], size_t stride_bytes,
                              const uint32_t row)
{
    return (const uint32_t *)(const void *)((const char *)thirds[row / 3] + row % 3 * stride_bytes);
}

INLINE __m512 dot_pairs(__m512 sum, uint32_t a, __m512i w)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32((int)a), (__m512bh)w);
}

INLINE __m512 high_half(__m512i w)
{
    return _mm512_castsi512_ps(_mm512_and_si512(w, _mm512_set1_epi32((int)0xffff0000u)));
}

INLINE __m512 low_half(__m512i w)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
}

/* The last 1 to 3 elements of one row; unit: its two units, which end in zeros. */
INLINE void add_rest(__m512 *even, __m512 *odd, const uint32_t *unit, const uint16_t *panel,
                     uint32_t rest)
{
    const __m512i first = _mm512_loadu_si512(panel);
    const __m512i a_even = _mm512_set1_epi32((int)unit[0]), a_odd = _mm512_set1_epi32((int)unit[1]);
    *even = _mm512_fmadd_ps(high_half(a_even), low_half(first), *even);
    if (rest > 1)
        *odd = _mm512_fmadd_ps(high_half(a_odd), high_half(first), *odd);
    if (rest > 2)
        *even = _mm512_fmadd_ps(low_half(a_even), low_half(_mm512_loadu_si512(panel + 32)), *even);
}

/* One block of up to 32 elements of k: `fours` groups of four and a rest of up to three. */
INLINE void tile_block(const uint16_t *a, size_t a_stride, const uint16_t *panel,
                       size_t panel_stride, uint32_t fours, uint32_t rest, float *out,
                       size_t out_stride, const uint32_t rows, const uint32_t panels)
{
    const __m512i odd_mask = _mm512_set1_epi32((int)0xffff0000u);
    __m512 even[LT_TILE_ROWS_AVX512], odd[LT_TILE_ROWS_AVX512];
#pragma GCC unroll 12
    for (uint32_t chain = 0; chain < rows * panels; chain++)
        even[chain] = odd[chain] = _mm512_setzero_ps();
    size_t stride_bytes = a_stride * sizeof *a;
    const uint32_t *thirds[4];
#pragma GCC unroll 4
    for (uint32_t third = 0; third < 4; third++)
        thirds[third] = (const uint32_t *)(const void *)(a + 3 * third * a_stride);
    for (uint32_t i = 0; i < fours; i++, panel += 64) {
        OPAQUE(stride_bytes);
#pragma GCC unroll 2
        for (uint32_t p = 0; p < panels; p++) {
            const __m512i w01 = _mm512_loadu_si512(panel + p * panel_stride);
            const __m512i w23 = _mm512_loadu_si512(panel + p * panel_stride + 32);
            /* 0xca: bits of the second operand where the first has ones, else of the third */
            const __m512i w_even =
                _mm512_ternarylogic_epi32(odd_mask, _mm512_slli_epi32(w01, 16), w23, 0xca);
            const __m512i w_odd =
                _mm512_ternarylogic_epi32(odd_mask, w01, _mm512_srli_epi32(w23, 16), 0xca);
#pragma GCC unroll 12
            for (uint32_t row = 0; row < rows; row++) {
                const uint32_t *unit = row_at(thirds, stride_bytes, row);
                even[p * rows + row] = dot_pairs(even[p * rows + row], unit[0], w_even);
                odd[p * rows + row] = dot_pairs(odd[p * rows + row], unit[1], w_odd);
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
            if (rest)
                add_rest(&even[chain], &odd[chain], row_at(thirds, stride_bytes, row),
                         panel + p * panel_stride, rest);
            float *to = out + row * out_stride + p * 16;
            _mm512_storeu_ps(
                to, _mm512_add_ps(_mm512_loadu_ps(to), _mm512_add_ps(even[chain], odd[chain])));
        }
    }
}

INLINE void tile_panels(const uint16_t *a, size_t a_stride, const uint16_t *panel,
                        size_t panel_stride, uint32_t k, float *out, size_t out_stride,
                        const uint32_t rows, const uint32_t panels)
{
#pragma GCC unroll 12
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t p = 0; p < panels; p++)
            _mm512_storeu_ps(out + row * out_stride + p * 16, _mm512_setzero_ps());
    uint32_t left = k;
    for (; left >= 32; left -= 32, a += 32, panel += 512)
        tile_block(a, a_stride, panel, panel_stride, 8, 0, out, out_stride, rows, panels);
    if (left > 0)
        tile_block(a, a_stride, panel, panel_stride, left / 4, left % 4, out, out_stride, rows,
                   panels);
}

INLINE void tile_rows(const uint16_t *a, size_t a_stride, const uint16_t *block, size_t panel,
                      uint32_t k, float *out, size_t out_stride, const uint32_t rows)
{
    if (rows <= 6) {
        tile_panels(a, a_stride, block, panel, k, out, out_stride, rows, 2);
        return;
    }
    tile_panels(a, a_stride, block, panel, k, out, out_stride, rows, 1);
    tile_panels(a, a_stride, block + panel, panel, k, out + 16, out_stride, rows, 1);
}

#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

void lt_tile_bf16_avx512_bf16(const void *a, size_t a_stride, uint32_t rows, const uint16_t *block,
                              size_t panel_stride, uint32_t k, float *out, size_t out_stride)
{
    switch (rows) {
#define X(count)                                                                                   \
    case count:                                                                                    \
        tile_rows(a, a_stride, block, panel_stride, k, out, out_stride, count);                    \
        break;
        EACH_ROW_COUNT(X)
#undef X
    default:
        break;
    }
}
