/* Speed of the matrix products: every kernel family, f32 and bf16, on one core, beside the peak of
 * the instruction that does the work (f32 multiply-adds of the same registers; VDPBF16PS for the
 * bf16 products of avx512_bf16), measured in the same run.
 *
 *     gemm [seconds per line, default 0.2]
 *
 * Prints GFLOP/s (2 m n k operations per product) and the share of the peak. */
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/engine/kernels/product.h"

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#define CHAINS 24
#define PEAK_LOOPS 200000

__attribute__((target("avx512f"))) static float peak_avx512(void)
{
    __m512 sum[CHAINS], x = _mm512_set1_ps(0.999f);
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++)
        sum[i] = _mm512_set1_ps((float)i);
    for (int loop = 0; loop < PEAK_LOOPS; loop++)
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++)
            sum[i] = _mm512_fmadd_ps(sum[i], x, x);
#pragma GCC unroll 24
    for (int i = 1; i < CHAINS; i++)
        sum[0] = _mm512_add_ps(sum[0], sum[i]);
    return _mm512_cvtss_f32(sum[0]);
}

__attribute__((target("avx2,fma"))) static float peak_avx2(void)
{
    __m256 sum[12], x = _mm256_set1_ps(0.999f);
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++)
        sum[i] = _mm256_set1_ps((float)i);
    for (int loop = 0; loop < PEAK_LOOPS * 2; loop++)
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            sum[i] = _mm256_fmadd_ps(sum[i], x, x);
#pragma GCC unroll 12
    for (int i = 1; i < 12; i++)
        sum[0] = _mm256_add_ps(sum[0], sum[i]);
    return _mm256_cvtss_f32(sum[0]);
}

__attribute__((target("avx512f,avx512bf16"))) static float peak_pairs(void)
{
    __m512 sum[CHAINS];
    __m512i x = _mm512_set1_epi32(0x3f003f00);
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++)
        sum[i] = _mm512_set1_ps((float)i);
    for (int loop = 0; loop < PEAK_LOOPS; loop++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++)
            sum[i] = _mm512_dpbf16_ps(sum[i], (__m512bh)x, (__m512bh)x);
        __asm__ volatile("" : "+v"(x));
    }
#pragma GCC unroll 24
    for (int i = 1; i < CHAINS; i++)
        sum[0] = _mm512_add_ps(sum[0], sum[i]);
    return _mm512_cvtss_f32(sum[0]);
}

/* GFLOP/s, best of five; 0 for scalar, whose peak is of no interest. */
static double peak_of(const char *name, lt_precision precision)
{
    const bool wide = !strncmp(name, "avx512", 6);
    const bool pairs = !strcmp(name, "avx512_bf16") && precision == LT_PRECISION_BF16;
    if (!wide && strcmp(name, "avx2"))
        return 0.0;
    volatile float sink = 0.0f;
    double best = 0.0;
    for (int round = 0; round < 5; round++) {
        const double begin = seconds();
        sink = sink + (pairs ? peak_pairs() : wide ? peak_avx512() : peak_avx2());
        const double flops = 2.0 * PEAK_LOOPS * CHAINS * (wide ? 16 : 8) * (pairs ? 2 : 1);
        const double rate = flops / (seconds() - begin) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

static float *random_floats(size_t count)
{
    float *values = aligned_alloc(64, (count * sizeof *values + 63) / 64 * 64);
    if (!values)
        abort();
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(rand() % 2001 - 1000) * 0x1p-10f;
    return values;
}

/* GFLOP/s of one product, repeated for `limit` seconds. */
static double rate_of(const lt_kernels *kernels, lt_precision precision, lt_activation activation,
                      uint32_t m, uint32_t n, uint32_t k, double limit)
{
    lt_packed w;
    lt_error error;
    if (lt_packed_init(&w, precision, n, k, false, &error) != LT_OK)
        abort();
    float *weights = random_floats((size_t)n * k);
    lt_packed_put(&w, LT_PACKED_MAIN, 0, n, weights, LT_DTYPE_F32);
    lt_packed_put_bias(&w, LT_PACKED_MAIN, 0, n, weights, LT_DTYPE_F32);
    const size_t a_stride = lt_row_stride(k), c_stride = lt_row_stride(n);
    float *a = random_floats(m * a_stride), *c = random_floats(m * c_stride);
    kernels->round_bf16(a, a, m * a_stride);
    const lt_product product = {.w = &w,
                                .a = a,
                                .a_stride = a_stride,
                                .c = c,
                                .c_stride = c_stride,
                                .activation = activation};
    lt_product_run(kernels, &product, 0, m, 0, w.block_count);
    double best = 0.0;
    const double begin = seconds();
    do {
        const double start = seconds();
        int runs = 0;
        double took;
        do {
            lt_product_run(kernels, &product, 0, m, 0, w.block_count);
            runs++;
            took = seconds() - start;
        } while (took < 0.01);
        const double rate = 2e-9 * m * n * k * runs / took;
        best = rate > best ? rate : best;
    } while (seconds() - begin < limit);
    free(a);
    free(c);
    free(weights);
    lt_packed_fini(&w);
    return best;
}

static void bench_family(const lt_kernels *kernels, double limit)
{
    static const uint32_t shapes[][2] = {{384, 384}, {384, 1536}, {1536, 384},
                                         {576, 576}, {576, 1536}, {1536, 576}};
    static const uint32_t rows[] = {1, 5, 13, 64, 256, 512};
    const double peaks[] = {peak_of(kernels->name, LT_PRECISION_F32),
                            peak_of(kernels->name, LT_PRECISION_BF16)};
    printf("\n%s: peak %.1f GFLOP/s, bf16 %.1f\n%6s %6s %6s %18s %18s %18s\n", kernels->name,
           peaks[0], peaks[1], "m", "k", "n", "f32", "bf16", "bf16 + gelu");
    const bool slow = !strcmp(kernels->name, "scalar");
    for (size_t shape = 0; shape < (slow ? 1 : sizeof shapes / sizeof *shapes); shape++) {
        for (size_t i = 0; i < (slow ? 2 : sizeof rows / sizeof *rows); i++) {
            const uint32_t m = rows[i], k = shapes[shape][0], n = shapes[shape][1];
            printf("%6u %6u %6u", m, k, n);
            for (int kind = 0; kind < 3; kind++) {
                const double rate =
                    rate_of(kernels, kind ? LT_PRECISION_BF16 : LT_PRECISION_F32,
                            kind == 2 ? LT_ACTIVATION_GELU : LT_ACTIVATION_NONE, m, n, k, limit);
                const double peak = peaks[kind != 0];
                printf(" %9.1f %5.1f %%  ", rate, peak > 0.0 ? 100.0 * rate / peak : 0.0);
            }
            printf("\n");
            fflush(stdout);
        }
    }
}

int main(int argc, char **argv)
{
    const double limit = argc > 1 ? atof(argv[1]) : 0.2;
    lt_kernels_thread_init();
    const char *name, *refusal;
    const lt_kernels *kernels;
    for (size_t i = 0; lt_kernels_list(i, &name, &kernels, &refusal); i++) {
        if (refusal)
            printf("\n%s: not here: %s\n", name, refusal);
        else
            bench_family(kernels, limit);
    }
    return 0;
}
