/* Sixteen f32 numbers, element by element: what every operation of the other v16 headers means.
 * Included by scalar.c alone; the family files include one of v16_*.h and then *.inc.h. */
#ifndef LT_WORKER_ENGINE_KERNELS_V16_SCALAR_H
#define LT_WORKER_ENGINE_KERNELS_V16_SCALAR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define V16 static __attribute__((unused)) /* not inlined by force: small, quick to compile */
#define LANES for (int i = 0; i < 16; i++)

typedef struct v16 {
    float f[16];
} v16;

V16 uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

V16 float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

V16 v16 v16_set(float x)
{
    v16 r;
    LANES r.f[i] = x;
    return r;
}

V16 v16 v16_load(const float *p)
{
    v16 r;
    memcpy(r.f, p, 64);
    return r;
}

/* The first n (0..16) elements, then zeros. */
V16 v16 v16_load_n(const float *p, size_t n)
{
    v16 r = v16_set(0.0f);
    memcpy(r.f, p, n * 4);
    return r;
}

V16 void v16_store(float *p, v16 x)
{
    memcpy(p, x.f, 64);
}

V16 void v16_store_n(float *p, v16 x, size_t n)
{
    memcpy(p, x.f, n * 4);
}

V16 v16 v16_add(v16 a, v16 b)
{
    LANES a.f[i] = a.f[i] + b.f[i];
    return a;
}

V16 v16 v16_sub(v16 a, v16 b)
{
    LANES a.f[i] = a.f[i] - b.f[i];
    return a;
}

V16 v16 v16_mul(v16 a, v16 b)
{
    LANES a.f[i] = a.f[i] * b.f[i];
    return a;
}

V16 v16 v16_div(v16 a, v16 b)
{
    LANES a.f[i] = a.f[i] / b.f[i];
    return a;
}

/* a * b + c, rounded once */
V16 v16 v16_fma(v16 a, v16 b, v16 c)
{
    LANES c.f[i] = fmaf(a.f[i], b.f[i], c.f[i]);
    return c;
}

/* MAXPS: the second operand when they are equal or either is NaN. */
V16 v16 v16_max(v16 a, v16 b)
{
    LANES b.f[i] = a.f[i] > b.f[i] ? a.f[i] : b.f[i];
    return b;
}

V16 v16 v16_min(v16 a, v16 b)
{
    LANES b.f[i] = a.f[i] < b.f[i] ? a.f[i] : b.f[i];
    return b;
}

/* a < b ? x : y */
V16 v16 v16_if_less(v16 a, v16 b, v16 x, v16 y)
{
    LANES y.f[i] = a.f[i] < b.f[i] ? x.f[i] : y.f[i];
    return y;
}

V16 v16 v16_abs(v16 a)
{
    LANES a.f[i] = float_of(bits_of(a.f[i]) & 0x7fffffffu);
    return a;
}

/* The magnitude of a (not negative) with the sign of b. */
V16 v16 v16_sign(v16 a, v16 b)
{
    LANES a.f[i] = float_of(bits_of(a.f[i]) | (bits_of(b.f[i]) & 0x80000000u));
    return a;
}

/* p * 2^n for integers n in -300..300. Two exact steps but for the last rounding. */
V16 v16 v16_scale2(v16 p, v16 n)
{
    LANES
    {
        const float magic = 12582912.0f; /* 1.5 * 2^23: the integer is in the low bits of the sum */
        const int32_t whole = (int32_t)(bits_of(n.f[i] + magic) - bits_of(magic));
        const int32_t half = whole >> 1;
        p.f[i] = p.f[i] * float_of((uint32_t)(half + 127) << 23);
        p.f[i] = p.f[i] * float_of((uint32_t)(whole - half + 127) << 23);
    }
    return p;
}

/* Nearest even; a NaN keeps its upper half. */
V16 v16 v16_round_bf16(v16 a)
{
    LANES
    {
        const uint32_t bits = bits_of(a.f[i]);
        a.f[i] = float_of((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
    }
    return a;
}

V16 float v16_sum(v16 a)
{
    for (int step = 8; step >= 1; step /= 2)
        for (int i = 0; i < step; i++)
            a.f[i] = a.f[i] + a.f[i + step];
    return a.f[0];
}

V16 float v16_max_of(v16 a)
{
    for (int step = 8; step >= 1; step /= 2)
        for (int i = 0; i < step; i++)
            a.f[i] = a.f[i] > a.f[i + step] ? a.f[i] : a.f[i + step];
    return a.f[0];
}

V16 v16 v16_load_bf16(const void *p, size_t n)
{
    uint16_t h[16] = {0};
    memcpy(h, p, n * 2);
    v16 r;
    LANES r.f[i] = float_of((uint32_t)h[i] << 16);
    return r;
}

V16 float float_of_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t magnitude = h & 0x7fffu;
    if (magnitude >= 0x7c00u) /* infinite or NaN */
        return float_of(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13) |
                        (magnitude > 0x7c00u ? 0x400000u : 0));
    if (magnitude >= 0x400u)
        return float_of(sign | ((magnitude << 13) + (112u << 23)));
    const float value = (float)magnitude * 0x1p-24f; /* a denormal of f16 is a normal number here */
    return float_of(sign | bits_of(value));
}

V16 v16 v16_load_f16(const void *p, size_t n)
{
    uint16_t h[16] = {0};
    memcpy(h, p, n * 2);
    v16 r;
    LANES r.f[i] = float_of_f16(h[i]);
    return r;
}

/* Sixteen pairs of bf16 (the upper halves): even in the low, odd in the high half of each. */
V16 void v16_store_pairs(uint16_t *p, v16 even, v16 odd)
{
    LANES
    {
        const uint32_t pair = (bits_of(even.f[i]) >> 16) | (bits_of(odd.f[i]) & 0xffff0000u);
        memcpy(p + 2 * i, &pair, 4);
    }
}

/* The same of 32 consecutive numbers a, b: element i is numbers 2 i and 2 i + 1. */
V16 v16 v16_pairs_of(v16 a, v16 b)
{
    v16 r;
    LANES
    {
        const float even = i < 8 ? a.f[2 * i] : b.f[2 * i - 16],
                    odd = i < 8 ? a.f[2 * i + 1] : b.f[2 * i - 15];
        r.f[i] = float_of((bits_of(even) >> 16) | (bits_of(odd) & 0xffff0000u));
    }
    return r;
}

/* Rows become columns. */
V16 void v16_transpose(v16 r[16])
{
    for (int row = 0; row < 16; row++)
        for (int column = 0; column < row; column++) {
            const float kept = r[row].f[column];
            r[row].f[column] = r[column].f[row];
            r[column].f[row] = kept;
        }
}

#endif
