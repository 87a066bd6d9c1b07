/* Between two attentions every row goes its own way, so a member takes its rows, in chunks, from
 * one attention's result through to the next one's q, k and v; the team meets only around
 * attention.
 *
 *     embed ─ enter(0) ─┃─ attention(0) ─┃─ leave(0) ─ enter(1) ─┃─ attention(1) ─┃─ ...
 *
 * The last layer computes k and v for all rows; q, and all that comes after attention, only for the
 * one row of each text that the head reads. */
#include "worker/engine/model/forward.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "worker/engine/kernels/attention.h"
#include "worker/engine/kernels/product.h"
#include "worker/engine/model/strides.h"
#include "worker/engine/region.h"

typedef struct run {
    const lt_pass *pass;
    const lt_model *model;
    const lt_spec *spec;
    const lt_kernels *kernels;
    lt_activations *a;
    lt_scratch *scratch;
    lt_strides s;
    lt_team team;
    uint32_t tokens;
    bool bf16;
} run;

/* Rows of one kind: the residual stream, its operands, attention's result. */
typedef struct rows {
    float *x, *operand, *mixed;
    size_t mixed_stride;
} rows;

static void meet(const run *r)
{
    if (r->team.size > 1)
        lt_region_meet();
}

/* This member's share of count things. */
static void share(const run *r, size_t count, size_t *begin, size_t *end)
{
    *begin = count * r->team.rank / r->team.size;
    *end = count * (r->team.rank + 1) / r->team.size;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- norms ---- */

static void normalise(const run *r, const lt_norm *norm, float *out, float *rounded, const float *x,
                      size_t count)
{
    if (r->spec->norm_kind == LT_NORM_LAYER)
        r->kernels->layer_norm(out, rounded, x, r->s.hidden, norm->weight, norm->bias,
                               r->spec->norm_eps, count, r->spec->hidden);
    else
        r->kernels->rms_norm(out, rounded, x, r->s.hidden, norm->weight, r->spec->norm_eps, count,
                             r->spec->hidden);
}

/* The operand of the product after a norm that stands before it. */
static void norm_before(const run *r, const lt_norm *norm, const rows *at, size_t count)
{
    normalise(r, norm, r->bf16 ? NULL : at->operand, r->bf16 ? at->operand : NULL, at->x, count);
}

/* The residual stream itself is normalised. */
static void norm_after(const run *r, const lt_norm *norm, const rows *at, size_t count)
{
    normalise(r, norm, at->x, r->bf16 ? at->operand : NULL, at->x, count);
}

/* ---- products ---- */

static void product(const run *r, const lt_product *product, size_t count, uint32_t block_begin,
                    uint32_t block_end)
{
    lt_product_run(r->kernels, product, 0, count, block_begin, block_end);
}

static void add_product(const run *r, const lt_packed *w, const float *operand, size_t stride,
                        float *x, size_t count)
{
    const lt_product p = {
        .w = w,
        .a = operand,
        .a_stride = stride,
        .c = x,
        .c_stride = r->s.hidden,
        .residual = x,
        .residual_stride = r->s.hidden,
    };
    product(r, &p, count, 0, w->block_count);
}

/* ---- embeddings ---- */

static void embed_token(const run *r, const lt_sequence *text, uint32_t position, float *x)
{
    const size_t n = r->spec->hidden;
    const lt_model *m = r->model;
    const lt_table *const tables[] = {&m->tokens, &m->types, &m->positions};
    const uint32_t index[] = {text->ids[position], m->types.data ? text->type_ids[position] : 0,
                              position};
    for (int i = 0; i < 3; i++) {
        if (!tables[i]->data)
            continue;
        const char *row =
            (const char *)tables[i]->data + index[i] * n * lt_dtype_bytes(tables[i]->dtype);
        (i == 0 ? r->kernels->widen : r->kernels->widen_add)(x, row, tables[i]->dtype, n);
    }
}

/* Rows [begin, end) of the pass: which text, which position, the sum of its embeddings. */
static void embed(const run *r, size_t begin, size_t end)
{
    size_t row = 0;
    for (uint32_t t = 0; t < r->pass->text_count; t++) {
        const lt_sequence *text = r->pass->texts[t];
        for (uint32_t i = 0; i < text->count; i++, row++) {
            if (row < begin || row >= end)
                continue;
            r->a->positions[row] = i;
            embed_token(r, text, i, r->a->x + row * r->s.hidden);
        }
    }
    const rows at = {r->a->x + begin * r->s.hidden, r->a->operand + begin * r->s.hidden, NULL, 0};
    if (r->spec->embed_norm)
        norm_after(r, &r->model->embed_norm, &at, end - begin);
    else if (r->s.has_operand && r->spec->norm_place == LT_NORM_AFTER)
        for (size_t i = 0; i < end - begin; i++)
            r->kernels->round_bf16(at.operand + i * r->s.hidden, at.x + i * r->s.hidden,
                                   r->spec->hidden);
}

/* ---- before attention ---- */

static void rotate(const run *r, float *x, size_t stride, const uint32_t *positions, size_t count,
                   uint32_t heads)
{
    const lt_rotary *rotary = r->pass->rotary;
    if (r->spec->position_kind == LT_POSITION_ROTARY)
        r->kernels->rotate(x, stride, rotary->cos, rotary->sin, positions, count, heads,
                           r->spec->head_dim, r->spec->head_dim);
}

/* q, k and v of rows [begin, end); in the last layer k and v alone. */
static void enter(const run *r, uint32_t index, size_t begin, size_t end)
{
    const lt_layer *layer = &r->model->layers[index];
    const bool last = index + 1 == r->spec->layer_count;
    const rows at = {r->a->x + begin * r->s.hidden, r->a->operand + begin * r->s.hidden, NULL, 0};
    if (r->spec->norm_place == LT_NORM_BEFORE)
        norm_before(r, &layer->attention_norm, &at, end - begin);
    float *qkv = r->a->qkv + begin * r->s.qkv;
    const lt_product p = {
        .w = &layer->qkv, .a = at.operand, .a_stride = r->s.hidden, .c = qkv, .c_stride = r->s.qkv};
    product(r, &p, end - begin, last ? r->s.q / layer->qkv.block_columns : 0,
            layer->qkv.block_count);
    rotate(r, qkv + (last ? r->s.q : 0), r->s.qkv, r->a->positions + begin, end - begin,
           r->spec->kv_heads + (last ? 0 : r->spec->heads));
}

static uint32_t pooled_position(const run *r, const lt_sequence *text)
{
    return r->spec->pool == LT_POOL_FIRST ? 0 : text->count - 1;
}

/* The rows that the head reads, of texts [begin, end): gathered, and their q. */
static void enter_pooled(const run *r, size_t begin, size_t end)
{
    const lt_layer *layer = &r->model->layers[r->spec->layer_count - 1];
    const size_t row_bytes = r->spec->hidden * sizeof(float);
    size_t first = 0;
    for (uint32_t t = 0; t < end; t++) {
        const lt_sequence *text = r->pass->texts[t];
        const uint32_t position = pooled_position(r, text);
        if (t >= begin) {
            r->a->pooled_positions[t] = position;
            memcpy(r->a->pooled_x + t * r->s.hidden, r->a->x + (first + position) * r->s.hidden,
                   row_bytes);
            if (r->s.has_operand)
                memcpy(r->a->pooled_operand + t * r->s.hidden,
                       r->a->operand + (first + position) * r->s.hidden, row_bytes);
        }
        first += text->count;
    }
    float *q = r->a->pooled_q + begin * r->s.pooled_q;
    const uint32_t columns = layer->qkv.block_columns;
    const lt_product p = {.w = &layer->qkv,
                          .a = r->a->pooled_operand + begin * r->s.hidden,
                          .a_stride = r->s.hidden,
                          .c = q,
                          .c_stride = r->s.pooled_q};
    product(r, &p, end - begin, 0, (r->s.q + columns - 1) / columns);
    rotate(r, q, r->s.pooled_q, r->a->pooled_positions + begin, end - begin, r->spec->heads);
}

/* ---- attention ---- */

/* Heads are shared by the team in whole groups while there are enough of them. */
static void attend(const run *r, const lt_attention *attention)
{
    const uint32_t group =
        r->spec->kv_heads >= r->team.size ? r->spec->heads / r->spec->kv_heads : 1;
    size_t begin, end;
    share(r, r->spec->heads / group, &begin, &end);
    if (begin < end)
        lt_attention_run(r->kernels, attention, (uint32_t)begin * group, (uint32_t)end * group,
                         r->scratch->attention);
}

static void attention(const run *r, bool pooled)
{
    size_t first = 0;
    for (uint32_t t = 0; t < r->pass->text_count; t++) {
        const uint32_t count = r->pass->texts[t]->count;
        const float *qkv = r->a->qkv + first * r->s.qkv;
        const lt_attention one = {
            .q = pooled ? r->a->pooled_q + t * r->s.pooled_q : qkv,
            .k = qkv + r->s.q,
            .v = qkv + r->s.q + r->s.kv,
            .out = pooled ? r->a->pooled_mixed + t * r->s.pooled_mixed
                          : r->a->mixed + first * r->s.mixed,
            .q_stride = pooled ? r->s.pooled_q : r->s.qkv,
            .kv_stride = r->s.qkv,
            .out_stride = pooled ? r->s.pooled_mixed : r->s.mixed,
            .queries = pooled ? 1 : count,
            .keys = count,
            .query_position = pooled ? pooled_position(r, r->pass->texts[t]) : 0,
            .heads = r->spec->heads,
            .kv_heads = r->spec->kv_heads,
            .head_dim = r->spec->head_dim,
            .left = LT_WINDOW_ALL,
            .right = r->spec->causal ? 0 : LT_WINDOW_ALL,
            .scale = 1.0f / sqrtf((float)r->spec->head_dim),
            .precision = r->model->precision,
            .round_bf16 = r->bf16,
        };
        attend(r, &one);
        first += count;
    }
}

/* ---- after attention ---- */

static void leave(const run *r, uint32_t index, const rows *at, size_t count)
{
    const lt_layer *layer = &r->model->layers[index];
    const bool after = r->spec->norm_place == LT_NORM_AFTER;
    add_product(r, &layer->o, at->mixed, at->mixed_stride, at->x, count);
    (after ? norm_after : norm_before)(r, after ? &layer->attention_norm : &layer->mlp_norm, at,
                                       count);
    const lt_product up = {
        .w = &layer->up,
        .a = at->operand,
        .a_stride = r->s.hidden,
        .c = r->scratch->wide,
        .c_stride = r->s.wide,
        .activation = r->spec->activation,
        .round_bf16 = r->bf16,
    };
    product(r, &up, count, 0, layer->up.block_count);
    add_product(r, &layer->down, r->scratch->wide, r->s.wide, at->x, count);
    if (after)
        norm_after(r, &layer->mlp_norm, at, count);
}

/* This member's rows from attention `index` to the next layer's q, k and v. */
static void leave_and_enter(const run *r, uint32_t index)
{
    size_t begin, end;
    share(r, r->tokens, &begin, &end);
    for (size_t row = begin; row < end; row += LT_CHUNK_ROWS) {
        const size_t stop = smaller(row + LT_CHUNK_ROWS, end);
        const rows at = {r->a->x + row * r->s.hidden, r->a->operand + row * r->s.hidden,
                         r->a->mixed + row * r->s.mixed, r->s.mixed};
        leave(r, index, &at, stop - row);
        enter(r, index + 1, row, stop);
    }
}

static void embed_and_enter(const run *r)
{
    size_t begin, end;
    share(r, r->tokens, &begin, &end);
    for (size_t row = begin; row < end; row += LT_CHUNK_ROWS) {
        const size_t stop = smaller(row + LT_CHUNK_ROWS, end);
        embed(r, row, stop);
        enter(r, 0, row, stop);
    }
}

/* ---- the head, all of it in f32 ---- */

static void head(const run *r, size_t begin, size_t end)
{
    const lt_model *m = r->model;
    float *x = r->a->pooled_x + begin * r->s.hidden;
    size_t stride = r->s.hidden;
    if (r->spec->final_norm)
        normalise(r, &m->final_norm, x, NULL, x, end - begin);
    if (r->spec->head_dense) {
        const lt_product dense = {.w = &m->head_dense,
                                  .a = x,
                                  .a_stride = stride,
                                  .c = r->a->pooled_q + begin * r->s.pooled_q,
                                  .c_stride = r->s.pooled_q,
                                  .activation = r->spec->head_activation};
        product(r, &dense, end - begin, 0, m->head_dense.block_count);
        x = dense.c;
        stride = dense.c_stride;
    }
    const lt_product out = {.w = &m->head_out,
                            .a = x,
                            .a_stride = stride,
                            .c = r->a->pooled_mixed + begin * r->s.pooled_mixed,
                            .c_stride = r->s.pooled_mixed};
    product(r, &out, end - begin, 0, m->head_out.block_count);
    for (size_t t = begin; t < end; t++)
        memcpy(r->pass->texts[t]->logits, r->a->pooled_mixed + t * r->s.pooled_mixed,
               r->spec->label_count * sizeof(float));
}

static void leave_pooled(const run *r)
{
    size_t begin, end;
    share(r, r->pass->text_count, &begin, &end);
    for (size_t t = begin; t < end; t += LT_CHUNK_ROWS) {
        const size_t stop = smaller(t + LT_CHUNK_ROWS, end);
        const rows at = {r->a->pooled_x + t * r->s.hidden, r->a->pooled_operand + t * r->s.hidden,
                         r->a->pooled_mixed + t * r->s.pooled_mixed, r->s.pooled_mixed};
        leave(r, r->spec->layer_count - 1, &at, stop - t);
        head(r, t, stop);
    }
}

static atomic_ullong layers_done;

uint64_t lt_forward_layers_done(void)
{
    return atomic_load_explicit(&layers_done, memory_order_relaxed);
}

void lt_forward(const lt_pass *pass, lt_scratch *scratch, lt_team team)
{
    run r = {pass,
             pass->model,
             &pass->model->config.spec,
             pass->kernels,
             pass->activations,
             scratch,
             lt_strides_of(pass->model),
             team,
             0,
             pass->model->precision == LT_PRECISION_BF16};
    for (uint32_t t = 0; t < pass->text_count; t++)
        r.tokens += pass->texts[t]->count;
    LT_ASSERT(r.tokens <= pass->activations->tokens &&
              pass->text_count <= pass->activations->texts);
    embed_and_enter(&r);
    for (uint32_t layer = 0; layer + 1 < r.spec->layer_count; layer++) {
        meet(&r);
        attention(&r, false);
        meet(&r);
        leave_and_enter(&r, layer);
        atomic_fetch_add_explicit(&layers_done, 1, memory_order_relaxed);
    }
    size_t begin, end;
    share(&r, pass->text_count, &begin, &end);
    meet(&r);
    enter_pooled(&r, begin, end);
    meet(&r);
    attention(&r, true);
    meet(&r);
    leave_pooled(&r);
    meet(&r);
}
