#include "coordinator/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "common/manifest.h"
#include "common/row.h"

/* ---- the list -------------------------------------------------------------------------- */

static void job_free(lt_job *job)
{
    lt_fold_fini(&job->fold);
    lt_job_plan_fini(&job->plan);
    lt_events_fini(&job->events);
    lt_buf_fini(&job->status);
    free(job);
}

void lt_jobs_fini(lt_jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++)
        job_free(jobs->list[i]);
    free(jobs->list);
    memset(jobs, 0, sizeof *jobs);
}

uint64_t lt_job_number(const char *id)
{
    return strtoull(id, NULL, 16);
}

lt_job *lt_jobs_add(lt_jobs *jobs, const lt_store_job *record, uint64_t epoch)
{
    lt_job *job = lt_alloc(sizeof *job);
    job->record = *record;
    if (record->status_bytes > 0)
        lt_buf_add(&job->status, record->status, record->status_bytes);
    job->record.status = job->status.data;
    job->number = lt_job_number(record->id);
    lt_events_init(&job->events, epoch);
    if (jobs->count == jobs->cap) {
        jobs->cap = jobs->cap ? jobs->cap * 2 : 16;
        jobs->list = lt_realloc(jobs->list, jobs->cap * sizeof(lt_job *));
    }
    jobs->list[jobs->count++] = job;
    return job;
}

void lt_jobs_remove(lt_jobs *jobs, lt_job *job)
{
    size_t i = 0;
    while (jobs->list[i] != job)
        i++;
    memmove(jobs->list + i, jobs->list + i + 1, (--jobs->count - i) * sizeof *jobs->list);
    job_free(job);
}

lt_job *lt_jobs_by_number(const lt_jobs *jobs, uint64_t number)
{
    for (size_t i = 0; i < jobs->count; i++)
        if (jobs->list[i]->number == number)
            return jobs->list[i];
    return NULL;
}

lt_status lt_jobs_find(const lt_jobs *jobs, const char *id, lt_job **out, lt_error *error)
{
    const size_t len = strlen(id);
    lt_job *found = NULL;
    size_t matches = 0;
    for (size_t i = 0; len > 0 && i < jobs->count; i++) {
        if (strncmp(jobs->list[i]->record.id, id, len) == 0) {
            found = jobs->list[i];
            matches++;
        }
    }
    if (matches > 1)
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, NULL, "%zu jobs begin with '%s'", matches, id),
                           "more digits of the id");
    if (!found)
        return lt_remedy(error, lt_fail(error, LT_NOT_FOUND, NULL, "there is no job '%s'", id),
                         "'lefttail jobs' lists them");
    *out = found;
    return LT_OK;
}

/* ---- plans ------------------------------------------------------------------------------- */

void lt_job_plan_fini(lt_job_plan *plan)
{
    if (plan->manifest)
        lefttail__manifest__free_unpacked(plan->manifest, NULL);
    free(plan->class_ids);
    free(plan->pack_ids);
    free(plan->next_twin);
    free(plan->variants);
    free(plan->first_item);
    lt_table_fini(&plan->first_of_pack);
    memset(plan, 0, sizeof *plan);
}

/* Chains packs of the same content: a set may repeat another's prompts and answers. */
static void chain_twins(lt_job_plan *plan)
{
    for (size_t i = plan->manifest->n_packs; i-- > 0;) {
        const uint32_t *later = lt_table_find(&plan->first_of_pack, plan->pack_ids[i]);
        plan->next_twin[i] = later ? (uint32_t)(later - plan->next_twin) + 1 : 0;
        lt_table_put(&plan->first_of_pack, plan->pack_ids[i], &plan->next_twin[i]);
    }
}

lt_status lt_job_plan_init(lt_job_plan *plan, lt_store *store, Lefttail__Manifest *manifest,
                           uint64_t manifest_bytes, lt_error *error)
{
    plan->manifest = manifest;
    plan->manifest_bytes = manifest_bytes;
    plan->class_ids = lt_alloc(manifest->n_scorers * sizeof(uint32_t));
    plan->pack_ids = lt_alloc(manifest->n_packs * sizeof(uint32_t));
    plan->next_twin = lt_alloc(manifest->n_packs * sizeof(uint32_t));
    plan->first_item = lt_alloc((manifest->n_packs + 1) * sizeof(uint64_t));
    for (size_t s = 0; s < manifest->n_scorers; s++) {
        const lt_digest class = lt_spec_class(manifest->scorers[s]->spec);
        LT_TRY(lt_store_class_id(store, &class, &plan->class_ids[s], error));
    }
    for (size_t p = 0; p < manifest->n_packs; p++) {
        lt_digest digest;
        const Lefttail__PackRef *pack = manifest->packs[p];
        if (!lt_digest_from_bytes(pack->digest.data, pack->digest.len, &digest))
            return lt_fail(error, LT_PROTOCOL, "manifest.packs", "pack %zu has no digest", p);
        LT_TRY(lt_store_pack_id(store, &digest, pack->items, &plan->pack_ids[p], error));
        plan->first_item[p + 1] = plan->first_item[p] + pack->items;
    }
    chain_twins(plan);
    return LT_OK;
}

/* ---- rows -------------------------------------------------------------------------------- */

void lt_job_fold(lt_job *job, uint32_t scorer_index, uint32_t pack_index, const Lefttail__Row *row)
{
    const Lefttail__PackRef *pack = job->plan.manifest->packs[pack_index];
    if (row->item >= pack->items)
        return;
    const uint16_t variant = job->plan.variants[job->plan.first_item[pack_index] + row->item];
    lt_fold_add(&job->fold, variant, pack->set, scorer_index, row);
    job->tokens_done += row->tokens;
}

static void fold_into(lt_job *job, uint32_t class_id, uint32_t pack_id, const Lefttail__Row *row)
{
    const lt_job_plan *plan = &job->plan;
    const uint32_t *twin = lt_table_find(&plan->first_of_pack, pack_id);
    for (uint32_t at = twin ? (uint32_t)(twin - plan->next_twin) + 1 : 0; at != 0;
         at = plan->next_twin[at - 1]) {
        const uint32_t pack_index = at - 1;
        if (pack_index >= job->packs_loaded)
            continue;
        for (uint32_t s = 0; s < plan->manifest->n_scorers; s++)
            if (plan->class_ids[s] == class_id &&
                lt_scorer_has_set(plan->manifest->scorers[s],
                                  plan->manifest->packs[pack_index]->set))
                lt_job_fold(job, s, pack_index, row);
    }
}

static bool is_running(const lt_job *job)
{
    return job->plan.variants && job->record.state == LEFTTAIL__JOB_STATE__JOB_RUNNING;
}

void lt_jobs_fold(lt_jobs *jobs, uint32_t class_id, uint32_t pack_id, const Lefttail__Row *row)
{
    for (size_t i = 0; i < jobs->count; i++)
        if (is_running(jobs->list[i]))
            fold_into(jobs->list[i], class_id, pack_id, row);
}

uint32_t lt_jobs_label_count(const lt_jobs *jobs, uint32_t class_id)
{
    for (size_t i = jobs->count; i-- > 0;) {
        const lt_job_plan *plan = &jobs->list[i]->plan;
        for (size_t s = 0; plan->manifest && s < plan->manifest->n_scorers; s++)
            if (plan->class_ids[s] == class_id)
                return (uint32_t)plan->manifest->scorers[s]->n_labels;
    }
    return 0;
}
