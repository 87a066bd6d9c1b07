#include "coordinator/report/answers.h"

#include <stdlib.h>
#include <string.h>

#include "common/row.h"
#include "common/utf8.h"
#include "coordinator/report/json.h"

/* ---- choosing ---- */

struct ranked {
    double value; /* lowest first */
    size_t slot;
};

struct list {
    const lt_cell *cell;
    struct ranked *ranked; /* [count] */
    size_t count;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static double safe_logit(const lt_cells *cells, const lt_cell *cell, size_t slot)
{
    const bool riskier = cells->manifest->scorers[cell->scorer]->higher_is_riskier;
    return riskier ? -(double)cell->logits[slot] : cell->logits[slot];
}

/* What makes a slot worth reading; false: nothing does. `base` is NULL but for lists of drops. */
static bool rank_of(const lt_cells *cells, const lt_cell *cell, const lt_cell *base, size_t slot,
                    double *value)
{
    if (cell->states[slot] >= LT_SLOT_FAILED && !base) {
        *value = -1e300;
        return true;
    }
    if (!lt_cell_scored(cell, slot))
        return false;
    if (base) {
        if (!lt_cell_scored(base, slot))
            return false;
        *value = safe_logit(cells, cell, slot) - safe_logit(cells, base, slot);
        return *value < 0;
    }
    if (cell->reward) {
        *value = safe_logit(cells, cell, slot);
        return true;
    }
    const bool refusal = cell->kinds[slot] == LT_KIND_FULL || cell->kinds[slot] == LT_KIND_PARTIAL;
    const bool safety = strcmp(cells->manifest->sets[cell->set]->role, "safety") == 0;
    *value = safety ? cell->refusals[slot] : -cell->refusals[slot];
    return refusal != safety;
}

static void fill_list(struct list *list, const lt_cells *cells, const lt_cell *cell,
                      const lt_cell *base)
{
    list->cell = cell;
    list->ranked = lt_alloc(cell->slot_count * sizeof *list->ranked);
    for (size_t i = 0; i < cell->slot_count; i++) {
        struct ranked *next = &list->ranked[list->count];
        if (rank_of(cells, cell, base, i, &next->value)) {
            next->slot = i;
            list->count++;
        }
    }
    qsort(list->ranked, list->count, sizeof *list->ranked, by_value);
    if (list->count > LT_ANSWERS_DEPTH)
        list->count = LT_ANSWERS_DEPTH;
    list->ranked = lt_realloc(list->ranked, list->count * sizeof *list->ranked);
}

static struct list *make_lists(const lt_cells *cells, size_t *count)
{
    struct list *lists = lt_alloc(2 * cells->count * sizeof *lists);
    *count = 0;
    for (size_t i = 0; i < cells->count; i++) {
        const lt_cell *cell = &cells->cells[i];
        fill_list(&lists[(*count)++], cells, cell, NULL);
        if (cell->reward && cell->variant != cells->baseline)
            fill_list(&lists[(*count)++], cells, cell,
                      lt_cells_find(cells, cells->baseline, cell->set, cell->scorer));
    }
    return lists;
}

/* False when the page is full. */
static bool choose(lt_answers *answers, const lt_cells *cells, uint32_t set, uint64_t prompt)
{
    uint8_t *chosen = &answers->chosen[set][prompt];
    if (*chosen)
        return true;
    const lt_cell_set *of = &cells->sets[set];
    const uint64_t around = LT_ANSWER_BYTES_AROUND * of->samples * cells->manifest->n_variants;
    const uint64_t bytes = of->prompt_bytes[prompt] + around;
    if (answers->bytes + bytes > LT_ANSWERS_BYTES)
        return false;
    *chosen = 1;
    answers->bytes += bytes;
    answers->prompts_chosen++;
    return true;
}

static bool choose_rank(lt_answers *answers, const lt_cells *cells, const struct list *lists,
                        size_t count, uint32_t rank)
{
    for (size_t i = 0; i < count; i++) {
        const lt_cell *cell = lists[i].cell;
        if (rank < lists[i].count &&
            !choose(answers, cells, cell->set,
                    lists[i].ranked[rank].slot / cells->sets[cell->set].samples))
            return false;
    }
    return true;
}

void lt_answers_choose(lt_answers *answers, const lt_cells *cells)
{
    memset(answers, 0, sizeof *answers);
    const size_t set_count = cells->manifest->n_sets;
    answers->chosen = lt_alloc(set_count * sizeof *answers->chosen);
    for (size_t s = 0; s < set_count; s++) {
        answers->chosen[s] = lt_alloc(cells->sets[s].prompts);
        answers->prompt_count += cells->sets[s].prompts;
    }
    size_t list_count;
    struct list *lists = make_lists(cells, &list_count);
    while (answers->depth < LT_ANSWERS_DEPTH &&
           choose_rank(answers, cells, lists, list_count, answers->depth))
        answers->depth++;
    for (size_t i = 0; i < list_count; i++)
        free(lists[i].ranked);
    free(lists);
    bool room = answers->depth == LT_ANSWERS_DEPTH;
    for (uint32_t s = 0; s < set_count; s++)
        for (uint64_t p = 0; p < cells->sets[s].prompts && room; p++)
            room = choose(answers, cells, s, p);
}

void lt_answers_fini(lt_answers *answers, const lt_cells *cells)
{
    for (size_t s = 0; answers->chosen && s < cells->manifest->n_sets; s++)
        free(answers->chosen[s]);
    free(answers->chosen);
    memset(answers, 0, sizeof *answers);
}

/* ---- writing ---- */

/* The text, cut at a character if it is over the limit, and "cut": its length then. */
static void add_text(lt_buf *out, const char *text, size_t len)
{
    size_t shown = len;
    if (len > LT_ANSWER_BYTES_MAX) {
        shown = LT_ANSWER_BYTES_MAX;
        for (int i = 0; i < 3 && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80; i++)
            shown--;
    }
    lt_json_key(out, "text");
    lt_json_bytes(out, text, shown);
    if (shown < len)
        lt_json_put_uint(out, "cut", len);
}

static void add_row(const lt_cell *cell, size_t slot, lt_buf *out)
{
    if (!cell || cell->states[slot] == LT_SLOT_EMPTY) {
        lt_json_null(out);
        return;
    }
    lt_json_open(out, '{');
    if (cell->states[slot] >= LT_SLOT_FAILED) {
        const Lefttail__FailureReason reason =
            (Lefttail__FailureReason)(cell->states[slot] - LT_SLOT_FAILED);
        lt_json_put_string(out, "f", lt_failure_word(reason));
    } else if (cell->reward) {
        lt_json_key(out, "l");
        lt_json_float(out, cell->logits[slot]);
    } else {
        lt_json_put_string(out, "k", lt_kind_word((lt_kind)cell->kinds[slot]));
        lt_json_key(out, "p");
        lt_json_float(out, cell->refusals[slot]);
    }
    if (cell->states[slot] == LT_SLOT_TRUNCATED)
        lt_json_put_bool(out, "t", true);
    lt_json_close(out, '}');
}

static void add_answer(const lt_cells *cells, uint32_t set, uint64_t prompt,
                       const Lefttail__Response *response, lt_buf *out)
{
    const size_t slot = prompt * cells->sets[set].samples + response->sample;
    lt_json_open(out, '{');
    lt_json_put_uint(out, "v", response->variant);
    lt_json_put_uint(out, "sample", response->sample);
    add_text(out, (const char *)response->text.data, response->text.len);
    if (response->label[0])
        lt_json_put_string(out, "human", response->label);
    lt_json_put_open(out, "rows", '[');
    for (uint32_t s = 0; s < cells->manifest->n_scorers; s++)
        add_row(lt_cells_find(cells, response->variant, set, s), slot, out);
    lt_json_close(out, ']');
    lt_json_close(out, '}');
}

static void add_prompt(const lt_cells *cells, uint32_t set, uint64_t index,
                       const Lefttail__Prompt *prompt, lt_buf *out)
{
    lt_json_newline(out);
    lt_json_open(out, '{');
    lt_json_put_uint(out, "set", set);
    lt_json_put_uint(out, "index", index);
    lt_json_put_string(out, "id", prompt->id);
    lt_json_put_string(out, "category", prompt->category);
    add_text(out, prompt->text, strlen(prompt->text));
    lt_json_put_open(out, "answers", '[');
    for (size_t r = 0; r < prompt->n_responses; r++)
        add_answer(cells, set, index, prompt->responses[r], out);
    lt_json_close(out, ']');
    lt_json_close(out, '}');
}

static lt_status add_pack(const lt_answers *answers, const lt_cells *cells,
                          const lt_report_source *source, uint32_t pack_index, lt_buf *out,
                          lt_error *error)
{
    const Lefttail__PackRef *ref = source->manifest->packs[pack_index];
    const uint8_t *chosen = answers->chosen[ref->set] + ref->first_prompt;
    if (!memchr(chosen, 1, ref->prompts))
        return LT_OK;
    Lefttail__Pack *pack = NULL;
    LT_TRY(source->read_pack(source->context, pack_index, &pack, error));
    for (size_t p = 0; p < pack->n_prompts; p++)
        if (chosen[p])
            add_prompt(cells, ref->set, ref->first_prompt + p, pack->prompts[p], out);
    lefttail__pack__free_unpacked(pack, NULL);
    return LT_OK;
}

lt_status lt_answers_json(const lt_answers *answers, const lt_cells *cells,
                          const lt_report_source *source, lt_buf *out, lt_error *error)
{
    lt_json_open(out, '{');
    lt_json_put_uint(out, "prompts_total", answers->prompt_count);
    lt_json_put_uint(out, "prompts_shown", answers->prompts_chosen);
    lt_json_put_uint(out, "depth", answers->depth);
    lt_json_put_uint(out, "text_bytes_max", LT_ANSWER_BYTES_MAX);
    lt_json_put_open(out, "prompts", '[');
    for (uint32_t p = 0; p < source->manifest->n_packs; p++)
        LT_TRY(add_pack(answers, cells, source, p, out, error));
    lt_json_close(out, ']');
    lt_json_close(out, '}');
    return LT_OK;
}
