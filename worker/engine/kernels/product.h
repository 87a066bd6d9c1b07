/* c = epilogue(a W^T + bias): the matrix product with everything that can be done to a tile while
 * it is in cache. */
#ifndef LT_WORKER_ENGINE_KERNELS_PRODUCT_H
#define LT_WORKER_ENGINE_KERNELS_PRODUCT_H

#include "worker/engine/kernels/packed.h"

typedef struct lt_product {
    const lt_packed *w; /* [n, k], with its bias if it has one */
    const float *a;     /* [m, k]; for bf16 weights the values must be bf16 values (round_bf16) */
    size_t a_stride;    /* lt_row_stride(k) is a good one */
    float *c;           /* [m, n]; may not overlap a */
    size_t c_stride;
    const float *residual; /* [m, n] added last, or NULL; may be c itself with the same stride */
    size_t residual_stride;
    lt_activation activation; /* gated weights: of the gate */
    bool round_bf16;          /* c is rounded to bf16 values: it is the operand of a next product */
} lt_product;

/* Rows [row_begin, row_end) and blocks [block_begin, block_end) of w (w->block_count in all; block
 * b gives columns b * w->block_columns ...). Ranges of rows or blocks may run on different threads
 * at the same time; threading over rows keeps weights apart least, over blocks activations. */
void lt_product_run(const lt_kernels *kernels, const lt_product *product, size_t row_begin,
                    size_t row_end, uint32_t block_begin, uint32_t block_end);

#endif
