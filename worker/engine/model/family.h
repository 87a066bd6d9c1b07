/* A family of models: how its config.json becomes a spec, and what its tensors are called. Adding
 * one is a file with an lt_family and a line in LT_FAMILY_LIST. */
#ifndef LT_WORKER_ENGINE_MODEL_FAMILY_H
#define LT_WORKER_ENGINE_MODEL_FAMILY_H

#include "worker/engine/model/spec.h"

#define LT_FAMILY_LIST(X) X(bert) X(llama)

/* Everything that a checkpoint can hold for a spec. slots.c knows each one's shape, when it is
 * there and where it goes. */
#define LT_SLOT_LIST(X)                                                                            \
    X(TOKENS) X(POSITIONS) X(TYPES) X(EMBED_NORM) X(EMBED_NORM_BIAS)                               \
    X(Q) X(Q_BIAS) X(K) X(K_BIAS) X(V) X(V_BIAS) X(O) X(O_BIAS)                                    \
    X(ATTENTION_NORM) X(ATTENTION_NORM_BIAS)                                                       \
    X(GATE) X(GATE_BIAS) X(UP) X(UP_BIAS) X(DOWN) X(DOWN_BIAS) X(MLP_NORM) X(MLP_NORM_BIAS)        \
    X(FINAL_NORM) X(FINAL_NORM_BIAS)                                                               \
    X(HEAD_DENSE) X(HEAD_DENSE_BIAS) X(HEAD_OUT) X(HEAD_OUT_BIAS)
typedef enum lt_slot {
#define X(name) LT_SLOT_##name,
    LT_SLOT_LIST(X)
#undef X
    LT_SLOT_COUNT
} lt_slot;

typedef struct lt_tensor_name {
    lt_slot slot;
    const char *name;       /* one %u stands for the layer */
    const char *old_name;   /* what older files call it, or NULL */
} lt_tensor_name;

typedef struct lt_family {
    const char *architecture;   /* "BertForSequenceClassification" */
    const char *model_type;     /* "bert" */
    const char *head;           /* for people */
    /* Fills every field of the zeroed *spec but family, labels and label_count. */
    lt_status (*read)(const lt_fields *config, lt_spec *spec, lt_error *error);
    const lt_tensor_name *names; /* ends with a NULL name; slots that are not here do not exist */
} lt_family;

#define X(name) extern const lt_family lt_family_##name;
LT_FAMILY_LIST(X)
#undef X

const lt_family *lt_family_at(size_t index); /* NULL at the end */

/* Sizes that every family has, with their bounds; head_dim is derived when the key is absent. */
lt_status lt_family_read_sizes(const lt_fields *config, lt_spec *spec, lt_error *error);

/* The words of transformers for functions of one number. */
lt_status lt_family_read_activation(const lt_fields *config, const char *key, const char *word_default,
                                    lt_activation *out, lt_error *error);

#endif
