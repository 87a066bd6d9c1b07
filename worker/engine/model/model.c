#include "worker/engine/model/model.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "worker/engine/model/slots.h"
#include "worker/engine/region.h"

/* Weights are packed in pieces of about this many values, so that threads share large matrices. */
enum { PIECE_VALUES = 1 << 18, PIECE_ROWS = 32 };

/* ---- what is there before anything is packed ---- */

static lt_precision choose_precision(lt_precision_choice choice, const lt_bindings *bindings)
{
    if (choice != LT_CHOOSE_AUTO)
        return choice == LT_CHOOSE_BF16 ? LT_PRECISION_BF16 : LT_PRECISION_F32;
    for (size_t i = 0; i < bindings->count; i++)
        if (bindings->items[i].kind == LT_SLOT_MATRIX &&
            bindings->items[i].slot < LT_SLOT_HEAD_DENSE &&
            bindings->items[i].dtype != LT_DTYPE_BF16)
            return LT_PRECISION_F32;
    return LT_PRECISION_BF16;
}

static bool is_head(const lt_binding *binding)
{
    return binding->slot >= LT_SLOT_HEAD_DENSE;
}

/* Bytes that the binding will have in memory, padding of packed panels included. */
static uint64_t bytes_of(const lt_binding *binding, lt_precision precision)
{
    const uint64_t count = (uint64_t)binding->rows * binding->columns;
    if (binding->kind == LT_SLOT_TABLE)
        return count * lt_dtype_bytes(binding->dtype);
    if (binding->kind != LT_SLOT_MATRIX || precision == LT_PRECISION_F32 || is_head(binding))
        return count * sizeof(float);
    return (uint64_t)binding->rows * ((binding->columns + 31u) & ~31u) * sizeof(uint16_t);
}

static void count_weights(lt_model *model, const lt_bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        model->parameter_count += bindings->items[i].tensor->count;
        model->weight_bytes += bytes_of(&bindings->items[i], model->precision);
    }
}

/* ---- room for everything ---- */

static lt_status alloc_layers(lt_model *model, lt_error *error)
{
    const lt_spec *spec = &model->config.spec;
    const lt_precision precision = model->precision;
    const uint32_t q = spec->heads * spec->head_dim, kv = spec->kv_heads * spec->head_dim;
    model->layers = lt_alloc(spec->layer_count * sizeof *model->layers);
    for (uint32_t i = 0; i < spec->layer_count; i++) {
        lt_layer *layer = &model->layers[i];
        LT_TRY(lt_packed_init(&layer->qkv, precision, q + 2 * kv, spec->hidden, false, error));
        LT_TRY(lt_packed_init(&layer->o, precision, spec->hidden, q, false, error));
        LT_TRY(lt_packed_init(&layer->up, precision, spec->intermediate, spec->hidden, spec->gated,
                              error));
        LT_TRY(lt_packed_init(&layer->down, precision, spec->hidden, spec->intermediate, false,
                              error));
    }
    if (spec->head_dense)
        LT_TRY(lt_packed_init(&model->head_dense, LT_PRECISION_F32, spec->hidden, spec->hidden,
                              false, error));
    return lt_packed_init(&model->head_out, LT_PRECISION_F32, spec->label_count, spec->hidden,
                          false, error);
}

static lt_status alloc_tables(lt_model *model, const lt_bindings *bindings, lt_error *error)
{
    for (size_t i = 0; i < bindings->count; i++) {
        const lt_binding *binding = &bindings->items[i];
        if (binding->kind == LT_SLOT_VECTOR)
            *lt_binding_vector(binding, model) = lt_alloc(binding->rows * sizeof(float));
        if (binding->kind != LT_SLOT_TABLE)
            continue;
        lt_table *table = lt_binding_table(binding, model);
        table->dtype = binding->dtype;
        table->data = malloc((size_t)binding->tensor->count * lt_dtype_bytes(binding->dtype));
        if (!table->data)
            return lt_fail(error, LT_MEMORY, binding->tensor->file,
                           "tensor %s: no memory for %llu values", binding->tensor->name,
                           (unsigned long long)binding->tensor->count);
    }
    return LT_OK;
}

/* ---- packing ---- */

typedef struct weight_piece {
    const lt_binding *binding;
    uint32_t row_begin, row_count;
    size_t bad; /* index into the tensor of the first value that is not finite */
} weight_piece;

static uint32_t piece_rows(const lt_binding *binding)
{
    const uint32_t rows = PIECE_VALUES / binding->columns / PIECE_ROWS * PIECE_ROWS;
    return rows ? rows : PIECE_ROWS;
}

static weight_piece *cut_pieces(const lt_bindings *bindings, size_t *count)
{
    size_t total = 0, used = 0;
    for (size_t i = 0; i < bindings->count; i++)
        total += bindings->items[i].rows / piece_rows(&bindings->items[i]) + 1;
    weight_piece *pieces = lt_alloc(total * sizeof *pieces);
    for (size_t i = 0; i < bindings->count; i++) {
        const lt_binding *binding = &bindings->items[i];
        const uint32_t step = piece_rows(binding);
        for (uint32_t row = 0; row < binding->rows; row += step) {
            const uint32_t left = binding->rows - row;
            pieces[used++] =
                (weight_piece){binding, row, left < step ? left : step, LT_PACKED_FINITE};
        }
    }
    *count = used;
    return pieces;
}

static size_t fill_vector(const lt_binding *binding, lt_model *model, const lt_kernels *kernels)
{
    kernels->widen(*lt_binding_vector(binding, model), binding->tensor->data, binding->dtype,
                   binding->rows);
    return lt_first_not_finite(binding->tensor->data, binding->dtype, binding->rows);
}

static size_t fill_piece(const weight_piece *piece, lt_model *model)
{
    const lt_binding *binding = piece->binding;
    const size_t value_bytes = lt_dtype_bytes(binding->dtype);
    const size_t first = (size_t)piece->row_begin * binding->columns;
    const size_t count = (size_t)piece->row_count * binding->columns;
    const char *source = (const char *)binding->tensor->data + first * value_bytes;
    size_t bad;
    if (binding->kind == LT_SLOT_MATRIX) {
        bad = lt_packed_put(lt_binding_packed(binding, model), binding->part,
                            binding->row_begin + piece->row_begin, piece->row_count, source,
                            binding->dtype);
    } else {
        memcpy((char *)lt_binding_table(binding, model)->data + first * value_bytes, source,
               count * value_bytes);
        bad = lt_first_not_finite(source, binding->dtype, count);
    }
    return bad == LT_PACKED_FINITE ? bad : first + bad;
}

static size_t scan_piece(const weight_piece *piece)
{
    const lt_binding *binding = piece->binding;
    const size_t first = (size_t)piece->row_begin * binding->columns;
    const size_t bad = lt_first_not_finite(
        (const char *)binding->tensor->data + first * lt_dtype_bytes(binding->dtype),
        binding->dtype, (size_t)piece->row_count * binding->columns);
    return bad == LT_PACKED_FINITE ? bad : first + bad;
}

static lt_status not_finite(const lt_binding *binding, size_t index, lt_error *error)
{
    return lt_remedy(
        error,
        lt_fail(error, LT_INPUT, binding->tensor->file,
                "tensor %s: the value at index %zu (row %zu, column %zu) is NaN or infinite",
                binding->tensor->name, index, index / binding->columns, index % binding->columns),
        "download or convert the checkpoint again");
}

/* Vectors and biases: small, in this thread. */
static lt_status fill_small(lt_model *model, const lt_bindings *bindings, const lt_kernels *kernels,
                            lt_error *error)
{
    for (size_t i = 0; i < bindings->count; i++) {
        const lt_binding *binding = &bindings->items[i];
        size_t bad = LT_PACKED_FINITE;
        if (binding->kind == LT_SLOT_VECTOR)
            bad = fill_vector(binding, model, kernels);
        else if (binding->kind == LT_SLOT_BIAS)
            bad = lt_packed_put_bias(lt_binding_packed(binding, model), binding->part,
                                     binding->row_begin, binding->rows, binding->tensor->data,
                                     binding->dtype);
        if (bad != LT_PACKED_FINITE)
            return not_finite(binding, bad, error);
    }
    return LT_OK;
}

/* With model == NULL the values are only looked at. */
static lt_status fill_large(lt_model *model, const lt_bindings *bindings, int threads,
                            lt_error *error)
{
    size_t count;
    weight_piece *pieces = cut_pieces(bindings, &count);
    lt_region_leave();
#pragma omp parallel num_threads(threads)
    {
        lt_region_enter();
#pragma omp for schedule(dynamic) nowait
        for (size_t i = 0; i < count; i++) {
            const lt_slot_kind kind = pieces[i].binding->kind;
            if (!model)
                pieces[i].bad = scan_piece(&pieces[i]);
            else if (kind == LT_SLOT_MATRIX || kind == LT_SLOT_TABLE)
                pieces[i].bad = fill_piece(&pieces[i], model);
        }
        lt_region_leave();
    }
    lt_region_enter();
    lt_status status = LT_OK;
    for (size_t i = 0; i < count && status == LT_OK; i++)
        if (pieces[i].bad != LT_PACKED_FINITE)
            status = not_finite(pieces[i].binding, pieces[i].bad, error);
    free(pieces);
    return status;
}

static lt_status pack(lt_model *model, const lt_bindings *bindings, const lt_kernels *kernels,
                      int threads, lt_error *error)
{
    const lt_spec *spec = &model->config.spec;
    LT_TRY(alloc_layers(model, error));
    LT_TRY(alloc_tables(model, bindings, error));
    LT_TRY(fill_small(model, bindings, kernels, error));
    LT_TRY(fill_large(model, bindings, threads, error));
    if (spec->position_kind == LT_POSITION_ROTARY) {
        model->inv_freq = lt_alloc(spec->head_dim / 2 * sizeof(float));
        lt_rope_inv_freq(&spec->rope, spec->head_dim, model->inv_freq);
    }
    return LT_OK;
}

/* ---- open and free ---- */

static lt_status load(lt_model *model, const lt_weights *weights, const lt_model_options *options,
                      lt_error *error)
{
    lt_bindings bindings;
    LT_TRY(lt_bindings_init(&bindings, &model->config, weights, error));
    model->precision = choose_precision(options->precision, &bindings);
    count_weights(model, &bindings);
    const int threads = options->threads > 0 ? options->threads : omp_get_num_procs();
    lt_status status = LT_OK;
    if (options->pack)
        status = pack(model, &bindings, options->kernels, threads, error);
    else if (options->scan)
        status = fill_large(NULL, &bindings, threads, error);
    lt_bindings_fini(&bindings);
    return status;
}

lt_status lt_model_open(lt_model **out, const char *dir, const lt_model_options *options,
                        lt_error *error)
{
    *out = NULL;
    lt_model *model = lt_alloc(sizeof *model);
    lt_weights *weights = NULL;
    lt_status status = lt_config_read(&model->config, dir, error);
    if (status == LT_OK)
        status = lt_weights_open(&weights, dir, error);
    if (status == LT_OK)
        status = load(model, weights, options, error);
    lt_weights_close(&weights);
    if (status != LT_OK)
        lt_model_free(&model);
    *out = model;
    return status;
}

static void norm_fini(lt_norm *norm)
{
    free(norm->weight);
    free(norm->bias);
}

void lt_model_free(lt_model **model)
{
    lt_model *m = *model;
    *model = NULL;
    if (!m)
        return;
    for (uint32_t i = 0; m->layers && i < m->config.spec.layer_count; i++) {
        lt_packed_fini(&m->layers[i].qkv);
        lt_packed_fini(&m->layers[i].o);
        lt_packed_fini(&m->layers[i].up);
        lt_packed_fini(&m->layers[i].down);
        norm_fini(&m->layers[i].attention_norm);
        norm_fini(&m->layers[i].mlp_norm);
    }
    free(m->layers);
    free(m->tokens.data);
    free(m->positions.data);
    free(m->types.data);
    norm_fini(&m->embed_norm);
    norm_fini(&m->final_norm);
    lt_packed_fini(&m->head_dense);
    lt_packed_fini(&m->head_out);
    free(m->inv_freq);
    lt_config_fini(&m->config);
    free(m);
}
