/* Rotary position embeddings as config.json describes them: the inverse frequencies of a head.
 * (Su et al. 2021, RoFormer; scaling "linear" divides them, "llama3" is the one of Llama 3.1.) */
#ifndef LT_WORKER_ENGINE_MODEL_ROPE_H
#define LT_WORKER_ENGINE_MODEL_ROPE_H

#include "worker/engine/model/fields.h"

typedef enum lt_rope_kind { LT_ROPE_DEFAULT, LT_ROPE_LINEAR, LT_ROPE_LLAMA3 } lt_rope_kind;

typedef struct lt_rope {
    lt_rope_kind kind;
    double theta;
    double factor;                      /* linear, llama3 */
    double low_freq_factor, high_freq_factor, original_positions; /* llama3 */
} lt_rope;

/* From rope_parameters (transformers 5), or rope_theta and rope_scaling (transformers 4). A type
 * that is not one of the three is LT_UNSUPPORTED. `positions` is max_position_embeddings. */
lt_status lt_rope_read(const lt_fields *config, double theta_default, uint32_t positions, lt_rope *rope,
                       lt_error *error);

/* inv_freq: [head_dim / 2]. float32 steps in the order of the reference implementation. */
void lt_rope_inv_freq(const lt_rope *rope, uint32_t head_dim, float *inv_freq);

#endif
