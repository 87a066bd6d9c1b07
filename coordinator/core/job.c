#include "coordinator/core/job.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/limits.h"
#include "coordinator/core/class.h"
#include "coordinator/core/inflight.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/shard.h"
#include "coordinator/core/unit.h"

uint32_t lt_job_find(const lt_core *core, uint64_t id)
{
    return lt_map_get(&core->job_map, id);
}

/* ---- adding ---- */

static lt_status check_units(const lt_core *core, const lt_core_unit *units, size_t count,
                             lt_error *error)
{
    if (count >= LT_NONE)
        return lt_fail(error, LT_LIMIT, "job", "has %zu units", count);
    for (size_t i = 0; i < count; i++) {
        const uint32_t known = lt_unit_find(core, units[i].class_id, units[i].pack_id);
        if (units[i].items == 0 || units[i].items > LT_PACK_ITEMS_MAX)
            return lt_fail(error, LT_LIMIT, "job", "unit %zu has %u items; 1 to %u are allowed", i,
                           units[i].items, LT_PACK_ITEMS_MAX);
        if (known != LT_NONE && core->units[known].items != units[i].items)
            return lt_fail(error, LT_LIMIT, "job", "unit %zu has %u items; another job says %u", i,
                           units[i].items, core->units[known].items);
    }
    return LT_OK;
}

static uint32_t lane_for(lt_job_state *job, uint32_t class_id)
{
    for (uint32_t i = 0; i < job->lane_count; i++)
        if (job->lanes[i].class_id == class_id)
            return i;
    job->lanes = lt_realloc(job->lanes, (job->lane_count + 1) * sizeof *job->lanes);
    job->lanes[job->lane_count] = (lt_lane){.class_id = class_id, .head = LT_NONE, .tail = LT_NONE};
    return job->lane_count++;
}

static uint32_t open_items(const lt_core *core, uint32_t unit)
{
    uint32_t open = 0;
    for (uint32_t shard = core->units[unit].shards; shard != LT_NONE;
         shard = core->shards[shard].next_of_unit)
        open += core->shards[shard].open;
    return open;
}

/* Behind the refs that the unit has; the first one owns it. */
static void append_ref(lt_core *core, uint32_t job_index, uint32_t ref_index)
{
    lt_job_state *job = &core->jobs[job_index];
    lt_unit *unit = &core->units[job->refs[ref_index].unit];
    uint32_t *next_job = &unit->ref_job, *next_ref = &unit->ref;
    if (unit->ref_job == LT_NONE) {
        unit->lane = lane_for(job, unit->class_id);
        job->lanes[unit->lane].open += open_items(core, job->refs[ref_index].unit);
    }
    while (*next_job != LT_NONE) {
        lt_ref *ref = &core->jobs[*next_job].refs[*next_ref];
        next_job = &ref->next_job;
        next_ref = &ref->next_ref;
    }
    *next_job = job_index;
    *next_ref = ref_index;
}

static uint32_t new_job(lt_core *core, uint64_t id)
{
    uint32_t index = core->job_free;
    if (index != LT_NONE) {
        core->job_free = core->jobs[index].next_free;
    } else {
        core->jobs = lt_core_grow(core->jobs, core->job_count, &core->job_cap, sizeof *core->jobs);
        index = core->job_count++;
    }
    core->jobs[index] = (lt_job_state){.used = true, .id = id};
    lt_map_put(&core->job_map, id, index);
    return index;
}

lt_status lt_core_add_job(lt_core *core, uint64_t id, int32_t priority, const lt_core_unit *units,
                          size_t unit_count, lt_error *error)
{
    if (lt_job_find(core, id) != LT_NONE)
        return lt_fail(error, LT_CONFLICT, "job", "%016llx is here already",
                       (unsigned long long)id);
    LT_TRY(check_units(core, units, unit_count, error));
    const uint32_t index = new_job(core, id);
    lt_job_state *job = &core->jobs[index];
    job->priority = priority;
    job->refs = lt_alloc((unit_count + 1) * sizeof *job->refs);
    lt_map_reserve(&core->unit_map, core->unit_map.count + unit_count);
    for (size_t i = 0; i < unit_count; i++) {
        uint32_t unit = lt_unit_find(core, units[i].class_id, units[i].pack_id);
        if (unit == LT_NONE) {
            unit = lt_unit_add(core, &units[i]);
            lt_class_hold(core, units[i].class_id);
        }
        job->refs[i] = (lt_ref){.unit = unit,
                                .scorer_index = units[i].scorer_index,
                                .pack_index = units[i].pack_index,
                                .next_job = LT_NONE,
                                .next_ref = LT_NONE};
        job->ref_count++;
        job->expected += units[i].items;
        append_ref(core, index, (uint32_t)i);
    }
    return LT_OK;
}

bool lt_core_add_row(lt_core *core, uint32_t class_id, uint32_t pack_id, uint32_t item, bool failed)
{
    const uint32_t unit = lt_unit_find(core, class_id, pack_id);
    if (unit == LT_NONE || item >= core->units[unit].items)
        return false;
    /* What is at work already comes by its own way; to the store it will be a row that it has. */
    if (lt_unit_open(&core->units[unit], item) &&
        core->shards[lt_unit_shard(core, unit, item)].state != LT_SHARD_LEASED)
        lt_unit_record(core, unit, item, failed);
    if (!failed)
        lt_class_worked(core, class_id, LT_NONE);
    return true;
}

void lt_job_ready(lt_core *core, uint32_t index)
{
    lt_job_state *job = &core->jobs[index];
    if (job->ready)
        return;
    job->ready = true;
    for (uint32_t i = 0; i < job->ref_count; i++) {
        const lt_unit *unit = &core->units[job->refs[i].unit];
        const uint32_t failed = lt_unit_count(unit, LT_PLANE_FAILED, 0, unit->items);
        job->failed += failed;
        job->scored += lt_unit_count(unit, LT_PLANE_RECORDED, 0, unit->items) - failed;
        if (unit->ref_job == index)
            for (uint32_t shard = unit->shards; shard != LT_NONE;
                 shard = core->shards[shard].next_of_unit)
                lt_shard_settle(core, shard, false);
    }
    job->known = job->scored + job->failed;
}

/* ---- ending ---- */

static void unlink_ref(lt_core *core, uint32_t job, uint32_t ref_index)
{
    const lt_ref *gone = &core->jobs[job].refs[ref_index];
    lt_unit *unit = &core->units[gone->unit];
    uint32_t *next_job = &unit->ref_job, *next_ref = &unit->ref;
    while (*next_job != job || *next_ref != ref_index) {
        lt_ref *ref = &core->jobs[*next_job].refs[*next_ref];
        next_job = &ref->next_job;
        next_ref = &ref->next_ref;
    }
    *next_job = gone->next_job;
    *next_ref = gone->next_ref;
}

/* The unit's next ref owns it now: its shards wait in that job's lane. */
static void hand_over(lt_core *core, uint32_t index)
{
    lt_unit *unit = &core->units[index];
    lt_job_state *owner = &core->jobs[unit->ref_job];
    unit->lane = lane_for(owner, unit->class_id);
    owner->lanes[unit->lane].open += open_items(core, index);
    for (uint32_t i = unit->shards; i != LT_NONE; i = core->shards[i].next_of_unit) {
        lt_shard *shard = &core->shards[i];
        if (shard->state == LT_SHARD_LEASED) {
            owner->leases++;
            owner->lanes[unit->lane].leases++;
        } else if (shard->state == LT_SHARD_QUEUED) {
            shard->state = LT_SHARD_IDLE;
            core->queued--;
        }
        lt_shard_settle(core, i, false);
    }
}

static void revoke_all(lt_core *core, uint32_t unit)
{
    for (uint32_t i = core->units[unit].shards; i != LT_NONE; i = core->shards[i].next_of_unit) {
        const uint32_t index = core->shards[i].lease;
        if (index == LT_NONE)
            continue;
        const lt_lease *lease = &core->leases[index];
        lt_lease_revoke(core, core->workers[lease->worker].id, lease->id, lease->epoch,
                        LT_REVOKE_CANCELLED);
        lt_lease_end(core, index);
    }
}

static void release_unit(lt_core *core, uint32_t job, uint32_t ref)
{
    const uint32_t index = core->jobs[job].refs[ref].unit;
    lt_unit *unit = &core->units[index];
    const bool owned = unit->ref_job == job;
    const bool last = core->units[index].ref_job == job && unit->ref == ref &&
                      core->jobs[job].refs[ref].next_job == LT_NONE;
    if (last) {
        revoke_all(core, index);
        lt_class_release(core, unit->class_id);
        lt_unit_remove(core, index);
        return;
    }
    unlink_ref(core, job, ref);
    if (owned && unit->ref_job != job)
        hand_over(core, index);
}

static void forget(lt_core *core, uint32_t index)
{
    lt_job_state *job = &core->jobs[index];
    job->ready = false;
    lt_shard_spare_job(core, index);
    for (uint32_t i = 0; i < job->ref_count; i++)
        release_unit(core, index, i);
    lt_inflight_forget_units(core);
    lt_map_remove(&core->job_map, job->id);
    free(job->refs);
    free(job->lanes);
    *job = (lt_job_state){.next_free = core->job_free};
    core->job_free = index;
}

void lt_job_facts(const lt_core *core, const lt_job_state *job, lt_core_job_facts *facts)
{
    const double rate = lt_rate_per_second(&job->rate, core->now_ms);
    const uint64_t left = job->expected - job->scored - job->failed;
    *facts = (lt_core_job_facts){.rows_expected = job->expected,
                                 .rows_scored = job->scored,
                                 .rows_failed = job->failed,
                                 .rows_known = job->known,
                                 .rows_per_second = rate,
                                 .seconds_left = left == 0  ? 0
                                                 : rate > 0 ? (double)left / rate
                                                            : -1,
                                 .leases_active = job->leases,
                                 .retries = job->retries,
                                 .duplicates = job->duplicates,
                                 .expired = job->expired};
}

static void end(lt_core *core, uint32_t index, lt_action_kind kind)
{
    const uint64_t id = core->jobs[index].id;
    lt_core_job_facts facts;
    lt_job_facts(core, &core->jobs[index], &facts);
    forget(core, index); /* revokes come before the job's end */
    lt_action *action = lt_core_act(core, kind, 0);
    action->job.id = id;
    action->job.facts = facts;
    action->job.facts.leases_active = 0;
}

void lt_job_cancel(lt_core *core, uint32_t index)
{
    core->counters.jobs_cancelled++;
    end(core, index, LT_ACTION_JOB_CANCELLED);
}

void lt_job_finish_all(lt_core *core)
{
    for (uint32_t i = 0; i < core->job_count; i++) {
        const lt_job_state *job = &core->jobs[i];
        if (!job->used || !job->ready || job->scored + job->failed < job->expected)
            continue;
        core->counters.jobs_done++;
        end(core, i, LT_ACTION_JOB_DONE);
    }
}
