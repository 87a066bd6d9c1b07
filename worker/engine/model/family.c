#include "worker/engine/model/family.h"

#include <string.h>

#include "common/limits.h"

/* Far above every published model, and low enough that no product of two of them overflows. */
enum {
    HIDDEN_MAX = 1 << 17,
    INTERMEDIATE_MAX = 1 << 20,
    LAYERS_MAX = 1024,
    HEADS_MAX = 4096,
    HEAD_DIM_MAX = 512, /* what the attention kernel holds */
    VOCAB_MAX = 1 << 23,
    POSITIONS_MAX = 1 << 30,
};

const lt_family *lt_family_at(size_t index)
{
    static const lt_family *const families[] = {
#define X(name) &lt_family_##name,
        LT_FAMILY_LIST(X)
#undef X
    };
    return index < sizeof families / sizeof *families ? families[index] : NULL;
}

static lt_status read_heads(const lt_fields *config, lt_spec *spec, lt_error *error)
{
    LT_TRY(lt_fields_u32(config, "num_attention_heads", LT_REQUIRED, 1, HEADS_MAX, &spec->heads,
                         error));
    spec->kv_heads = spec->heads;
    LT_TRY(lt_fields_u32(config, "num_key_value_heads", LT_OPTIONAL, 1, HEADS_MAX, &spec->kv_heads,
                         error));
    if (spec->heads % spec->kv_heads != 0)
        return lt_fields_refuse(config, LT_INPUT, "num_key_value_heads", error,
                                "a divisor of num_attention_heads, %u", spec->heads);
    if (lt_fields_get(config, "head_dim"))
        return lt_fields_u32(config, "head_dim", LT_REQUIRED, 1, HEAD_DIM_MAX, &spec->head_dim,
                             error);
    spec->head_dim = spec->hidden / spec->heads;
    if (spec->hidden % spec->heads != 0)
        return lt_fields_refuse(config, LT_INPUT, "num_attention_heads", error,
                                "a divisor of hidden_size, %u", spec->hidden);
    if (spec->head_dim > HEAD_DIM_MAX)
        return lt_fields_refuse(config, LT_UNSUPPORTED, "num_attention_heads", error,
                                "heads of at most %d numbers", HEAD_DIM_MAX);
    return LT_OK;
}

lt_status lt_family_read_sizes(const lt_fields *config, lt_spec *spec, lt_error *error)
{
    LT_TRY(lt_fields_u32(config, "hidden_size", LT_REQUIRED, 1, HIDDEN_MAX, &spec->hidden, error));
    LT_TRY(lt_fields_u32(config, "num_hidden_layers", LT_REQUIRED, 1, LAYERS_MAX,
                         &spec->layer_count, error));
    LT_TRY(lt_fields_u32(config, "intermediate_size", LT_REQUIRED, 1, INTERMEDIATE_MAX,
                         &spec->intermediate, error));
    LT_TRY(lt_fields_u32(config, "vocab_size", LT_REQUIRED, 1, VOCAB_MAX, &spec->vocab, error));
    LT_TRY(lt_fields_u32(config, "max_position_embeddings", LT_REQUIRED, 1, POSITIONS_MAX,
                         &spec->positions, error));
    return read_heads(config, spec, error);
}

lt_status lt_family_read_activation(const lt_fields *config, const char *key,
                                    const char *word_default, lt_activation *out, lt_error *error)
{
    static const struct {
        const char *word;
        lt_activation activation;
    } words[] = {
        {"gelu", LT_ACTIVATION_GELU},
        {"gelu_python", LT_ACTIVATION_GELU},
        {"gelu_new", LT_ACTIVATION_GELU_TANH},
        {"gelu_fast", LT_ACTIVATION_GELU_TANH},
        {"gelu_accurate", LT_ACTIVATION_GELU_TANH},
        {"gelu_pytorch_tanh", LT_ACTIVATION_GELU_TANH},
        {"gelu_python_tanh", LT_ACTIVATION_GELU_TANH},
        {"silu", LT_ACTIVATION_SILU},
        {"swish", LT_ACTIVATION_SILU},
        {"relu", LT_ACTIVATION_RELU},
        {"tanh", LT_ACTIVATION_TANH},
        {"linear", LT_ACTIVATION_NONE},
    };
    const char *word = word_default;
    LT_TRY(lt_fields_word(config, key, LT_OPTIONAL, &word, error));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0) {
            *out = words[i].activation;
            return LT_OK;
        }
    return lt_fields_refuse(config, LT_UNSUPPORTED, key, error,
                            "gelu, gelu_new, gelu_pytorch_tanh, silu, relu, tanh or linear");
}
