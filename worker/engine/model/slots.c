#include "worker/engine/model/slots.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"

enum { NAME_BYTES = 256, MISSING_SHOWN = 3 };

typedef enum slot_dim { ONE, HIDDEN, Q, KV, MLP, VOCAB, POSITIONS, TYPES, LABELS } slot_dim;
typedef enum slot_home { IN_MODEL, IN_LAYER } slot_home;
typedef enum slot_start { AT_0, AT_K, AT_V } slot_start; /* in q, k, v packed together */

static bool with_attention_bias(const lt_spec *spec)
{
    return spec->attention_bias;
}
static bool with_output_bias(const lt_spec *spec)
{
    return spec->output_bias;
}
static bool with_mlp_bias(const lt_spec *spec)
{
    return spec->mlp_bias;
}
static bool with_head_bias(const lt_spec *spec)
{
    return spec->head_bias;
}

/* What a slot is: kind, shape, when it is there, and the place it goes to. */
typedef struct slot_rule {
    lt_slot_kind kind;
    slot_dim rows, columns;
    slot_home home;
    size_t offset;
    slot_start start;
    lt_packed_part part;
    bool (*when)(const lt_spec *spec); /* NULL: always */
} slot_rule;

#define MODEL(field) IN_MODEL, offsetof(lt_model, field)
#define LAYER(field) IN_LAYER, offsetof(lt_layer, field)

static const slot_rule rules[LT_SLOT_COUNT] = {
    [LT_SLOT_TOKENS] = {LT_SLOT_TABLE, VOCAB, HIDDEN, MODEL(tokens)},
    [LT_SLOT_POSITIONS] = {LT_SLOT_TABLE, POSITIONS, HIDDEN, MODEL(positions)},
    [LT_SLOT_TYPES] = {LT_SLOT_TABLE, TYPES, HIDDEN, MODEL(types)},
    [LT_SLOT_EMBED_NORM] = {LT_SLOT_VECTOR, HIDDEN, ONE, MODEL(embed_norm.weight)},
    [LT_SLOT_EMBED_NORM_BIAS] = {LT_SLOT_VECTOR, HIDDEN, ONE, MODEL(embed_norm.bias)},
    [LT_SLOT_Q] = {LT_SLOT_MATRIX, Q, HIDDEN, LAYER(qkv)},
    [LT_SLOT_K] = {LT_SLOT_MATRIX, KV, HIDDEN, LAYER(qkv), .start = AT_K},
    [LT_SLOT_V] = {LT_SLOT_MATRIX, KV, HIDDEN, LAYER(qkv), .start = AT_V},
    [LT_SLOT_Q_BIAS] = {LT_SLOT_BIAS, Q, ONE, LAYER(qkv), .when = with_attention_bias},
    [LT_SLOT_K_BIAS] = {LT_SLOT_BIAS, KV, ONE, LAYER(qkv), .start = AT_K,
                        .when = with_attention_bias},
    [LT_SLOT_V_BIAS] = {LT_SLOT_BIAS, KV, ONE, LAYER(qkv), .start = AT_V,
                        .when = with_attention_bias},
    [LT_SLOT_O] = {LT_SLOT_MATRIX, HIDDEN, Q, LAYER(o)},
    [LT_SLOT_O_BIAS] = {LT_SLOT_BIAS, HIDDEN, ONE, LAYER(o), .when = with_output_bias},
    [LT_SLOT_ATTENTION_NORM] = {LT_SLOT_VECTOR, HIDDEN, ONE, LAYER(attention_norm.weight)},
    [LT_SLOT_ATTENTION_NORM_BIAS] = {LT_SLOT_VECTOR, HIDDEN, ONE, LAYER(attention_norm.bias)},
    [LT_SLOT_GATE] = {LT_SLOT_MATRIX, MLP, HIDDEN, LAYER(up)},
    [LT_SLOT_GATE_BIAS] = {LT_SLOT_BIAS, MLP, ONE, LAYER(up), .when = with_mlp_bias},
    [LT_SLOT_UP] = {LT_SLOT_MATRIX, MLP, HIDDEN, LAYER(up), .part = LT_PACKED_UP},
    [LT_SLOT_UP_BIAS] = {LT_SLOT_BIAS, MLP, ONE, LAYER(up), .part = LT_PACKED_UP,
                         .when = with_mlp_bias},
    [LT_SLOT_DOWN] = {LT_SLOT_MATRIX, HIDDEN, MLP, LAYER(down)},
    [LT_SLOT_DOWN_BIAS] = {LT_SLOT_BIAS, HIDDEN, ONE, LAYER(down), .when = with_mlp_bias},
    [LT_SLOT_MLP_NORM] = {LT_SLOT_VECTOR, HIDDEN, ONE, LAYER(mlp_norm.weight)},
    [LT_SLOT_MLP_NORM_BIAS] = {LT_SLOT_VECTOR, HIDDEN, ONE, LAYER(mlp_norm.bias)},
    [LT_SLOT_FINAL_NORM] = {LT_SLOT_VECTOR, HIDDEN, ONE, MODEL(final_norm.weight)},
    [LT_SLOT_FINAL_NORM_BIAS] = {LT_SLOT_VECTOR, HIDDEN, ONE, MODEL(final_norm.bias)},
    [LT_SLOT_HEAD_DENSE] = {LT_SLOT_MATRIX, HIDDEN, HIDDEN, MODEL(head_dense)},
    [LT_SLOT_HEAD_DENSE_BIAS] = {LT_SLOT_BIAS, HIDDEN, ONE, MODEL(head_dense)},
    [LT_SLOT_HEAD_OUT] = {LT_SLOT_MATRIX, LABELS, HIDDEN, MODEL(head_out)},
    [LT_SLOT_HEAD_OUT_BIAS] = {LT_SLOT_BIAS, LABELS, ONE, MODEL(head_out), .when = with_head_bias},
};

static uint32_t dim_value(const lt_spec *spec, slot_dim dim)
{
    switch (dim) {
    case ONE:
        return 1;
    case HIDDEN:
        return spec->hidden;
    case Q:
        return spec->heads * spec->head_dim;
    case KV:
        return spec->kv_heads * spec->head_dim;
    case MLP:
        return spec->intermediate;
    case VOCAB:
        return spec->vocab;
    case POSITIONS:
        return spec->positions;
    case TYPES:
        return spec->types;
    case LABELS:
        return spec->label_count;
    }
    return 0;
}

/* ---- finding ---- */

typedef struct finder {
    const lt_spec *spec;
    const lt_weights *weights;
    lt_bindings *bindings;
    lt_error *error;
    size_t missing_count;
    lt_buf missing; /* the first few names */
    size_t used_count;
} finder;

static void format_name(char out[NAME_BYTES], const char *pattern, uint32_t layer)
{
    const char *mark = strstr(pattern, "%u");
    if (!mark)
        snprintf(out, NAME_BYTES, "%s", pattern);
    else
        snprintf(out, NAME_BYTES, "%.*s%u%s", (int)(mark - pattern), pattern, layer, mark + 2);
}

static const lt_tensor *find_tensor(finder *f, const lt_tensor_name *name, uint32_t layer)
{
    char text[NAME_BYTES];
    const lt_tensor *tensor = NULL;
    if (name->old_name) {
        format_name(text, name->old_name, layer);
        tensor = lt_weights_find(f->weights, text);
    }
    format_name(text, name->name, layer);
    if (!tensor)
        tensor = lt_weights_find(f->weights, text);
    if (!tensor && f->missing_count++ < MISSING_SHOWN)
        lt_buf_printf(&f->missing, "%s%s", f->missing.len ? ", " : "", text);
    return tensor;
}

static lt_status check_tensor(finder *f, const lt_tensor *tensor, lt_binding *binding,
                              const slot_rule *rule)
{
    char found[LT_TENSOR_SHAPE_BYTES];
    const bool vector =
        rule->columns == ONE && rule->kind != LT_SLOT_TABLE && rule->kind != LT_SLOT_MATRIX;
    const bool fits = vector ? tensor->rank == 1 && tensor->shape[0] == binding->rows
                             : tensor->rank == 2 && tensor->shape[0] == binding->rows &&
                                   tensor->shape[1] == binding->columns;
    if (!fits) {
        lt_fail(f->error, LT_INPUT, tensor->file, "tensor %s has the shape %s", tensor->name,
                lt_tensor_shape_text(tensor, found));
        return vector ? lt_expected(f->error, LT_INPUT, "[%u] by config.json", binding->rows)
                      : lt_expected(f->error, LT_INPUT, "[%u, %u] by config.json", binding->rows,
                                    binding->columns);
    }
    if (!lt_tensor_dtype(tensor->type, &binding->dtype))
        return lt_expected(f->error,
                           lt_fail(f->error, LT_UNSUPPORTED, tensor->file,
                                   "tensor %s has the dtype %s", tensor->name,
                                   lt_tensor_type_word(tensor->type)),
                           "F32, F16 or BF16");
    return LT_OK;
}

static lt_status bind(finder *f, const lt_tensor_name *name, uint32_t layer)
{
    const slot_rule *rule = &rules[name->slot];
    const uint32_t q = dim_value(f->spec, Q), kv = dim_value(f->spec, KV);
    const lt_tensor *tensor = find_tensor(f, name, layer);
    if (!tensor)
        return LT_OK; /* all missing ones are told at the end */
    lt_binding binding = {
        .tensor = tensor,
        .slot = name->slot,
        .kind = rule->kind,
        .layer = layer,
        .rows = dim_value(f->spec, rule->rows),
        .columns = dim_value(f->spec, rule->columns),
        .row_begin = rule->start == AT_0   ? 0
                     : rule->start == AT_K ? q
                                           : q + kv,
        /* without a gate the up matrix is all there is */
        .part = f->spec->gated ? rule->part : LT_PACKED_MAIN,
    };
    LT_TRY(check_tensor(f, tensor, &binding, rule));
    f->bindings->items[f->bindings->count++] = binding;
    return LT_OK;
}

static bool is_needed(const slot_rule *rule, const lt_spec *spec)
{
    return !rule->when || rule->when(spec);
}

static lt_status bind_all(finder *f)
{
    const lt_tensor_name *names = f->spec->family->names;
    for (const lt_tensor_name *name = names; name->name; name++) {
        const slot_rule *rule = &rules[name->slot];
        const uint32_t repeat = rule->home == IN_LAYER ? f->spec->layer_count : 1;
        for (uint32_t layer = 0; layer < repeat && is_needed(rule, f->spec); layer++)
            LT_TRY(bind(f, name, layer));
    }
    if (f->missing_count == 0)
        return LT_OK;
    lt_fail(f->error, LT_INPUT, lt_weights_path(f->weights),
            "%zu of the tensors that config.json asks for %s missing: %s%s", f->missing_count,
            f->missing_count == 1 ? "is" : "are", lt_buf_str(&f->missing),
            f->missing_count > MISSING_SHOWN ? ", ..." : "");
    return lt_remedy(f->error, LT_INPUT, "is it really a %s?", f->spec->family->architecture);
}

static void log_extra(const lt_weights *weights, const lt_bindings *bindings)
{
    if (!lt_log_on(LT_LOG_DEBUG))
        return;
    for (size_t i = 0; i < lt_weights_count(weights); i++) {
        const lt_tensor *tensor = lt_weights_at(weights, i);
        bool used = false;
        for (size_t b = 0; b < bindings->count && !used; b++)
            used = bindings->items[b].tensor == tensor;
        if (!used)
            lt_log_debug("tensor_not_needed", "file", "%s", tensor->file, "tensor", "%s",
                         tensor->name, NULL);
    }
}

lt_status lt_bindings_init(lt_bindings *bindings, const lt_config *config,
                           const lt_weights *weights, lt_error *error)
{
    finder f = {.spec = &config->spec, .weights = weights, .bindings = bindings, .error = error};
    *bindings = (lt_bindings){
        lt_alloc((size_t)config->spec.layer_count * LT_SLOT_COUNT * sizeof(lt_binding)), 0};
    const lt_status status = bind_all(&f);
    lt_buf_fini(&f.missing);
    if (status == LT_OK)
        log_extra(weights, bindings);
    else
        lt_bindings_fini(bindings);
    return status;
}

void lt_bindings_fini(lt_bindings *bindings)
{
    free(bindings->items);
    memset(bindings, 0, sizeof *bindings);
}

/* ---- places ---- */

static void *place(const lt_binding *binding, lt_model *model)
{
    const slot_rule *rule = &rules[binding->slot];
    char *base = rule->home == IN_LAYER ? (char *)&model->layers[binding->layer] : (char *)model;
    return base + rule->offset;
}

lt_packed *lt_binding_packed(const lt_binding *binding, lt_model *model)
{
    LT_ASSERT(binding->kind == LT_SLOT_MATRIX || binding->kind == LT_SLOT_BIAS);
    return place(binding, model);
}

lt_table *lt_binding_table(const lt_binding *binding, lt_model *model)
{
    LT_ASSERT(binding->kind == LT_SLOT_TABLE);
    return place(binding, model);
}

float **lt_binding_vector(const lt_binding *binding, lt_model *model)
{
    LT_ASSERT(binding->kind == LT_SLOT_VECTOR);
    return place(binding, model);
}
