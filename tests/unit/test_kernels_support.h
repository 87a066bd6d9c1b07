/* What the kernel tests share: numbers from a seed, memory that ends at an unreadable page, and the
 * comparison of bits. LEFTTAIL_SEED=N repeats a run. */
#ifndef LT_TESTS_UNIT_TEST_KERNELS_SUPPORT_H
#define LT_TESTS_UNIT_TEST_KERNELS_SUPPORT_H

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/engine/kernels/kernels.h"

#define HELPER static inline __attribute__((unused))

static uint64_t random_state;

HELPER void seed_random(void)
{
    const char *word = getenv("LEFTTAIL_SEED");
    random_state = word ? strtoull(word, NULL, 10) : 20240229;
    printf("LEFTTAIL_SEED=%" PRIu64 "\n", random_state);
}

HELPER uint32_t random_u32(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) ^ (uint32_t)(random_state >> 13);
}

HELPER float float_from(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

HELPER uint32_t bits_from(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

/* About normal, with zeros. */
HELPER float random_usual(void)
{
    if (random_u32() % 50 == 0)
        return random_u32() % 2 ? 0.0f : float_from(0x80000000u);
    return ((float)(random_u32() % 65536) + (float)(random_u32() % 65536) - 65536.0f) * 0x1p-15f;
}

/* Any finite number of any size, denormals among them. */
HELPER float random_wild(void)
{
    uint32_t bits = random_u32();
    if (random_u32() % 8 == 0)
        bits &= 0x807fffffu;
    if ((bits & 0x7f800000u) == 0x7f800000u)
        bits ^= 0x40000000u;
    return float_from(bits);
}

/* Wild, and infinite or NaN (the NaN that arithmetic makes) now and then. */
HELPER float random_any(void)
{
    static const uint32_t special[] = {0x7f800000u, 0xff800000u, 0xffc00000u,
                                       0x00000001u, 0x80000001u, 0x7f7fffffu};
    return random_u32() % 16 ? random_wild() : float_from(special[random_u32() % 6]);
}

/* `bytes` that end right before an unreadable page (or, at_start, begin right after one). */
typedef struct guarded {
    char *map;
    size_t map_bytes;
    void *data;
} guarded;

HELPER guarded guarded_make(size_t bytes, bool at_start)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page;
    guarded g = {.map_bytes = inner + 2 * page};
    g.map = mmap(NULL, g.map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.map != MAP_FAILED);
    assert_int_equal(
        mprotect(g.map + page, inner ? inner : page, inner ? PROT_READ | PROT_WRITE : PROT_NONE),
        0);
    g.data = g.map + page + (at_start ? 0 : inner - bytes);
    return g;
}

HELPER void guarded_free(guarded *g)
{
    munmap(g->map, g->map_bytes);
}

HELPER guarded guarded_floats(size_t count, float (*make)(void), bool at_start)
{
    guarded g = guarded_make(count * sizeof(float), at_start);
    float *values = g.data;
    for (size_t i = 0; i < count; i++)
        values[i] = make();
    return g;
}

/* A copy with guards of its own, for outputs that start equal. */
HELPER guarded guarded_copy(const void *data, size_t bytes, bool at_start)
{
    guarded g = guarded_make(bytes, at_start);
    if (bytes)
        memcpy(g.data, data, bytes);
    return g;
}

HELPER void assert_same_floats(const float *expected, const float *found, size_t count,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));
HELPER void assert_same_floats(const float *expected, const float *found, size_t count,
                               const char *format, ...)
{
    for (size_t i = 0; i < count; i++) {
        if (bits_from(expected[i]) == bits_from(found[i]) ||
            (isnan(expected[i]) && isnan(found[i])))
            continue;
        char what[200];
        va_list args;
        va_start(args, format);
        vsnprintf(what, sizeof what, format, args);
        va_end(args);
        fail_msg("%s: element %zu is %08x, the definition says %08x", what, i, bits_from(found[i]),
                 bits_from(expected[i]));
    }
}

/* Calls check(family) for every family that this machine has besides scalar; says which are
 * missing. */
HELPER void for_each_family(void (*check)(const lt_kernels *scalar, const lt_kernels *family))
{
    const lt_kernels *scalar = lt_kernels_by_name("scalar"), *kernels;
    assert_non_null(scalar);
    const char *name, *refusal;
    for (size_t i = 0; lt_kernels_list(i, &name, &kernels, &refusal); i++) {
        if (!kernels)
            printf("%s is not tested here: %s\n", name, refusal);
        else if (kernels != scalar)
            check(scalar, kernels);
    }
}

#endif
