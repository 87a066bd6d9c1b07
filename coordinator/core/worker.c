#include "coordinator/core/worker.h"

#include "coordinator/core/lease.h"
#include "coordinator/core/shard.h"

uint32_t lt_worker_find(const lt_core *core, uint64_t id)
{
    return lt_map_get(&core->worker_map, id);
}

/* ---- the hungry ---- */

static void hunger_remove(lt_core *core, uint32_t index)
{
    lt_worker *worker = &core->workers[index];
    *(worker->hungry_before == LT_NONE ? &core->hungry_head
                                       : &core->workers[worker->hungry_before].hungry_next) =
        worker->hungry_next;
    *(worker->hungry_next == LT_NONE ? &core->hungry_tail
                                     : &core->workers[worker->hungry_next].hungry_before) =
        worker->hungry_before;
    worker->hungry = false;
}

static void hunger_append(lt_core *core, uint32_t index)
{
    lt_worker *worker = &core->workers[index];
    worker->hungry = true;
    worker->hungry_next = LT_NONE;
    worker->hungry_before = core->hungry_tail;
    *(core->hungry_tail == LT_NONE ? &core->hungry_head
                                   : &core->workers[core->hungry_tail].hungry_next) = index;
    core->hungry_tail = index;
}

void lt_worker_update(lt_core *core, uint32_t index)
{
    const lt_worker *worker = &core->workers[index];
    const bool hungry = worker->used && !worker->away && worker->lease_count < worker->credits;
    if (hungry && !worker->hungry)
        hunger_append(core, index);
    else if (!hungry && worker->hungry)
        hunger_remove(core, index);
}

void lt_worker_to_back(lt_core *core, uint32_t index)
{
    if (core->workers[index].hungry) {
        hunger_remove(core, index);
        hunger_append(core, index);
    }
}

/* ---- coming and going ---- */

static uint32_t new_worker(lt_core *core)
{
    uint32_t index = core->worker_free;
    if (index != LT_NONE) {
        core->worker_free = core->workers[index].next_free;
        return index;
    }
    core->workers =
        lt_core_grow(core->workers, core->worker_count, &core->worker_cap, sizeof *core->workers);
    return core->worker_count++;
}

/* Known already: the session is new, the leases are not. One of them may have been lost on the way.
 */
static void rejoin(lt_core *core, uint32_t index)
{
    lt_worker *worker = &core->workers[index];
    worker->away = worker->resync = false;
    worker->seen_ms = core->now_ms;
    core->counters.workers_rejoined++;
    lt_lease_extend_all(core, index, LT_NONE);
    for (uint32_t lease = worker->leases; lease != LT_NONE;
         lease = core->leases[lease].next_of_worker)
        lt_lease_send(core, lease, true);
    lt_worker_update(core, index);
}

void lt_worker_join(lt_core *core, uint64_t id)
{
    uint32_t index = lt_worker_find(core, id);
    if (index != LT_NONE) {
        rejoin(core, index);
        return;
    }
    index = new_worker(core);
    core->workers[index] =
        (lt_worker){.used = true, .id = id, .leases = LT_NONE, .seen_ms = core->now_ms};
    lt_map_put(&core->worker_map, id, index);
    core->workers_present++;
    core->counters.workers_joined++;
    lt_worker_set_due(core, lt_worker_due_ms(core, index));
}

void lt_worker_credit(lt_core *core, uint32_t index, uint32_t credits)
{
    core->workers[index].credits = credits;
    lt_worker_update(core, index);
}

void lt_worker_remove(lt_core *core, uint32_t index, bool held_against)
{
    lt_worker *worker = &core->workers[index];
    worker->credits = 0;
    lt_worker_update(core, index);
    core->workers_present--;
    while (worker->leases != LT_NONE) {
        const uint32_t shard = lt_lease_end(core, worker->leases);
        core->counters.leases_lost++;
        if (held_against)
            lt_shard_lose(core, shard);
        else
            lt_shard_settle(core, shard, true);
    }
    lt_map_remove(&core->worker_map, worker->id);
    *worker = (lt_worker){.leases = LT_NONE, .next_free = core->worker_free};
    core->worker_free = index;
}

/* ---- time ---- */

/* A worker works on its leases in the order in which they came, so only the oldest can be at fault
 * when nothing moves. One whose rows are all with the store waits for nobody but us; so does every
 * lease while the store is blocked. LT_NONE: none can run out. */
static uint32_t oldest_lease(const lt_core *core, uint32_t worker)
{
    if (core->store_blocked)
        return LT_NONE;
    uint32_t lease = core->workers[worker].leases;
    while (lease != LT_NONE && core->shards[core->leases[lease].shard].open == 0)
        lease = core->leases[lease].next_of_worker;
    return lease;
}

uint64_t lt_worker_due_ms(const lt_core *core, uint32_t index)
{
    const uint64_t silent_ms = core->workers[index].seen_ms + core->options.worker_timeout_ms;
    const uint32_t oldest = oldest_lease(core, index);
    return oldest != LT_NONE && core->leases[oldest].deadline_ms < silent_ms
               ? core->leases[oldest].deadline_ms
               : silent_ms;
}

void lt_worker_set_due(lt_core *core, uint64_t due_ms)
{
    if (due_ms < core->due_ms)
        core->due_ms = due_ms;
}

/* The engine hangs in its oldest lease: that one is charged, the others wait behind it for nothing.
 */
static void expire_leases(lt_core *core, uint32_t worker)
{
    const uint32_t oldest = oldest_lease(core, worker);
    if (oldest == LT_NONE || core->leases[oldest].deadline_ms > core->now_ms)
        return;
    for (uint32_t i = core->workers[worker].leases, next; i != LT_NONE; i = next) {
        next = core->leases[i].next_of_worker;
        if (i != oldest && core->shards[core->leases[i].shard].open > 0)
            lt_lease_expire(core, i, false);
    }
    lt_lease_expire(core, oldest, true);
}

void lt_worker_watch(lt_core *core)
{
    if (core->now_ms < core->due_ms)
        return;
    core->due_ms = UINT64_MAX;
    for (uint32_t i = 0; i < core->worker_count; i++) {
        lt_worker *worker = &core->workers[i];
        if (!worker->used)
            continue;
        if (core->now_ms >= worker->seen_ms + core->options.worker_timeout_ms) {
            lt_core_act(core, LT_ACTION_WORKER_LOST, worker->id);
            core->counters.workers_lost++;
            lt_worker_remove(core, i, true);
            continue;
        }
        expire_leases(core, i);
        lt_worker_set_due(core, lt_worker_due_ms(core, i));
    }
}

void lt_worker_shift(lt_core *core, uint64_t gap_ms)
{
    core->counters.stalls++;
    for (uint32_t i = 0; i < core->worker_count; i++) {
        lt_worker *worker = &core->workers[i];
        if (!worker->used)
            continue;
        worker->seen_ms += gap_ms;
        for (uint32_t lease = worker->leases; lease != LT_NONE;
             lease = core->leases[lease].next_of_worker)
            core->leases[lease].deadline_ms += gap_ms;
    }
}

void lt_worker_resync(lt_core *core)
{
    lt_inflight *inflight = &core->inflight;
    if (!inflight->dropped || core->store_blocked || inflight->row_count > inflight->row_cap / 2 ||
        inflight->count > LT_BATCHES_INFLIGHT_MAX / 2)
        return;
    inflight->dropped = false;
    for (uint32_t i = 0; i < core->worker_count; i++) {
        lt_worker *worker = &core->workers[i];
        if (!worker->used || !worker->resync)
            continue;
        worker->resync = false;
        worker->away = true;
        lt_worker_update(core, i);
        lt_core_act(core, LT_ACTION_RESYNC, worker->id);
        core->counters.resyncs++;
    }
}
