/* The weights of a linear layer, y = x W^T + bias, packed once at load into the panels that the
 * kernels read; one layout per precision for all instruction sets.
 *
 * W is [n, k] (n output features, k input features), as in safetensors. Rows go in blocks of 32:
 *   f32:  block = [k][32] f32
 *   bf16: block = 2 panels of 16 rows, panel = [k_padded / 2][16][2] bf16, k_padded = k rounded up
 * to 32; the padding is zero. (The B operand of AMX TDPBF16PS, 16 pairs a tile.) Rows past n are
 * zero. A gated layer (SwiGLU: act(x G^T) * (x U^T)) has two matrices of n rows; block b holds 16
 * rows of G, then the same 16 rows of U, and gives 16 output columns. */
#ifndef LT_WORKER_ENGINE_KERNELS_PACKED_H
#define LT_WORKER_ENGINE_KERNELS_PACKED_H

#include "worker/engine/kernels/kernels.h"

typedef struct lt_packed {
    void *data;     /* blocks; aligned to 64; owned */
    float *bias;    /* [n], or NULL; owned */
    float *bias_up; /* [n] of the up part of a gated layer, or NULL; owned */
    size_t bytes;   /* of data */
    size_t block_bytes;
    uint32_t n, k; /* n: output features after gating */
    uint32_t block_count;
    uint32_t block_columns; /* output columns of a block: 32, or 16 when gated */
    lt_precision precision;
    bool gated;
} lt_packed;

typedef enum lt_packed_part { LT_PACKED_MAIN, LT_PACKED_UP } lt_packed_part;

/* Zeroed blocks for n x k weights; no bias yet. n and k from 1. LT_LIMIT when the size overflows,
 * LT_MEMORY when there is no memory. */
lt_status lt_packed_init(lt_packed *packed, lt_precision precision, uint32_t n, uint32_t k,
                         bool gated, lt_error *error);
void lt_packed_fini(lt_packed *packed); /* safe on zeroed memory */

/* All values finite. */
#define LT_PACKED_FINITE SIZE_MAX

/* Packs `rows` rows of weights ([rows, k], row-major, contiguous, any alignment) as rows
 * row_begin.. of W, so that several tensors (q, k, v) can make one layer. For a gated layer
 * LT_PACKED_MAIN is the gate and LT_PACKED_UP the other matrix. Returns LT_PACKED_FINITE, or the
 * index into weights of the first value that is infinite or NaN (the rest is packed all the same).
 * bf16 rounds f32 and f16 to nearest even (a value that rounds to infinity counts as not finite).
 * Calls for disjoint rows may run at the same time. */
size_t lt_packed_put(lt_packed *packed, lt_packed_part part, uint32_t row_begin, uint32_t rows,
                     const void *weights, lt_dtype dtype);

/* Sets bias[row_begin..); the first call makes a bias of zeros, so do not call it from two threads.
 * Returns as lt_packed_put. */
size_t lt_packed_put_bias(lt_packed *packed, lt_packed_part part, uint32_t row_begin, uint32_t rows,
                          const void *bias, lt_dtype dtype);

/* The index of the first value of `count` that is infinite or NaN, or LT_PACKED_FINITE. */
size_t lt_first_not_finite(const void *values, lt_dtype dtype, size_t count);

/* One row of W back as f32, k values: for tests and `inspect`. */
void lt_packed_row(const lt_packed *packed, lt_packed_part part, uint32_t row, float *out);

#endif
