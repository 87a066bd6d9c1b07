/* The strides of a model's activations, in floats: computed in one place for those who allocate
 * and those who run. */
#ifndef LT_WORKER_ENGINE_MODEL_STRIDES_H
#define LT_WORKER_ENGINE_MODEL_STRIDES_H

#include "worker/engine/model/model.h"

/* Rows that go through everything between two attentions together: enough to pay for a pass over
 * the weights, few enough that their MLP activations stay near the core. */
#define LT_CHUNK_ROWS 128

typedef struct lt_strides {
    size_t hidden, qkv, mixed, wide;
    size_t pooled_q;        /* also holds the head's dense layer: [texts, hidden] */
    size_t pooled_mixed;    /* also holds the logits: [texts, label_count] */
    uint32_t q, kv;         /* columns of q, and of k or v */
    bool has_operand;       /* operands differ from the residual stream: rounded, or normalised before */
} lt_strides;

static inline size_t lt_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline lt_strides lt_strides_of(const lt_model *model)
{
    const lt_spec *spec = &model->config.spec;
    const uint32_t q = spec->heads * spec->head_dim, kv = spec->kv_heads * spec->head_dim;
    return (lt_strides){
        .hidden = lt_row_stride(spec->hidden),
        .qkv = lt_row_stride(q + 2 * kv),
        .mixed = lt_row_stride(q),
        .wide = lt_row_stride(spec->intermediate),
        .pooled_q = lt_row_stride(lt_larger(q + 2 * kv, spec->hidden)),
        .pooled_mixed = lt_row_stride(lt_larger(q, spec->label_count)),
        .q = q,
        .kv = kv,
        .has_operand = model->precision == LT_PRECISION_BF16 || spec->norm_place == LT_NORM_BEFORE,
    };
}

#endif
