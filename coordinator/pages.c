#include "coordinator/pages.h"

#include <string.h>

#include "common/limits.h"
#include "common/manifest.h"
#include "coordinator/shell.h"

enum { ROW_ENVELOPE_BYTES = 48, PAGE_ENVELOPE_BYTES = 4096 };

/* One group while it is read. */
struct collector {
    lt_arena *arena;
    Lefttail__Row **rows;
    size_t count, cap;
    size_t bytes;       /* packed, at most */
    size_t words_bytes; /* of that, details */
};

static bool collect(void *context, const Lefttail__Row *row)
{
    struct collector *collector = context;
    if (collector->count == collector->cap)
        return false; /* more rows than items: the caller looks at cap */
    Lefttail__Row *copy = lt_arena_alloc(collector->arena, sizeof *copy);
    *copy = *row;
    copy->logits.data = (uint8_t *)lt_arena_strndup(
        collector->arena, (const char *)row->logits.data, row->logits.len);
    copy->detail = lt_arena_strdup(collector->arena, row->detail);
    collector->rows[collector->count++] = copy;
    const size_t words = strlen(row->detail);
    collector->words_bytes += words;
    collector->bytes += ROW_ENVELOPE_BYTES + row->logits.len + words;
    return true;
}

/* A group that no frame could hold goes without the words of its failures; lt_loader saw to the
 * rest. */
static void fit_frame(struct collector *collector)
{
    if (collector->bytes <= LT_FRAME_BYTES_MAX - PAGE_ENVELOPE_BYTES)
        return;
    for (size_t i = 0; i < collector->count; i++)
        collector->rows[i]->detail = (char *)"";
    collector->bytes -= collector->words_bytes;
}

static lt_status collect_group(lt_shell *shell, const lt_job_plan *plan, uint32_t p, uint32_t s,
                               struct collector *collector, lt_error *error)
{
    const uint32_t items = plan->manifest->packs[p]->items;
    *collector = (struct collector){.arena = &shell->arena, .cap = items};
    collector->rows = lt_arena_alloc(&shell->arena, items * sizeof(Lefttail__Row *));
    LT_TRY(lt_store_rows(shell->store, plan->class_ids[s], plan->pack_ids[p], 0, collect, collector,
                         error));
    fit_frame(collector);
    return LT_OK;
}

static void add_group(lt_shell *shell, Lefttail__RowsReply *reply, uint32_t p, uint32_t s,
                      const struct collector *collector)
{
    Lefttail__RowGroup *group = lt_arena_alloc(&shell->arena, sizeof *group);
    lefttail__row_group__init(group);
    group->pack_index = p;
    group->scorer_index = s;
    group->rows = collector->rows;
    group->n_rows = collector->count;
    reply->groups[reply->n_groups++] = group;
}

/* At most two ended jobs keep their plans. */
static lt_status ensure_plan(lt_shell *shell, lt_job *job, lt_error *error)
{
    if (job->plan.manifest)
        return LT_OK;
    lt_job *older = shell->plans_read[1];
    shell->plans_read[1] = shell->plans_read[0] == job ? NULL : shell->plans_read[0];
    shell->plans_read[0] = NULL;
    if (older && older != job && older->record.state != LEFTTAIL__JOB_STATE__JOB_RUNNING)
        lt_job_plan_fini(&older->plan);
    LT_TRY(lt_loader_plan(shell, job, error));
    if (job->record.state != LEFTTAIL__JOB_STATE__JOB_RUNNING)
        shell->plans_read[0] = job;
    return LT_OK;
}

/* Moves the cursor to the first (pack, scorer) at or behind it that the job asks for. */
static bool find_group(const Lefttail__Manifest *manifest, uint32_t *p, uint32_t *s)
{
    for (; *p < manifest->n_packs; ++*p, *s = 0)
        for (; *s < manifest->n_scorers; ++*s)
            if (lt_scorer_has_set(manifest->scorers[*s], manifest->packs[*p]->set))
                return true;
    return false;
}

lt_status lt_pages_make(lt_shell *shell, lt_job *job, uint32_t pack_index, uint32_t scorer_index,
                        Lefttail__RowsReply **out, lt_error *error)
{
    LT_TRY(ensure_plan(shell, job, error));
    lt_shell_commit(shell); /* what is shown does not vanish again */
    const lt_job_plan *plan = &job->plan;
    if (!plan->manifest)
        return lt_remedy(error, lt_fail(error, LT_CONFLICT, NULL, "the job has just ended"),
                         "try again");
    Lefttail__RowsReply *reply = lt_arena_alloc(&shell->arena, sizeof *reply);
    lefttail__rows_reply__init(reply);
    reply->groups = lt_arena_alloc(&shell->arena, LT_PAGE_GROUPS_MAX * sizeof *reply->groups);
    size_t bytes = PAGE_ENVELOPE_BYTES;
    uint32_t p = pack_index, s = scorer_index;
    for (int looked = 0; looked < LT_PAGE_GROUPS_MAX && find_group(plan->manifest, &p, &s);
         looked++, s++) {
        struct collector collector;
        LT_TRY(collect_group(shell, plan, p, s, &collector, error));
        if (reply->n_groups > 0 && bytes + collector.bytes > LT_PAGE_BYTES_TARGET)
            break;
        bytes += collector.bytes;
        if (collector.count > 0)
            add_group(shell, reply, p, s, &collector);
    }
    reply->end = !find_group(plan->manifest, &p, &s);
    reply->next_pack_index = p;
    reply->next_scorer_index = s;
    *out = reply;
    return LT_OK;
}
