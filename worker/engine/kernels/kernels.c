/* Which family this process uses. A family is offered when the CPU and the operating system have
 * its instructions and when a small computation gives the known bits: that catches a broken build,
 * a broken emulator, and a definition that was changed without a new numerics version. */
#include "worker/engine/kernels/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#include "worker/engine/kernels/family.h"

/* FNV-1a of the results below; scalar defines it. Changes with LT_NUMERICS_VERSION. */
#define KNOWN_ANSWER 0x889d1be35269896full

typedef struct family {
    const char *name;
    const lt_kernels *kernels;
    const char *refusal; /* NULL: usable */
} family;

static family families[] = {
#define X(name) {#name, &lt_kernels_##name, NULL},
    LT_KERNEL_FAMILY_LIST(X)
#undef X
};
#define FAMILY_COUNT (sizeof families / sizeof *families)

size_t lt_dtype_bytes(lt_dtype dtype)
{
    static const size_t sizes[] = {
#define X(name, bytes) bytes,
        LT_DTYPE_LIST(X)
#undef X
    };
    return sizes[dtype];
}

size_t lt_row_stride(size_t n)
{
    const size_t lines = (n + 15) / 16;
    return (lines | 1) * 16; /* an odd number of cache lines: rows spread over all sets */
}

/* MXCSR: flush to zero (bit 15), denormals are zero (bit 6), all exceptions masked (bits 7..12),
 * round to nearest (bits 13, 14 clear). */
#define MXCSR_OF_KERNELS 0x9fc0u

void lt_kernels_thread_init(void)
{
    _mm_setcsr(MXCSR_OF_KERNELS);
}

static uint64_t hash_floats(uint64_t hash, const float *values, size_t count)
{
    const unsigned char *bytes = (const unsigned char *)values;
    for (size_t i = 0; i < count * sizeof *values; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3ull;
    return hash;
}

/* Small numbers of both signs, none special; a denormal at 5. */
static void fill_known(float *values, size_t count, uint32_t seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)((int32_t)(seed >> 8) - (1 << 23)) * 0x1p-21f;
    }
    values[5] = 0x1p-130f;
}

static uint64_t known_answer(const lt_kernels *k)
{
    enum { rows = 3, depth = 45, packed_depth = 64 };
    float a[rows * depth], w[32 * depth], block_f32[32 * depth], out[rows * 32];
    uint16_t block_bf16[32 * packed_depth], operand[rows * packed_depth];
    fill_known(a, rows * depth, 1);
    fill_known(w, 32 * depth, 2);
    uint64_t hash = 0xcbf29ce484222325ull;
    k->pack_rows_f32(block_f32, w, depth, 32, depth);
    k->tile_f32(a, depth, rows, block_f32, depth, out, 32);
    hash = hash_floats(hash, out, rows * 32);
    k->pack_rows_bf16(block_bf16, w, depth, 32, depth);
    k->round_bf16(a, a, rows * depth);
    if (k->operand_bf16) {
        k->operand_bf16(operand, packed_depth, a, depth, rows, depth);
        k->tile_bf16(operand, packed_depth, rows, block_bf16, packed_depth * 16, depth, out, 32);
    } else {
        k->tile_bf16(a, depth, rows, block_bf16, packed_depth * 16, depth, out, 32);
    }
    hash = hash_floats(hash, out, rows * 32);
    for (int activation = 0; activation <= LT_ACTIVATION_TANH; activation++) {
        k->activate(out, a, depth, (lt_activation)activation);
        hash = hash_floats(hash, out, depth);
    }
    k->layer_norm(a, NULL, a, depth, w, w, 1e-5f, rows, depth);
    const float sum = k->softmax(a, 3, 40, depth, 0.5f, 30.0f, false);
    hash = hash_floats(hash, &sum, 1);
    return hash_floats(hash, a, rows * depth);
}

/* What the processor and the operating system lack for a family; NULL: nothing. */
static const char *lack_of(const char *name)
{
    if (!strcmp(name, "scalar"))
        return NULL;
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
          __builtin_cpu_supports("f16c")))
        return "this CPU has no AVX2 with FMA and F16C";
    if (!strcmp(name, "avx2"))
        return NULL;
    if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")))
        return "this CPU has no AVX-512 F, BW, DQ and VL";
    if (!strcmp(name, "avx512_bf16") && !__builtin_cpu_supports("avx512bf16"))
        return "this CPU has no AVX512_BF16";
    return NULL;
}

static const char *refusal_of(const family *f)
{
    __builtin_cpu_init();
    const char *lack = lack_of(f->name);
    if (lack)
        return lack;
    if (known_answer(f->kernels) != KNOWN_ANSWER)
        return "its known answers came out different";
    return NULL;
}

static void probe(void)
{
    const unsigned saved = _mm_getcsr();
    lt_kernels_thread_init();
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        families[i].refusal = refusal_of(&families[i]);
    _mm_setcsr(saved);
}

static void probe_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, probe);
}

bool lt_kernels_list(size_t index, const char **name, const lt_kernels **kernels,
                     const char **refusal)
{
    if (index >= FAMILY_COUNT)
        return false;
    probe_once();
    *name = families[index].name;
    *refusal = families[index].refusal;
    *kernels = *refusal ? NULL : families[index].kernels;
    return true;
}

const lt_kernels *lt_kernels_by_name(const char *name)
{
    probe_once();
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        if (!strcmp(families[i].name, name))
            return families[i].refusal ? NULL : families[i].kernels;
    return NULL;
}

static lt_status named(const char *word, const lt_kernels **out, lt_error *error)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        if (strcmp(families[i].name, word))
            continue;
        if (families[i].refusal) {
            lt_fail(error, LT_UNSUPPORTED, "LEFTTAIL_ISA", "'%s' cannot be used: %s", word,
                    families[i].refusal);
            return lt_remedy(error, LT_UNSUPPORTED,
                             "unset LEFTTAIL_ISA to use the best that is here");
        }
        *out = families[i].kernels;
        return LT_OK;
    }
    lt_fail(error, LT_INPUT, "LEFTTAIL_ISA", "unknown instruction set '%s'", word);
    return lt_expected(error, LT_INPUT, "scalar, avx2, avx512 or avx512_bf16");
}

lt_status lt_kernels_best(const lt_kernels **out, lt_error *error)
{
    probe_once();
    const char *word = getenv("LEFTTAIL_ISA");
    if (word && *word)
        return named(word, out, error);
    for (size_t i = FAMILY_COUNT; i-- > 0;)
        if (!families[i].refusal) {
            *out = families[i].kernels;
            return LT_OK;
        }
    return lt_fail(error, LT_UNSUPPORTED, NULL,
                   "no kernel family computes correctly on this CPU: %s", families[0].refusal);
}
