#include "worker/engine/model/tensor.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *word;
    uint32_t bits;
} types[] = {
#define X(name, bits) {#name, bits},
    LT_TENSOR_TYPE_LIST(X)
#undef X
};

const char *lt_tensor_type_word(lt_tensor_type type)
{
    return types[type].word;
}

uint32_t lt_tensor_type_bits(lt_tensor_type type)
{
    return types[type].bits;
}

bool lt_tensor_type_from(const char *word, lt_tensor_type *out)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].word, word) == 0) {
            *out = (lt_tensor_type)i;
            return true;
        }
    return false;
}

bool lt_tensor_dtype(lt_tensor_type type, lt_dtype *out)
{
    switch (type) {
    case LT_TENSOR_F32:
        *out = LT_DTYPE_F32;
        return true;
    case LT_TENSOR_BF16:
        *out = LT_DTYPE_BF16;
        return true;
    case LT_TENSOR_F16:
        *out = LT_DTYPE_F16;
        return true;
    default:
        return false;
    }
}

const char *lt_tensor_shape_text(const lt_tensor *tensor, char out[LT_TENSOR_SHAPE_BYTES])
{
    int used = snprintf(out, LT_TENSOR_SHAPE_BYTES, "[");
    for (uint32_t i = 0; i < tensor->rank; i++)
        used += snprintf(out + used, LT_TENSOR_SHAPE_BYTES - (size_t)used, "%s%llu", i ? ", " : "",
                         (unsigned long long)tensor->shape[i]);
    snprintf(out + used, LT_TENSOR_SHAPE_BYTES - (size_t)used, "]");
    return out;
}
