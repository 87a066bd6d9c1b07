#include "coordinator/core/lease.h"

#include "coordinator/core/class.h"
#include "coordinator/core/shard.h"
#include "coordinator/core/unit.h"
#include "coordinator/core/worker.h"

uint32_t lt_lease_find(const lt_core *core, uint64_t id, uint32_t epoch, uint32_t worker)
{
    const uint32_t index = lt_map_get(&core->lease_map, id);
    if (index == LT_NONE)
        return LT_NONE;
    const lt_lease *lease = &core->leases[index];
    return lease->epoch == epoch && (worker == LT_NONE || lease->worker == worker) ? index
                                                                                   : LT_NONE;
}

static uint32_t new_lease(lt_core *core)
{
    uint32_t index = core->lease_free;
    if (index != LT_NONE) {
        core->lease_free = core->leases[index].next_of_worker;
        return index;
    }
    core->leases =
        lt_core_grow(core->leases, core->lease_count, &core->lease_cap, sizeof *core->leases);
    return core->lease_count++;
}

/* Time to fetch and load a checkpoint is on top, until this lease has shown progress. */
static uint64_t deadline(const lt_core *core, const lt_lease *lease)
{
    return core->now_ms + core->options.lease_ms + (lease->loading ? core->options.load_ms : 0);
}

/* A worker's leases are in the order in which they were given. */
static void append(lt_core *core, lt_worker *worker, uint32_t index)
{
    uint32_t *link = &worker->leases;
    while (*link != LT_NONE)
        link = &core->leases[*link].next_of_worker;
    *link = index;
}

void lt_lease_grant(lt_core *core, uint32_t shard_index, uint32_t worker_index)
{
    const uint32_t index = new_lease(core);
    lt_shard *shard = &core->shards[shard_index];
    lt_worker *worker = &core->workers[worker_index];
    const uint32_t class_id = core->units[shard->unit].class_id;
    LT_ASSERT(shard->state == LT_SHARD_IDLE && shard->open > 0 && shard->pending == 0);
    shard->state = LT_SHARD_LEASED;
    shard->epoch++;
    shard->lease = index;
    core->leases[index] = (lt_lease){.used = true,
                                     .id = core->options.epoch << 40 | ++core->lease_sequence,
                                     .epoch = shard->epoch,
                                     .shard = shard_index,
                                     .worker = worker_index,
                                     .next_of_worker = LT_NONE,
                                     .loading = !worker->has_class || worker->class_id != class_id};
    core->leases[index].deadline_ms = deadline(core, &core->leases[index]);
    append(core, worker, index);
    worker->lease_count++;
    worker->class_id = class_id;
    worker->has_class = true;
    core->leases_active++;
    lt_unit_owner(core, shard->unit)->leases++;
    lt_unit_lane(core, shard->unit)->leases++;
    lt_map_put(&core->lease_map, core->leases[index].id, index);
    lt_worker_set_due(core, core->leases[index].deadline_ms);
    core->counters.leases_granted++;
    if (shard->epoch > 1) {
        core->counters.retries++;
        lt_unit_owner(core, shard->unit)->retries++;
    }
    lt_lease_send(core, index, false);
}

void lt_lease_send(lt_core *core, uint32_t index, bool again)
{
    const lt_lease *lease = &core->leases[index];
    const lt_shard *shard = &core->shards[lease->shard];
    const lt_unit *unit = &core->units[shard->unit];
    const lt_job_state *job = &core->jobs[unit->ref_job];
    lt_action *action = lt_core_act(core, LT_ACTION_LEASE, core->workers[lease->worker].id);
    action->lease.id = lease->id;
    action->lease.epoch = lease->epoch;
    action->lease.job = job->id;
    action->lease.scorer_index = job->refs[unit->ref].scorer_index;
    action->lease.pack_index = job->refs[unit->ref].pack_index;
    action->lease.class_id = unit->class_id;
    action->lease.pack_id = unit->pack_id;
    action->lease.first_item = shard->first;
    action->lease.item_count = shard->count;
    action->lease.again = again;
}

void lt_lease_extend_all(lt_core *core, uint32_t worker, uint32_t moved)
{
    uint32_t class_id = 0;
    if (moved != LT_NONE)
        class_id = core->units[core->shards[core->leases[moved].shard].unit].class_id;
    for (uint32_t i = core->workers[worker].leases; i != LT_NONE;
         i = core->leases[i].next_of_worker) {
        lt_lease *lease = &core->leases[i];
        if (moved != LT_NONE && core->units[core->shards[lease->shard].unit].class_id == class_id)
            lease->loading = false;
        lease->deadline_ms = deadline(core, lease);
        lt_worker_set_due(core, lease->deadline_ms);
    }
}

uint32_t lt_lease_end(lt_core *core, uint32_t index)
{
    lt_lease *lease = &core->leases[index];
    lt_worker *worker = &core->workers[lease->worker];
    const uint32_t shard = lease->shard;
    uint32_t *link = &worker->leases;
    while (*link != index)
        link = &core->leases[*link].next_of_worker;
    *link = lease->next_of_worker;
    worker->lease_count--;
    core->leases_active--;
    lt_map_remove(&core->lease_map, lease->id);
    lt_unit_owner(core, core->shards[shard].unit)->leases--;
    lt_unit_lane(core, core->shards[shard].unit)->leases--;
    core->shards[shard].lease = LT_NONE;
    core->shards[shard].state = LT_SHARD_IDLE;
    lt_worker_update(core, lease->worker);
    *lease = (lt_lease){.next_of_worker = core->lease_free};
    core->lease_free = index;
    return shard;
}

void lt_lease_revoke(lt_core *core, uint64_t worker, uint64_t id, uint32_t epoch,
                     lt_revoke_reason reason)
{
    lt_action *action = lt_core_act(core, LT_ACTION_REVOKE, worker);
    action->revoke.id = id;
    action->revoke.epoch = epoch;
    action->revoke.reason = reason;
    core->counters.leases_revoked++;
}

void lt_lease_finish(lt_core *core, uint32_t index)
{
    const lt_lease *lease = &core->leases[index];
    if (lease->helped)
        lt_lease_revoke(core, core->workers[lease->worker].id, lease->id, lease->epoch,
                        LT_REVOKE_RECORDED);
    core->counters.leases_done++;
    lt_lease_end(core, index);
}

void lt_lease_expire(lt_core *core, uint32_t index, bool charged)
{
    const uint32_t worker_index = core->leases[index].worker;
    lt_worker *worker = &core->workers[worker_index];
    lt_lease_revoke(core, worker->id, core->leases[index].id, core->leases[index].epoch,
                    LT_REVOKE_EXPIRED);
    core->counters.leases_expired++;
    const uint32_t shard = lt_lease_end(core, index);
    lt_unit_owner(core, core->shards[shard].unit)->expired++;
    if (!charged) {
        lt_shard_settle(core, shard, true);
        return;
    }
    worker->failures++;
    lt_class_pause(core, core->units[core->shards[shard].unit].class_id, worker_index);
    lt_shard_charge(core, shard, worker->id, LEFTTAIL__FAILURE_REASON__FAILURE_LEASE_EXPIRED, false,
                    0);
}
