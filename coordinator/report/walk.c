#include "coordinator/report/walk.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/manifest.h"
#include "common/row.h"

struct walk {
    const lt_report_source *source;
    lt_walk_visit visit;
    void *context;
    Lefttail__RowGroup *ahead; /* read, and not yet of a pack that was reached */
    bool ended;
    /* Of the pack in work: */
    Lefttail__RowGroup **groups; /* [group_count] owned */
    size_t group_count, group_room;
    const Lefttail__Row **rows; /* [scorers * items] scorer-major, into the groups */
};

static void free_group(Lefttail__RowGroup *group)
{
    if (group)
        lefttail__row_group__free_unpacked(group, NULL);
}

static void end_pack(struct walk *walk)
{
    for (size_t i = 0; i < walk->group_count; i++)
        free_group(walk->groups[i]);
    walk->group_count = 0;
    free(walk->rows);
    walk->rows = NULL;
}

static lt_status check_group(const struct walk *walk, const Lefttail__RowGroup *group,
                             lt_error *error)
{
    const Lefttail__Manifest *manifest = walk->source->manifest;
    if (group->pack_index >= manifest->n_packs || group->scorer_index >= manifest->n_scorers)
        return lt_fail(error, LT_PROTOCOL, "rows",
                       "a group of pack %u and scorer %u, which the job lacks", group->pack_index,
                       group->scorer_index);
    const Lefttail__Scorer *scorer = manifest->scorers[group->scorer_index];
    const uint32_t set = manifest->packs[group->pack_index]->set;
    if (!lt_scorer_has_set(scorer, set))
        return lt_fail(error, LT_PROTOCOL, "rows",
                       "scorer '%s' has rows of set '%s', which is not its own", scorer->name,
                       manifest->sets[set]->name);
    return LT_OK;
}

static lt_status read_ahead(struct walk *walk, lt_error *error)
{
    if (walk->ahead || walk->ended)
        return LT_OK;
    LT_TRY(walk->source->next_group(walk->source->context, &walk->ahead, error));
    if (walk->ahead)
        return check_group(walk, walk->ahead, error);
    walk->ended = true;
    return LT_OK;
}

static lt_status place_rows(struct walk *walk, const Lefttail__RowGroup *group, uint32_t item_count,
                            lt_error *error)
{
    const Lefttail__Scorer *scorer = walk->source->manifest->scorers[group->scorer_index];
    const Lefttail__Row **rows = walk->rows + (size_t)group->scorer_index * item_count;
    char where[160];
    snprintf(where, sizeof where, "rows of pack %u, scorer %s", group->pack_index, scorer->name);
    for (size_t i = 0; i < group->n_rows; i++) {
        const Lefttail__Row *row = group->rows[i];
        if (row->item >= item_count)
            return lt_fail(error, LT_PROTOCOL, where, "item %u of %u", row->item, item_count);
        if (rows[row->item] || (i > 0 && row->item <= group->rows[i - 1]->item))
            return lt_fail(error, LT_PROTOCOL, where, "item %u is there twice or out of order",
                           row->item);
        LT_TRY(lt_row_check(row, (uint32_t)scorer->n_labels, error));
        rows[row->item] = row;
    }
    return LT_OK;
}

static void keep_group(struct walk *walk)
{
    if (walk->group_count == walk->group_room) {
        walk->group_room = walk->group_room * 2 + 8;
        walk->groups = lt_realloc(walk->groups, walk->group_room * sizeof *walk->groups);
    }
    walk->groups[walk->group_count++] = walk->ahead;
    walk->ahead = NULL;
}

/* Takes the groups of `pack` from the source. */
static lt_status collect(struct walk *walk, uint32_t pack, uint32_t item_count, lt_error *error)
{
    walk->rows =
        lt_alloc(walk->source->manifest->n_scorers * (size_t)item_count * sizeof *walk->rows);
    uint32_t scorer = 0;
    for (;;) {
        LT_TRY(read_ahead(walk, error));
        if (!walk->ahead || walk->ahead->pack_index > pack)
            return LT_OK;
        if (walk->ahead->pack_index < pack || walk->ahead->scorer_index < scorer)
            return lt_fail(error, LT_PROTOCOL, "rows",
                           "the group of pack %u, scorer %u comes too late",
                           walk->ahead->pack_index, walk->ahead->scorer_index);
        scorer = walk->ahead->scorer_index;
        LT_TRY(place_rows(walk, walk->ahead, item_count, error));
        keep_group(walk);
    }
}

static lt_status visit_items(struct walk *walk, uint32_t pack_index, const Lefttail__Pack *pack,
                             uint32_t item_count, lt_error *error)
{
    const Lefttail__Manifest *manifest = walk->source->manifest;
    const Lefttail__PackRef *ref = manifest->packs[pack_index];
    const Lefttail__Row **rows = lt_alloc(manifest->n_scorers * sizeof *rows);
    lt_walk_item item = {.pack = pack_index, .set = ref->set, .rows = rows};
    lt_status status = LT_OK;
    uint32_t index = 0;
    for (size_t p = 0; p < pack->n_prompts && status == LT_OK; p++) {
        item.prompt = pack->prompts[p];
        item.prompt_index = ref->first_prompt + p;
        for (size_t r = 0; r < item.prompt->n_responses && status == LT_OK; r++, index++) {
            item.response = item.prompt->responses[r];
            for (size_t s = 0; s < manifest->n_scorers; s++)
                rows[s] = walk->rows[s * item_count + index];
            status = walk->visit(walk->context, &item, error);
        }
    }
    free(rows);
    return status;
}

static lt_status walk_pack(struct walk *walk, uint32_t pack_index, lt_error *error)
{
    const uint32_t item_count = walk->source->manifest->packs[pack_index]->items;
    Lefttail__Pack *pack = NULL;
    lt_status status = walk->source->read_pack(walk->source->context, pack_index, &pack, error);
    if (status == LT_OK)
        status = collect(walk, pack_index, item_count, error);
    if (status == LT_OK)
        status = visit_items(walk, pack_index, pack, item_count, error);
    end_pack(walk);
    if (pack)
        lefttail__pack__free_unpacked(pack, NULL);
    return status;
}

lt_status lt_walk(const lt_report_source *source, lt_walk_visit visit, void *context,
                  lt_error *error)
{
    struct walk walk = {.source = source, .visit = visit, .context = context};
    lt_status status = LT_OK;
    for (uint32_t p = 0; p < source->manifest->n_packs && status == LT_OK; p++)
        status = walk_pack(&walk, p, error);
    if (status == LT_OK)
        status = read_ahead(&walk, error);
    if (status == LT_OK && walk.ahead)
        status = lt_fail(error, LT_PROTOCOL, "rows", "the group of pack %u comes too late",
                         walk.ahead->pack_index);
    free_group(walk.ahead);
    free(walk.groups);
    return status;
}
