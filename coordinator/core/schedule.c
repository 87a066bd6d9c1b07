#include "coordinator/core/schedule.h"

#include "coordinator/core/class.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/shard.h"
#include "coordinator/core/worker.h"

static bool lane_serves(lt_core *core, lt_lane *lane, uint32_t worker)
{
    return lane->head != LT_NONE &&
           !lt_class_paused(core, lane->class_id, &core->workers[worker]) &&
           lt_shard_offered(core, lane, worker);
}

/* a / (m + 1) > b / (n + 1), without the division. */
static bool has_more_left(const lt_lane *a, const lt_lane *b)
{
    return a->open * (b->leases + 1) > b->open * (a->leases + 1);
}

static lt_lane *lane_for(lt_core *core, lt_job_state *job, uint32_t worker)
{
    const lt_worker *who = &core->workers[worker];
    lt_lane *best = NULL;
    for (uint32_t i = 0; i < job->lane_count; i++) {
        lt_lane *lane = &job->lanes[i];
        if (!lane_serves(core, lane, worker))
            continue;
        if (who->has_class && who->class_id == lane->class_id)
            return lane;
        if (!best || has_more_left(lane, best))
            best = lane;
    }
    return best;
}

static bool has_turn(const lt_core *core, const lt_job_state *job, const lt_worker *worker)
{
    return worker->job == job->id && core->now_ms - worker->turn_ms < core->options.turn_ms;
}

static bool comes_first(const lt_core *core, const lt_job_state *a, const lt_job_state *b,
                        const lt_worker *worker)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (has_turn(core, a, worker) != has_turn(core, b, worker))
        return has_turn(core, a, worker);
    if (a->leases != b->leases)
        return a->leases < b->leases;
    return a->served < b->served;
}

static bool feed(lt_core *core, uint32_t worker)
{
    lt_job_state *job = NULL;
    lt_lane *lane = NULL;
    for (uint32_t i = 0; i < core->job_count; i++) {
        lt_job_state *candidate = &core->jobs[i];
        if (!candidate->ready ||
            (job && !comes_first(core, candidate, job, &core->workers[worker])))
            continue;
        lt_lane *found = lane_for(core, candidate, worker);
        if (found) {
            job = candidate;
            lane = found;
        }
    }
    if (!job)
        return false;
    if (!has_turn(core, job, &core->workers[worker])) {
        core->workers[worker].job = job->id;
        core->workers[worker].turn_ms = core->now_ms;
        job->served = ++core->turn_sequence;
    }
    lt_lease_grant(core, lt_shard_take(core, lane, worker), worker);
    return true;
}

/* Rows that wait for the disk are what bounds the store's debt: no new work while there are many.
 */
static bool may_lease(const lt_core *core)
{
    return !core->store_blocked && core->inflight.row_count <= core->inflight.row_cap / 2 &&
           core->inflight.count <= LT_BATCHES_INFLIGHT_MAX / 2;
}

void lt_schedule(lt_core *core)
{
    if (!may_lease(core))
        return;
    uint32_t last_miss = LT_NONE; /* the first of the workers in a row that found nothing */
    while (core->queued > 0 && core->hungry_head != LT_NONE && core->hungry_head != last_miss) {
        const uint32_t worker = core->hungry_head;
        if (feed(core, worker))
            last_miss = LT_NONE;
        else if (last_miss == LT_NONE)
            last_miss = worker;
        lt_worker_update(core, worker);
        lt_worker_to_back(core, worker);
    }
}
