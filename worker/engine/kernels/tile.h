/* The tiles that have files of their own, with instruction-set flags of their own. The contracts
 * are those of tile_f32, tile_bf16 and operand_bf16 in kernels.h. */
#ifndef LT_WORKER_ENGINE_KERNELS_TILE_H
#define LT_WORKER_ENGINE_KERNELS_TILE_H

#include <stddef.h>
#include <stdint.h>

#define LT_TILE_ROWS_AVX2 6
#define LT_TILE_ROWS_AVX512 12

void lt_tile_f32_avx2(const float *a, size_t a_stride, uint32_t rows, const float *block,
                      uint32_t k, float *out, size_t out_stride);
void lt_tile_f32_avx512(const float *a, size_t a_stride, uint32_t rows, const float *block,
                        uint32_t k, float *out, size_t out_stride);

void lt_tile_bf16_avx2(const void *a, size_t a_stride, uint32_t rows, const uint16_t *block,
                       size_t panel_stride, uint32_t k, float *out, size_t out_stride);
void lt_tile_bf16_avx512(const void *a, size_t a_stride, uint32_t rows, const uint16_t *block,
                         size_t panel_stride, uint32_t k, float *out, size_t out_stride);
void lt_tile_bf16_avx512_bf16(const void *a, size_t a_stride, uint32_t rows, const uint16_t *block,
                              size_t panel_stride, uint32_t k, float *out, size_t out_stride);

void lt_operand_bf16_avx512_bf16(uint16_t *operand, size_t stride, const float *a, size_t a_stride,
                                 uint32_t rows, uint32_t k);

#endif
