/* The tiles of a family that has a file of its own for them (kernels.h: tile_f32, tile_bf16). */
#ifndef LT_WORKER_ENGINE_KERNELS_TILE_H
#define LT_WORKER_ENGINE_KERNELS_TILE_H

#include <stddef.h>
#include <stdint.h>

#define LT_TILE_ROWS_AVX2 6
#define LT_TILE_ROWS_AVX512 12

/* family */
#define LT_TILE_FAMILY_LIST(X) X(avx2) X(avx512)

#define X(family)                                                                                  \
    void lt_tile_f32_##family(const float *a, size_t a_stride, uint32_t rows, const float *block,  \
                              uint32_t k, float *out, size_t out_stride);                          \
    void lt_tile_bf16_##family(const float *a, size_t a_stride, uint32_t rows, const uint16_t *block, \
                               size_t panel_stride, uint32_t k, float *out, size_t out_stride);
LT_TILE_FAMILY_LIST(X)
#undef X

#endif
