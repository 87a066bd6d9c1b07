/* A job for tests of the report, described by a JSON object, as a lt_report_source. Packed bytes
 * are kept and unpacked anew for every read, as a coordinator's client does.
 *
 *   {"name", "variants": [{"name", "x"?}], "baseline", "x_axis", "pack_prompts"?: 64,
 *    "sets": [{"name", "role", "samples"?, "prompts": [{"id", "text", "category", "responses": [
 *        {"variant": 0, "sample": 0, "text", "label"?, "rows": {SCORER: {"logits": [..], "tokens",
 * "cut"} or
 *         {"failed": reason number, "detail"}}}]}]}],
 *    "scorers": [{"name", "kind": 1 reward 2 classifier, "labels", "sets": [0], "sigmoid",
 * "riskier", "below"?, "quantile"?, "full", "partial", "capability", "human_full", "human_partial",
 * "threshold"}]} */
#ifndef LT_TESTS_REPORT_FIXTURE_H
#define LT_TESTS_REPORT_FIXTURE_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/row.h"
#include "coordinator/report/report.h"

typedef struct report_fixture {
    lt_arena arena;
    Lefttail__Manifest manifest;
    lt_buf *packs;  /* [n_packs] packed */
    lt_buf *groups; /* [group_count] packed */
    size_t group_count, group_next;
    lt_report_source source;
} report_fixture;

#define FIX_NEW(type, name, init)                                                                  \
    type *name = lt_arena_alloc(&f->arena, sizeof *name);                                          \
    init(name)

static char *fix_string(report_fixture *f, json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return lt_arena_strdup(&f->arena, text ? text : "");
}

static char **fix_strings(report_fixture *f, json_t *object, const char *key, size_t *count)
{
    json_t *array = json_object_get(object, key);
    *count = json_array_size(array);
    char **texts = lt_arena_alloc(&f->arena, (*count + 1) * sizeof *texts);
    for (size_t i = 0; i < *count; i++)
        texts[i] = lt_arena_strdup(&f->arena, json_string_value(json_array_get(array, i)));
    return texts;
}

static ProtobufCBinaryData fix_bytes(report_fixture *f, const void *bytes, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)lt_arena_strndup(&f->arena, bytes, len)};
}

static double fix_number(json_t *object, const char *key, double otherwise)
{
    json_t *value = json_object_get(object, key);
    return value ? json_number_value(value) : otherwise;
}

static Lefttail__Scorer *fix_scorer(report_fixture *f, json_t *from)
{
    FIX_NEW(Lefttail__Scorer, scorer, lefttail__scorer__init);
    scorer->name = fix_string(f, from, "name");
    scorer->kind = (Lefttail__ScorerKind)json_integer_value(json_object_get(from, "kind"));
    scorer->labels = fix_strings(f, from, "labels", &scorer->n_labels);
    scorer->sigmoid = json_is_true(json_object_get(from, "sigmoid"));
    scorer->higher_is_riskier = json_is_true(json_object_get(from, "riskier"));
    scorer->refusal_full = fix_strings(f, from, "full", &scorer->n_refusal_full);
    scorer->refusal_partial = fix_strings(f, from, "partial", &scorer->n_refusal_partial);
    scorer->capability = fix_strings(f, from, "capability", &scorer->n_capability);
    scorer->human_full = fix_strings(f, from, "human_full", &scorer->n_human_full);
    scorer->human_partial = fix_strings(f, from, "human_partial", &scorer->n_human_partial);
    scorer->refusal_threshold = fix_number(from, "threshold", 0);
    json_t *sets = json_object_get(from, "sets");
    scorer->n_sets = json_array_size(sets);
    scorer->sets = lt_arena_alloc(&f->arena, (scorer->n_sets + 1) * sizeof *scorer->sets);
    for (size_t i = 0; i < scorer->n_sets; i++)
        scorer->sets[i] = (uint32_t)json_integer_value(json_array_get(sets, i));
    FIX_NEW(Lefttail__Tail, tail, lefttail__tail__init);
    tail->has_below = json_object_get(from, "below") != NULL;
    tail->below = fix_number(from, "below", 0);
    tail->quantile = fix_number(from, "quantile", 0);
    scorer->tail = tail;
    FIX_NEW(Lefttail__ScorerSpec, spec, lefttail__scorer_spec__init);
    spec->numerics_version = 1;
    spec->precision = LEFTTAIL__PRECISION__PRECISION_BF16;
    spec->template_ = lt_arena_strdup(&f->arena, scorer->kind == 1 ? "pair" : "response");
    spec->max_length = 512;
    FIX_NEW(Lefttail__Checkpoint, checkpoint, lefttail__checkpoint__init);
    const lt_digest digest = lt_checkpoint_digest(checkpoint);
    spec->checkpoint = fix_bytes(f, digest.bytes, sizeof digest.bytes);
    scorer->spec = spec;
    scorer->checkpoint = checkpoint;
    return scorer;
}

static Lefttail__Row *fix_row(report_fixture *f, json_t *from, uint32_t item)
{
    FIX_NEW(Lefttail__Row, row, lefttail__row__init);
    row->item = item;
    row->detail = fix_string(f, from, "detail");
    row->tokens = (uint32_t)fix_number(from, "tokens", 10);
    row->tokens_cut = (uint32_t)fix_number(from, "cut", 0);
    row->flags = row->tokens_cut ? LEFTTAIL__ROW_FLAG__ROW_FLAG_TRUNCATED_RIGHT : 0;
    json_t *logits = json_object_get(from, "logits");
    if (logits) {
        row->state = LEFTTAIL__ROW_STATE__ROW_SCORED;
        float values[64];
        for (size_t i = 0; i < json_array_size(logits); i++)
            values[i] = (float)json_number_value(json_array_get(logits, i));
        row->logits = fix_bytes(f, values, 4 * json_array_size(logits));
    } else {
        row->state = LEFTTAIL__ROW_STATE__ROW_FAILED;
        row->reason = (Lefttail__FailureReason)(int)fix_number(from, "failed", 1);
    }
    row->crc32c = lt_row_crc(row);
    return row;
}

static void fix_pack_message(lt_buf *out, const ProtobufCMessage *message)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    out->len += protobuf_c_message_pack(message, (uint8_t *)lt_buf_reserve(out, size));
}

static void fix_groups(report_fixture *f, json_t *items, uint32_t pack, uint32_t set)
{
    for (uint32_t s = 0; s < f->manifest.n_scorers; s++) {
        Lefttail__RowGroup group = LEFTTAIL__ROW_GROUP__INIT;
        group.pack_index = pack;
        group.scorer_index = s;
        group.rows = lt_arena_alloc(&f->arena, (json_array_size(items) + 1) * sizeof *group.rows);
        for (size_t i = 0; i < json_array_size(items); i++) {
            json_t *rows = json_object_get(json_array_get(items, i), "rows");
            json_t *row = json_object_get(rows, f->manifest.scorers[s]->name);
            bool own = false;
            for (size_t k = 0; k < f->manifest.scorers[s]->n_sets; k++)
                own |= f->manifest.scorers[s]->sets[k] == set;
            if (row && own)
                group.rows[group.n_rows++] = fix_row(f, row, (uint32_t)i);
        }
        if (group.n_rows == 0)
            continue;
        f->groups = lt_realloc(f->groups, (f->group_count + 1) * sizeof *f->groups);
        memset(&f->groups[f->group_count], 0, sizeof *f->groups);
        fix_pack_message(&f->groups[f->group_count++], &group.base);
    }
}

static Lefttail__Prompt *fix_prompt(report_fixture *f, json_t *from, Lefttail__PromptSet *set,
                                    json_t *items)
{
    FIX_NEW(Lefttail__Prompt, prompt, lefttail__prompt__init);
    prompt->id = fix_string(f, from, "id");
    prompt->text = fix_string(f, from, "text");
    prompt->category = fix_string(f, from, "category");
    prompt->label = fix_string(f, from, "label");
    json_t *responses = json_object_get(from, "responses");
    prompt->n_responses = json_array_size(responses);
    prompt->responses =
        lt_arena_alloc(&f->arena, (prompt->n_responses + 1) * sizeof *prompt->responses);
    for (size_t i = 0; i < prompt->n_responses; i++) {
        json_t *item = json_array_get(responses, i), *text = json_object_get(item, "text");
        FIX_NEW(Lefttail__Response, response, lefttail__response__init);
        response->variant = (uint32_t)fix_number(item, "variant", 0);
        response->sample = (uint32_t)fix_number(item, "sample", 0);
        response->text = fix_bytes(f, json_string_value(text), json_string_length(text));
        response->label = fix_string(f, item, "label");
        prompt->responses[i] = response;
        set->accounts[response->variant]->present++;
        json_array_append(items, item);
    }
    return prompt;
}

static void fix_pack(report_fixture *f, json_t *prompts, size_t first, size_t count,
                     uint32_t set_index)
{
    Lefttail__Pack pack = LEFTTAIL__PACK__INIT;
    FIX_NEW(Lefttail__PackRef, ref, lefttail__pack_ref__init);
    json_t *items = json_array();
    pack.n_prompts = count;
    pack.prompts = lt_arena_alloc(&f->arena, count * sizeof *pack.prompts);
    for (size_t i = 0; i < count; i++)
        pack.prompts[i] =
            fix_prompt(f, json_array_get(prompts, first + i), f->manifest.sets[set_index], items);
    const uint32_t index = (uint32_t)f->manifest.n_packs++;
    f->packs = lt_realloc(f->packs, f->manifest.n_packs * sizeof *f->packs);
    memset(&f->packs[index], 0, sizeof *f->packs);
    fix_pack_message(&f->packs[index], &pack.base);
    ref->bytes = f->packs[index].len;
    const lt_digest digest = lt_digest_of(f->packs[index].data, f->packs[index].len);
    ref->digest = fix_bytes(f, digest.bytes, sizeof digest.bytes);
    ref->set = set_index;
    ref->items = (uint32_t)json_array_size(items);
    ref->first_prompt = first;
    ref->prompts = (uint32_t)count;
    Lefttail__PackRef **refs = lt_arena_alloc(&f->arena, f->manifest.n_packs * sizeof *refs);
    if (index)
        memcpy(refs, f->manifest.packs, index * sizeof *refs);
    refs[index] = ref;
    f->manifest.packs = refs;
    fix_groups(f, items, index, set_index);
    json_decref(items);
}

static void fix_set(report_fixture *f, json_t *from, uint32_t index, size_t pack_prompts)
{
    Lefttail__PromptSet *set = f->manifest.sets[index];
    json_t *prompts = json_object_get(from, "prompts");
    set->name = fix_string(f, from, "name");
    set->role = fix_string(f, from, "role");
    set->prompts = json_array_size(prompts);
    set->samples = (uint32_t)fix_number(from, "samples", 1);
    set->n_accounts = f->manifest.n_variants;
    set->accounts = lt_arena_alloc(&f->arena, set->n_accounts * sizeof *set->accounts);
    for (size_t v = 0; v < set->n_accounts; v++) {
        FIX_NEW(Lefttail__VariantAccount, account, lefttail__variant_account__init);
        set->accounts[v] = account;
    }
    for (size_t p = 0; p < set->prompts; p += pack_prompts)
        fix_pack(f, prompts, p, set->prompts - p < pack_prompts ? set->prompts - p : pack_prompts,
                 index);
    for (size_t v = 0; v < set->n_accounts; v++) {
        set->accounts[v]->expected = set->prompts * set->samples;
        set->accounts[v]->missing = set->accounts[v]->expected - set->accounts[v]->present;
    }
}

static lt_status fix_read_pack(void *context, uint32_t index, Lefttail__Pack **out, lt_error *error)
{
    report_fixture *f = context;
    *out = lefttail__pack__unpack(NULL, f->packs[index].len, (const uint8_t *)f->packs[index].data);
    return *out ? LT_OK : lt_fail(error, LT_FAILED, "fixture", "a pack does not unpack");
}

static lt_status fix_next_group(void *context, Lefttail__RowGroup **out, lt_error *error)
{
    report_fixture *f = context;
    *out = NULL;
    if (f->group_next == f->group_count)
        return LT_OK;
    const lt_buf *bytes = &f->groups[f->group_next++];
    *out = lefttail__row_group__unpack(NULL, bytes->len, (const uint8_t *)bytes->data);
    return *out ? LT_OK : lt_fail(error, LT_FAILED, "fixture", "a group does not unpack");
}

/* Takes the reference to `job`. Read again after `f->group_next = 0`. */
static void report_fixture_init(report_fixture *f, json_t *job)
{
    memset(f, 0, sizeof *f);
    lefttail__manifest__init(&f->manifest);
    Lefttail__Manifest *m = &f->manifest;
    m->version = 1;
    m->name = fix_string(f, job, "name");
    m->baseline = fix_string(f, job, "baseline");
    m->x_axis = fix_string(f, job, "x_axis");
    json_t *variants = json_object_get(job, "variants"), *scorers = json_object_get(job, "scorers"),
           *sets = json_object_get(job, "sets");
    m->n_variants = json_array_size(variants);
    m->variants = lt_arena_alloc(&f->arena, m->n_variants * sizeof *m->variants);
    for (size_t i = 0; i < m->n_variants; i++) {
        FIX_NEW(Lefttail__Variant, variant, lefttail__variant__init);
        variant->name = fix_string(f, json_array_get(variants, i), "name");
        variant->has_x = json_object_get(json_array_get(variants, i), "x") != NULL;
        variant->x = fix_number(json_array_get(variants, i), "x", 0);
        m->variants[i] = variant;
    }
    m->n_scorers = json_array_size(scorers);
    m->scorers = lt_arena_alloc(&f->arena, m->n_scorers * sizeof *m->scorers);
    for (size_t i = 0; i < m->n_scorers; i++)
        m->scorers[i] = fix_scorer(f, json_array_get(scorers, i));
    m->n_sets = json_array_size(sets);
    m->sets = lt_arena_alloc(&f->arena, m->n_sets * sizeof *m->sets);
    for (size_t i = 0; i < m->n_sets; i++) {
        FIX_NEW(Lefttail__PromptSet, set, lefttail__prompt_set__init);
        m->sets[i] = set;
        fix_set(f, json_array_get(sets, i), (uint32_t)i,
                (size_t)fix_number(job, "pack_prompts", 64));
    }
    f->source = (lt_report_source){m, f, fix_read_pack, fix_next_group};
    json_decref(job);
}

static void report_fixture_fini(report_fixture *f)
{
    for (size_t i = 0; i < f->manifest.n_packs; i++)
        lt_buf_fini(&f->packs[i]);
    for (size_t i = 0; i < f->group_count; i++)
        lt_buf_fini(&f->groups[i]);
    free(f->packs);
    free(f->groups);
    lt_arena_fini(&f->arena);
}

#endif
