/* v16_scalar.h in one register. */
#ifndef LT_WORKER_ENGINE_KERNELS_V16_AVX512_H
#define LT_WORKER_ENGINE_KERNELS_V16_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define V16 static inline __attribute__((always_inline, unused))

typedef __m512 v16;

V16 __mmask16 first_lanes(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

V16 v16 v16_set(float x)
{
    return _mm512_set1_ps(x);
}

V16 v16 v16_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

V16 v16 v16_load_n(const float *p, size_t n)
{
    return n == 16 ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(first_lanes(n), p);
}

V16 void v16_store(float *p, v16 x)
{
    _mm512_storeu_ps(p, x);
}

V16 void v16_store_n(float *p, v16 x, size_t n)
{
    if (n == 16)
        _mm512_storeu_ps(p, x);
    else
        _mm512_mask_storeu_ps(p, first_lanes(n), x);
}

V16 v16 v16_add(v16 a, v16 b)
{
    return _mm512_add_ps(a, b);
}

V16 v16 v16_sub(v16 a, v16 b)
{
    return _mm512_sub_ps(a, b);
}

V16 v16 v16_mul(v16 a, v16 b)
{
    return _mm512_mul_ps(a, b);
}

V16 v16 v16_div(v16 a, v16 b)
{
    return _mm512_div_ps(a, b);
}

V16 v16 v16_fma(v16 a, v16 b, v16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

V16 v16 v16_max(v16 a, v16 b)
{
    return _mm512_max_ps(a, b);
}

V16 v16 v16_min(v16 a, v16 b)
{
    return _mm512_min_ps(a, b);
}

V16 v16 v16_if_less(v16 a, v16 b, v16 x, v16 y)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}

V16 v16 v16_abs(v16 a)
{
    return _mm512_abs_ps(a);
}

V16 v16 v16_sign(v16 a, v16 b)
{
    return _mm512_or_ps(a, _mm512_and_ps(b, _mm512_set1_ps(-0.0f)));
}

V16 v16 v16_scale2(v16 p, v16 n)
{
    return _mm512_scalef_ps(p, n);
}

V16 v16 v16_round_bf16(v16 a)
{
    const __m512i bits = _mm512_castps_si512(a);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    return _mm512_castsi512_ps(_mm512_and_si512(sum, _mm512_set1_epi32((int)0xffff0000u)));
}

V16 float v16_sum(v16 a)
{
    const __m256 h8 = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 h4 = _mm_add_ps(_mm256_castps256_ps128(h8), _mm256_extractf128_ps(h8, 1));
    const __m128 h2 = _mm_add_ps(h4, _mm_movehl_ps(h4, h4));
    return _mm_cvtss_f32(_mm_add_ss(h2, _mm_movehdup_ps(h2)));
}

V16 float v16_max_of(v16 a)
{
    const __m256 h8 = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 h4 = _mm_max_ps(_mm256_castps256_ps128(h8), _mm256_extractf128_ps(h8, 1));
    const __m128 h2 = _mm_max_ps(h4, _mm_movehl_ps(h4, h4));
    return _mm_cvtss_f32(_mm_max_ss(h2, _mm_movehdup_ps(h2)));
}

V16 v16 v16_load_bf16(const void *p, size_t n)
{
    const __m256i h = _mm256_maskz_loadu_epi16(first_lanes(n), p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

V16 v16 v16_load_f16(const void *p, size_t n)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}

V16 void v16_store_pairs(uint16_t *p, v16 even, v16 odd)
{
    const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(even), 16);
    const __m512i high =
        _mm512_and_si512(_mm512_castps_si512(odd), _mm512_set1_epi32((int)0xffff0000u));
    _mm512_storeu_si512(p, _mm512_or_si512(low, high));
}

V16 v16 v16_pairs_of(v16 a, v16 b)
{
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    const __m512i low =
        _mm512_srli_epi32(_mm512_castps_si512(_mm512_permutex2var_ps(a, even, b)), 16);
    const __m512i high = _mm512_and_si512(_mm512_castps_si512(_mm512_permutex2var_ps(a, odd, b)),
                                          _mm512_set1_epi32((int)0xffff0000u));
    return _mm512_castsi512_ps(_mm512_or_si512(low, high));
}

/* Pairs of rows, pairs of pairs, then the 128-bit quarters of rows 4 apart and 8 apart. */
V16 void v16_transpose(v16 r[16])
{
    v16 t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            const __m512d a = _mm512_castps_pd(t[i + j]), b = _mm512_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    for (int i = 0; i < 16; i += 8)
        for (int j = 0; j < 4; j++) {
            t[i + j] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0xdd);
        }
    for (int j = 0; j < 8; j++) {
        r[j] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0x88);
        r[j + 8] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0xdd);
    }
}

#endif
