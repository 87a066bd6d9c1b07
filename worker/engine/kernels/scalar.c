/* The definition of every result, in plain C for any x86-64. fmaf is a call into the C library;
 * only the tiles, where nearly all the time goes, are compiled a second time for CPUs that have it
 * as an instruction. That changes no bit: a fused multiply-add is rounded once, whoever does it. */
#include "worker/engine/kernels/family.h"
#include "worker/engine/kernels/v16_scalar.h"

#include "worker/engine/kernels/math.inc.h"
#include "worker/engine/kernels/rows.inc.h"
#include "worker/engine/kernels/tile.inc.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TWICE /* the choice is made before the sanitizer is ready */
#else
#define TWICE __attribute__((target_clones("fma", "default")))
#endif

TWICE static void tile_f32(const float *a, size_t a_stride, uint32_t rows, const float *block,
                           uint32_t k, float *out, size_t out_stride)
{
    for (uint32_t row = 0; row < rows; row++) {
        float sum[32] = {0.0f};
        for (uint32_t i = 0; i < k; i++)
            for (uint32_t column = 0; column < 32; column++)
                sum[column] =
                    fmaf(a[row * a_stride + i], block[(size_t)i * 32 + column], sum[column]);
        memcpy(out + row * out_stride, sum, sizeof sum);
    }
}

/* Inlined by force, which the clones need; float_of is not. */
static inline __attribute__((always_inline)) float bf16_at(const uint16_t *p)
{
    const uint32_t bits = (uint32_t)*p << 16;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

/* Sixteen outputs of a bf16 product. */
TWICE static void dot_bf16(const float *a, const uint16_t *panel, uint32_t k, float *out)
{
    float sum[16] = {0.0f};
    for (uint32_t begin = 0; begin < k; begin += 32) {
        float even[16] = {0.0f}, odd[16] = {0.0f};
        const uint32_t end = k - begin < 32 ? k : begin + 32;
        for (uint32_t i = begin; i + 1 < end; i += 2, panel += 32)
            for (uint32_t column = 0; column < 16; column++) {
                even[column] = fmaf(a[i], bf16_at(panel + column * 2), even[column]);
                odd[column] = fmaf(a[i + 1], bf16_at(panel + column * 2 + 1), odd[column]);
            }
        for (uint32_t column = 0; column < 16 && end % 2; column++)
            even[column] = fmaf(a[end - 1], bf16_at(panel + column * 2), even[column]);
        for (uint32_t column = 0; column < 16; column++)
            sum[column] = sum[column] + (even[column] + odd[column]);
    }
    memcpy(out, sum, sizeof sum);
}

static void tile_bf16(const void *a, size_t a_stride, uint32_t rows, const uint16_t *block,
                      size_t panel_stride, uint32_t k, float *out, size_t out_stride)
{
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t panel = 0; panel < 2; panel++)
            dot_bf16((const float *)a + row * a_stride, block + panel * panel_stride, k,
                     out + row * out_stride + panel * 16);
}

#define FAMILY scalar
#define TILE_F32 tile_f32
#define TILE_BF16 tile_bf16
#define TILE_ROWS_MAX 4
#include "worker/engine/kernels/family.inc.h"
