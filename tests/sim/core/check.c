/* What must hold: the core's books against a naive count, and against the world. */
#include "tests/sim/core/world.h"

#include <string.h>

#include "coordinator/core/class.h"
#include "coordinator/core/shard.h"
#include "coordinator/core/state.h"
#include "coordinator/core/unit.h"

/* ---- units and shards ---- */

static void check_shard(sim_world *sim, const lt_unit *unit, uint32_t index)
{
    const lt_core *core = sim->core;
    const lt_shard *shard = &core->shards[index];
    const bool owner_ready = core->jobs[unit->ref_job].ready;
    switch ((lt_shard_state)shard->state) {
    case LT_SHARD_IDLE:
        if (shard->open > 0 && shard->pending == 0 && owner_ready)
            sim_trouble(sim, "shard %u has open items and waits nowhere", index);
        break;
    case LT_SHARD_LEASED:
        if (shard->lease == LT_NONE || core->leases[shard->lease].shard != index)
            sim_trouble(sim, "shard %u is leased to nobody", index);
        if (shard->open + shard->pending == 0)
            sim_trouble(sim, "shard %u is leased and done", index);
        break;
    case LT_SHARD_QUEUED:
    case LT_SHARD_CONDEMNED:
        break;
    }
    if (shard->state != LT_SHARD_LEASED && shard->lease != LT_NONE)
        sim_trouble(sim, "shard %u has a lease in state %d", index, shard->state);
    if (shard->state == LT_SHARD_CONDEMNED && shard->doom == 0)
        sim_trouble(sim, "shard %u is condemned for nothing", index);
}

/* Counts a unit's items by their planes and its shards by their items, and holds them against the
 * disk. */
static void check_unit(sim_world *sim, uint32_t index, uint32_t *pending, uint32_t *queued)
{
    const lt_core *core = sim->core;
    const lt_unit *unit = &core->units[index];
    const sim_unit *world = sim_unit_of(sim, unit->class_id, unit->pack_id);
    uint32_t next = 0;
    for (uint32_t s = unit->shards; s != LT_NONE; s = core->shards[s].next_of_unit) {
        const lt_shard *shard = &core->shards[s];
        uint32_t open = 0, waiting = 0;
        if (shard->first != next || shard->unit != index || shard->count == 0)
            sim_trouble(sim, "shards of unit %u do not cover it", index);
        next += shard->count;
        for (uint32_t i = shard->first; i < shard->first + shard->count; i++) {
            const bool is_pending = lt_unit_has(unit, LT_PLANE_PENDING, i),
                       is_recorded = lt_unit_has(unit, LT_PLANE_RECORDED, i);
            open += !is_pending && !is_recorded;
            waiting += is_pending;
            if ((is_pending && is_recorded) || is_pending != (world->put[i] != SIM_NO_ROW) ||
                is_recorded != (world->durable[i] != SIM_NO_ROW))
                sim_trouble(sim, "item %u of pack %u: pending %d, recorded %d; put %d, durable %d",
                            i, unit->pack_id, is_pending, is_recorded, world->put[i],
                            world->durable[i]);
            if (lt_unit_has(unit, LT_PLANE_FAILED, i) !=
                (is_recorded && world->durable[i] > SIM_ROW_SCORED))
                sim_trouble(sim, "item %u of pack %u: failed or not?", i, unit->pack_id);
        }
        if (open != shard->open || waiting != shard->pending)
            sim_trouble(sim, "shard %u counts %u open and %u pending; there are %u and %u", s,
                        shard->open, shard->pending, open, waiting);
        *pending += waiting;
        *queued += shard->state == LT_SHARD_QUEUED;
        check_shard(sim, unit, s);
    }
    if (next != unit->items)
        sim_trouble(sim, "shards of unit %u end at %u of %u", index, next, unit->items);
}

/* ---- jobs ---- */

static void check_lane(sim_world *sim, uint32_t job, uint32_t index, uint32_t *queued)
{
    const lt_core *core = sim->core;
    const lt_lane *lane = &core->jobs[job].lanes[index];
    uint64_t open = 0;
    uint32_t leases = 0;
    for (uint32_t u = 0; u < core->unit_count; u++) {
        const lt_unit *unit = &core->units[u];
        if (unit->items == 0 || unit->ref_job != job || unit->lane != index)
            continue;
        for (uint32_t s = unit->shards; s != LT_NONE; s = core->shards[s].next_of_unit) {
            open += core->shards[s].open;
            leases += core->shards[s].state == LT_SHARD_LEASED;
        }
    }
    if (open != lane->open || leases != lane->leases)
        sim_trouble(sim, "a lane counts %llu open items and %u leases; there are %llu and %u",
                    (unsigned long long)lane->open, lane->leases, (unsigned long long)open, leases);
    uint32_t last = LT_NONE;
    for (uint32_t s = lane->head; s != LT_NONE; last = s, s = core->shards[s].next_queued) {
        ++*queued;
        if (core->shards[s].state != LT_SHARD_QUEUED ||
            core->units[core->shards[s].unit].ref_job != job || *queued > core->shard_count) {
            sim_trouble(sim, "shard %u stands in a lane and is in state %d", s,
                        core->shards[s].state);
            return;
        }
    }
    if (last != lane->tail)
        sim_trouble(sim, "a lane's tail is not its last");
}

static void check_job(sim_world *sim, uint32_t index)
{
    const lt_job_state *job = &sim->core->jobs[index];
    uint64_t scored = 0, failed = 0, expected = 0;
    for (uint32_t r = 0; r < job->ref_count; r++) {
        const lt_unit *unit = &sim->core->units[job->refs[r].unit];
        const uint32_t lost = lt_unit_count(unit, LT_PLANE_FAILED, 0, unit->items);
        expected += unit->items;
        failed += lost;
        scored += lt_unit_count(unit, LT_PLANE_RECORDED, 0, unit->items) - lost;
    }
    if (expected != job->expected ||
        (job->ready && (scored != job->scored || failed != job->failed)))
        sim_trouble(sim, "job %llu counts %llu scored and %llu failed; there are %llu and %llu",
                    (unsigned long long)job->id, (unsigned long long)job->scored,
                    (unsigned long long)job->failed, (unsigned long long)scored,
                    (unsigned long long)failed);
}

/* ---- workers ---- */

static void check_worker(sim_world *sim, uint32_t index, uint32_t *leases)
{
    const lt_core *core = sim->core;
    const lt_worker *worker = &core->workers[index];
    uint32_t count = 0;
    uint64_t before = 0;
    for (uint32_t l = worker->leases; l != LT_NONE; l = core->leases[l].next_of_worker) {
        const lt_lease *lease = &core->leases[l];
        if (!lease->used || lease->worker != index || core->shards[lease->shard].lease != l ||
            lease->id <= before)
            sim_trouble(sim, "lease %u of worker %u is not its own", l, index);
        before = lease->id;
        count++;
    }
    if (count != worker->lease_count)
        sim_trouble(sim, "worker %u counts %u leases of %u", index, worker->lease_count, count);
    const bool hungry = !worker->away && count < worker->credits;
    if (hungry != worker->hungry)
        sim_trouble(sim, "worker %u is %shungry", index, hungry ? "not " : "");
    *leases += count;
}

/* Nobody is idle while there is a shard for him. */
static void check_work_conserved(sim_world *sim)
{
    lt_core *core = sim->core;
    if (core->store_blocked || core->inflight.row_count > core->inflight.row_cap / 2)
        return;
    for (uint32_t w = core->hungry_head; w != LT_NONE; w = core->workers[w].hungry_next)
        for (uint32_t j = 0; j < core->job_count; j++)
            for (uint32_t l = 0; core->jobs[j].ready && l < core->jobs[j].lane_count; l++) {
                const lt_lane *lane = &core->jobs[j].lanes[l];
                if (lt_class_paused(core, lane->class_id, &core->workers[w]))
                    continue;
                for (uint32_t s = lane->head; s != LT_NONE; s = core->shards[s].next_queued) {
                    const lt_shard *shard = &core->shards[s];
                    const bool shy = shard->blamed == core->workers[w].id &&
                                     core->now_ms < shard->avoid_until_ms &&
                                     core->workers_present > 1;
                    if (shard->open > 0 && shard->pending == 0 && !shy)
                        sim_trouble(sim, "worker %u is idle and shard %u waits", w, s);
                }
            }
}

/* Deadlines: somebody must wake for each of them. */
static void check_due(sim_world *sim)
{
    const lt_core *core = sim->core;
    const uint64_t due_ms = lt_core_next_due_ms(core);
    if (due_ms > core->now_ms + 1000)
        sim_trouble(sim, "the next tick is too late");
    for (uint32_t w = 0; w < core->worker_count; w++)
        if (core->workers[w].used &&
            core->workers[w].seen_ms + core->options.worker_timeout_ms < core->due_ms)
            sim_trouble(sim, "worker %u would be lost and nobody would see it", w);
}

void sim_check(sim_world *sim)
{
    lt_core *core = sim->core;
    uint32_t pending = 0, queued = 0, in_lanes = 0, leases = 0;
    sim->checks++;
    for (uint32_t u = 0; u < core->unit_count; u++)
        if (core->units[u].items > 0)
            check_unit(sim, u, &pending, &queued);
    for (uint32_t j = 0; j < core->job_count; j++) {
        if (!core->jobs[j].used)
            continue;
        check_job(sim, j);
        for (uint32_t l = 0; l < core->jobs[j].lane_count; l++)
            check_lane(sim, j, l, &in_lanes);
    }
    for (uint32_t w = 0; w < core->worker_count; w++)
        if (core->workers[w].used)
            check_worker(sim, w, &leases);
    if (queued != core->queued || in_lanes != queued)
        sim_trouble(sim, "%u shards are queued, %u stand in lanes, %u are counted", queued,
                    in_lanes, core->queued);
    if (leases != core->leases_active || leases != core->lease_map.count)
        sim_trouble(sim, "%u leases, %u counted", leases, core->leases_active);
    if (pending > core->inflight.row_count || core->inflight.count > LT_BATCHES_INFLIGHT_MAX)
        sim_trouble(sim, "%u rows are pending, %u in flight", pending, core->inflight.row_count);
    check_work_conserved(sim);
    check_due(sim);
}

/* ---- the end ---- */

bool sim_at_rest(const sim_world *sim)
{
    if (!sim->calm || !sim->core || sim->core->inflight.count > 0)
        return false;
    for (uint32_t j = 0; j < sim->options.jobs; j++)
        if (sim->jobs[j].state == SIM_JOB_WAITS || sim->jobs[j].state == SIM_JOB_RUNS)
            return false;
    for (uint32_t w = 0; w < sim->options.workers; w++)
        if (!sim->workers[w].welcome || sim->workers[w].lease_count > 0 || sim->workers[w].spool)
            return false;
    return true;
}

/* Every item of a job that is done has the one outcome that it must have. */
static void check_outcome(sim_world *sim, const sim_unit *unit, uint32_t item)
{
    const sim_row row = unit->durable[item];
    const bool hopeless =
        unit->truth[item] == SIM_KILLS || unit->truth[item] == SIM_HANGS ||
        (unit->class_id == 1 && (sim->options.broken_everywhere || sim->options.broken_worker > 0));
    if (row == SIM_ROW_GIVEN_UP && !hopeless)
        sim_trouble(sim,
                    "item %u of pack %u was given up for reason %u, and nothing is wrong with it",
                    item, unit->pack_id, unit->reason[item]);
    else if (row == SIM_ROW_SCORED && unit->truth[item] != SIM_SCORES)
        sim_trouble(sim, "item %u of pack %u is scored and cannot be", item, unit->pack_id);
    else if (row == SIM_ROW_FAILED && unit->truth[item] != SIM_FAILS)
        sim_trouble(sim, "item %u of pack %u has failed and should not", item, unit->pack_id);
}

void sim_check_end(sim_world *sim)
{
    const lt_core *core = sim->core;
    uint32_t killers = 0;
    if (core->leases_active > 0 || core->unit_map.count > 0 || core->job_map.count > 0 ||
        core->queued > 0)
        sim_trouble(sim, "%u leases, %zu units, %zu jobs are left over", core->leases_active,
                    core->unit_map.count, core->job_map.count);
    for (uint32_t u = 0; u < sim->unit_count; u++)
        for (uint32_t i = 0; i < sim->units[u].items; i++) {
            check_outcome(sim, &sim->units[u], i);
            killers += sim->units[u].truth[i] == SIM_KILLS;
        }
    const sim_faults *faults = &sim->faults;
    const bool quiet = faults->connection_reset + faults->coordinator_crashed +
                           faults->worker_crashed + faults->job_cancelled ==
                       0;
    const uint64_t most = killers * (2 * core->options.attempts_max + 16);
    if (quiet && faults->engine_died > most)
        sim_trouble(sim, "%u poisons killed %llu engines; %llu would do", killers,
                    (unsigned long long)faults->engine_died, (unsigned long long)most);
}
