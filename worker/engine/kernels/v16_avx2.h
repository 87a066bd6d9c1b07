/* v16_scalar.h in two registers: lanes 0..7 and 8..15. */
#ifndef LT_WORKER_ENGINE_KERNELS_V16_AVX2_H
#define LT_WORKER_ENGINE_KERNELS_V16_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define V16 static inline __attribute__((always_inline, unused))

typedef struct v16 {
    __m256 lo, hi;
} v16;

#define V16_BOTH(name, op)                                                                         \
    V16 v16 name(v16 a, v16 b)                                                                     \
    {                                                                                              \
        return (v16){op(a.lo, b.lo), op(a.hi, b.hi)};                                              \
    }
V16_BOTH(v16_add, _mm256_add_ps)
V16_BOTH(v16_sub, _mm256_sub_ps)
V16_BOTH(v16_mul, _mm256_mul_ps)
V16_BOTH(v16_div, _mm256_div_ps)
V16_BOTH(v16_max, _mm256_max_ps)
V16_BOTH(v16_min, _mm256_min_ps)

V16 v16 v16_set(float x)
{
    return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

V16 v16 v16_load(const float *p)
{
    return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

V16 void v16_store(float *p, v16 x)
{
    _mm256_storeu_ps(p, x.lo);
    _mm256_storeu_ps(p + 8, x.hi);
}

V16 v16 v16_load_n(const float *p, size_t n)
{
    if (n == 16)
        return v16_load(p);
    float part[16] = {0};
    memcpy(part, p, n * 4);
    return v16_load(part);
}

V16 void v16_store_n(float *p, v16 x, size_t n)
{
    if (n == 16) {
        v16_store(p, x);
        return;
    }
    float part[16];
    v16_store(part, x);
    memcpy(p, part, n * 4);
}

V16 v16 v16_fma(v16 a, v16 b, v16 c)
{
    return (v16){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}

V16 v16 v16_if_less(v16 a, v16 b, v16 x, v16 y)
{
    return (v16){_mm256_blendv_ps(y.lo, x.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)),
                 _mm256_blendv_ps(y.hi, x.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))};
}

V16 v16 v16_abs(v16 a)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (v16){_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}

V16 v16 v16_sign(v16 a, v16 b)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (v16){_mm256_or_ps(a.lo, _mm256_and_ps(b.lo, sign)),
                 _mm256_or_ps(a.hi, _mm256_and_ps(b.hi, sign))};
}

V16 __m256 scale2_half(__m256 p, __m256 n)
{
    const __m256 magic = _mm256_set1_ps(12582912.0f);
    const __m256i bias = _mm256_set1_epi32(127);
    const __m256i whole =
        _mm256_sub_epi32(_mm256_castps_si256(_mm256_add_ps(n, magic)), _mm256_castps_si256(magic));
    const __m256i half = _mm256_srai_epi32(whole, 1);
    const __m256i rest = _mm256_sub_epi32(whole, half);
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23)));
    return _mm256_mul_ps(p,
                         _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23)));
}

V16 v16 v16_scale2(v16 p, v16 n)
{
    return (v16){scale2_half(p.lo, n.lo), scale2_half(p.hi, n.hi)};
}

V16 __m256 round_bf16_half(__m256 a)
{
    const __m256i bits = _mm256_castps_si256(a);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    return _mm256_castsi256_ps(_mm256_and_si256(sum, _mm256_set1_epi32((int)0xffff0000u)));
}

V16 v16 v16_round_bf16(v16 a)
{
    return (v16){round_bf16_half(a.lo), round_bf16_half(a.hi)};
}

V16 float v16_sum(v16 a)
{
    const __m256 h8 = _mm256_add_ps(a.lo, a.hi);
    const __m128 h4 = _mm_add_ps(_mm256_castps256_ps128(h8), _mm256_extractf128_ps(h8, 1));
    const __m128 h2 = _mm_add_ps(h4, _mm_movehl_ps(h4, h4));
    return _mm_cvtss_f32(_mm_add_ss(h2, _mm_movehdup_ps(h2)));
}

V16 float v16_max_of(v16 a)
{
    const __m256 h8 = _mm256_max_ps(a.lo, a.hi);
    const __m128 h4 = _mm_max_ps(_mm256_castps256_ps128(h8), _mm256_extractf128_ps(h8, 1));
    const __m128 h2 = _mm_max_ps(h4, _mm_movehl_ps(h4, h4));
    return _mm_cvtss_f32(_mm_max_ss(h2, _mm_movehdup_ps(h2)));
}

V16 __m256 widen_bf16(__m128i h)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

V16 v16 v16_load_bf16(const void *p, size_t n)
{
    uint16_t h[16] = {0};
    memcpy(h, p, n * 2);
    return (v16){widen_bf16(_mm_loadu_si128((const __m128i *)h)),
                 widen_bf16(_mm_loadu_si128((const __m128i *)(h + 8)))};
}

V16 v16 v16_load_f16(const void *p, size_t n)
{
    uint16_t h[16] = {0};
    memcpy(h, p, n * 2);
    return (v16){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)h)),
                 _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(h + 8)))};
}

V16 __m256i pairs_half(__m256 even, __m256 odd)
{
    const __m256i low = _mm256_srli_epi32(_mm256_castps_si256(even), 16);
    const __m256i high =
        _mm256_and_si256(_mm256_castps_si256(odd), _mm256_set1_epi32((int)0xffff0000u));
    return _mm256_or_si256(low, high);
}

V16 void v16_store_pairs(uint16_t *p, v16 even, v16 odd)
{
    _mm256_storeu_si256((__m256i *)p, pairs_half(even.lo, odd.lo));
    _mm256_storeu_si256((__m256i *)(p + 16), pairs_half(even.hi, odd.hi));
}

V16 __m256 pairs_of_16(__m256 a, __m256 b)
{
    const __m256 even = _mm256_shuffle_ps(a, b, 0x88), odd = _mm256_shuffle_ps(a, b, 0xdd);
    /* in quarters: a low, b low, a high, b high */
    return _mm256_castsi256_ps(_mm256_permute4x64_epi64(pairs_half(even, odd), 0xd8));
}

V16 v16 v16_pairs_of(v16 a, v16 b)
{
    return (v16){pairs_of_16(a.lo, a.hi), pairs_of_16(b.lo, b.hi)};
}

V16 void transpose_8(__m256 r[8])
{
    __m256 t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            r[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
            r[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0xee);
        }
    for (int j = 0; j < 4; j++) {
        t[j] = _mm256_permute2f128_ps(r[j], r[j + 4], 0x20);
        t[j + 4] = _mm256_permute2f128_ps(r[j], r[j + 4], 0x31);
    }
    memcpy(r, t, sizeof t);
}

V16 void v16_transpose(v16 r[16])
{
    __m256 quarter[4][8]; /* rows 0-7 low, rows 8-15 low, rows 0-7 high, rows 8-15 high */
    for (int i = 0; i < 16; i++) {
        quarter[i / 8][i % 8] = r[i].lo;
        quarter[2 + i / 8][i % 8] = r[i].hi;
    }
    for (int q = 0; q < 4; q++)
        transpose_8(quarter[q]);
    for (int i = 0; i < 16; i++)
        r[i] = (v16){quarter[i / 8 * 2][i % 8], quarter[i / 8 * 2 + 1][i % 8]};
}

#endif
