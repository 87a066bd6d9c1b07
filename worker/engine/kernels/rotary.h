/* Tables for rotary embeddings. The same bits on every machine: no libm. */
#ifndef LT_WORKER_ENGINE_KERNELS_ROTARY_H
#define LT_WORKER_ENGINE_KERNELS_ROTARY_H

#include <stddef.h>
#include <stdint.h>

/* cos and sin: [positions, pair_count]. angle = (float)position * inv_freq[i], in f32 as the
 * reference implementation has it; cosine and sine of that f32 number, times `factor` (1 unless
 * the rope scaling says otherwise), each rounded to f32 from an error below 1e-15.
 * Angles up to 1e6 in magnitude. */
void lt_rotary_table(float *cos, float *sin, uint32_t position_begin, uint32_t position_end,
                     const float *inv_freq, uint32_t pair_count, float factor);

/* inv_freq[i] for i in 0..rotary_dim/2: x = (float)(2 i) / (float)rotary_dim; p = base^x rounded to
 * f32; inv_freq = 1 / p: the steps of the reference implementation, in f32. base from 1 to 1e9. */
void lt_rotary_inv_freq(float *inv_freq, double base, uint32_t rotary_dim);

#endif
