/* Speed of what surrounds the matrix products: attention (GFLOP/s: 4 queries keys head_dim
 * operations per head), norms and activations (numbers per nanosecond), packing of weights at load
 * (GB/s of checkpoint bytes), per kernel family on one core.
 *
 *     gemm_rest [seconds per line, default 0.1] [family] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/engine/kernels/attention.h"
#include "worker/engine/kernels/packed.h"

static double limit = 0.1;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The shortest of many runs. */
static double best_of(void (*run)(void *), void *context)
{
    double best = 1e9;
    const double begin = seconds();
    do {
        const double start = seconds();
        run(context);
        const double took = seconds() - start;
        best = took < best ? took : best;
    } while (seconds() - begin < limit);
    return best;
}

static void *floats(size_t count)
{
    float *values = aligned_alloc(64, (count * sizeof *values + 63) / 64 * 64);
    if (!values)
        abort();
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(rand() % 2001 - 1000) * 0x1p-9f;
    return values;
}

typedef struct attention_run {
    const lt_kernels *kernels;
    lt_attention x;
    void *scratch;
} attention_run;

static void run_attention(void *context)
{
    attention_run *run = context;
    lt_attention_run(run->kernels, &run->x, 0, run->x.heads, run->scratch);
}

static double attention_rate(const lt_kernels *kernels, lt_precision precision, uint32_t queries,
                             uint32_t tokens, uint32_t heads, uint32_t kv_heads, uint32_t head_dim)
{
    attention_run run = {.kernels = kernels,
                         .x = {.q_stride = heads * head_dim,
                               .kv_stride = kv_heads * head_dim,
                               .out_stride = heads * head_dim,
                               .queries = queries,
                               .keys = tokens,
                               .query_position = tokens - queries,
                               .heads = heads,
                               .kv_heads = kv_heads,
                               .head_dim = head_dim,
                               .left = LT_WINDOW_ALL,
                               .right = LT_WINDOW_ALL,
                               .scale = 0.125f,
                               .precision = precision,
                               .round_bf16 = precision == LT_PRECISION_BF16}};
    float *q = floats(queries * run.x.q_stride), *k = floats(tokens * run.x.kv_stride);
    float *v = floats(tokens * run.x.kv_stride), *out = floats(queries * run.x.q_stride);
    run.x.q = q, run.x.k = k, run.x.v = v, run.x.out = out;
    run.scratch = floats(lt_attention_scratch_bytes(&run.x) / sizeof(float));
    const double took = best_of(run_attention, &run);
    free(q), free(k), free(v), free(out), free(run.scratch);
    return 4e-9 * queries * tokens * heads * head_dim / took;
}

static void bench_attention(const lt_kernels *kernels)
{
    static const uint32_t shapes[][5] = {
        {16, 16, 12, 12, 32},   {64, 64, 12, 12, 32},   {128, 128, 12, 12, 32},
        {512, 512, 12, 12, 32}, {1, 128, 12, 12, 32},   {64, 64, 9, 3, 64},
        {200, 200, 9, 3, 64},   {1000, 1000, 9, 3, 64}, {1, 200, 9, 3, 64}};
    printf("%9s %7s %7s %9s %9s %9s\n", "attention", "queries", "keys", "head_dim", "f32", "bf16");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const uint32_t *s = shapes[i];
        printf("%9s %7u %7u %9u %9.1f %9.1f\n", "", s[0], s[1], s[4],
               attention_rate(kernels, LT_PRECISION_F32, s[0], s[1], s[2], s[3], s[4]),
               attention_rate(kernels, LT_PRECISION_BF16, s[0], s[1], s[2], s[3], s[4]));
    }
}

enum { row_count = 64, row_floats = 384 };

typedef struct row_run {
    const lt_kernels *kernels;
    float *x, *y, *weight;
    lt_activation activation;
} row_run;

static void run_layer_norm(void *context)
{
    row_run *run = context;
    run->kernels->layer_norm(run->y, NULL, run->x, row_floats, run->weight, run->weight, 1e-5f,
                             row_count, row_floats);
}

static void run_rms_norm(void *context)
{
    row_run *run = context;
    run->kernels->rms_norm(NULL, run->y, run->x, row_floats, run->weight, 1e-5f, row_count,
                           row_floats);
}

static void run_activation(void *context)
{
    row_run *run = context;
    run->kernels->activate(run->y, run->x, row_count * row_floats, run->activation);
}

static void run_softmax(void *context)
{
    row_run *run = context;
    for (size_t row = 0; row < row_count; row++) {
        memcpy(run->y, run->x + row * row_floats, row_floats * sizeof *run->y);
        run->kernels->softmax(run->y, 0, row_floats, row_floats, 0.1f, 0.0f, true);
    }
}

static void bench_rows(const lt_kernels *kernels)
{
    row_run run = {.kernels = kernels,
                   .x = floats(row_count * row_floats),
                   .y = floats(row_count * row_floats),
                   .weight = floats(row_floats)};
    const double count = 1e-9 * row_count * row_floats;
    printf("numbers per ns: layer_norm %.2f, rms_norm %.2f, softmax %.2f",
           count / best_of(run_layer_norm, &run), count / best_of(run_rms_norm, &run),
           count / best_of(run_softmax, &run));
#define X(name, word)                                                                              \
    run.activation = LT_ACTIVATION_##name;                                                         \
    printf(", " word " %.2f", count / best_of(run_activation, &run));
    LT_ACTIVATION_LIST(X)
#undef X
    printf("\n");
    free(run.x), free(run.y), free(run.weight);
}

typedef struct pack_run {
    lt_packed w;
    void *weights;
    lt_dtype dtype;
} pack_run;

static void run_pack(void *context)
{
    pack_run *run = context;
    lt_packed_put(&run->w, LT_PACKED_MAIN, 0, run->w.n, run->weights, run->dtype);
}

static void bench_packing(void)
{
    enum { n = 1536, k = 576 };
    static const lt_dtype dtypes[] = {LT_DTYPE_F32, LT_DTYPE_BF16, LT_DTYPE_F16};
    static const char *const words[] = {"f32", "bf16", "f16"};
    pack_run run = {.weights = floats((size_t)n * k)};
    uint32_t *bits = run.weights;
    for (size_t i = 0; i < (size_t)n * k; i++) /* finite in each half too */
        bits[i] &= 0xbfffbfffu;
    printf("packing, GB/s of weights:");
    for (int precision = 0; precision < 2; precision++)
        for (int d = 0; d < 3; d++) {
            run.dtype = dtypes[d];
            lt_error error;
            if (lt_packed_init(&run.w, (lt_precision)precision, n, k, false, &error) != LT_OK)
                abort();
            const double took = best_of(run_pack, &run);
            printf(" %s to %s %.2f%s", words[d], words[precision],
                   1e-9 * n * k * (double)lt_dtype_bytes(run.dtype) / took,
                   precision && d == 2 ? "\n" : ",");
            lt_packed_fini(&run.w);
        }
    free(run.weights);
}

int main(int argc, char **argv)
{
    limit = argc > 1 ? atof(argv[1]) : limit;
    lt_kernels_thread_init();
    bench_packing();
    const char *name, *refusal;
    const lt_kernels *kernels;
    for (size_t i = 0; lt_kernels_list(i, &name, &kernels, &refusal); i++) {
        if (argc > 2 && strcmp(argv[2], name))
            continue;
        printf("\n%s%s%s\n", name, refusal ? ": not here: " : "", refusal ? refusal : "");
        if (kernels) {
            bench_attention(kernels);
            bench_rows(kernels);
        }
    }
    return 0;
}
