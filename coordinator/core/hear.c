#include "coordinator/core/hear.h"

#include "common/buf.h"
#include "coordinator/core/class.h"
#include "coordinator/core/inflight.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/shard.h"
#include "coordinator/core/unit.h"
#include "coordinator/core/worker.h"

/* An engine that moved, or an item more, is progress; a message alone is only a sign of life. */
static void on_progress(lt_core *core, uint32_t worker_index, const lt_event *event)
{
    lt_worker *worker = &core->workers[worker_index];
    uint32_t lease = LT_NONE;
    worker->tokens_done = event->progress.tokens_done;
    if (event->progress.lease.id != 0) {
        lease = lt_lease_find(core, event->progress.lease.id, event->progress.lease.epoch,
                              worker_index);
        if (lease == LT_NONE) {
            core->counters.leases_unknown++;
            lt_lease_revoke(core, worker->id, event->progress.lease.id, event->progress.lease.epoch,
                            LT_REVOKE_UNKNOWN);
        }
    }
    const bool items_moved =
        lease != LT_NONE && event->progress.items_done > core->leases[lease].items_done;
    if (items_moved)
        core->leases[lease].items_done = event->progress.items_done;
    if (items_moved || event->progress.engine_steps != worker->engine_steps)
        lt_lease_extend_all(core, worker_index, items_moved ? lease : LT_NONE);
    worker->engine_steps = event->progress.engine_steps;
}

static void add_index(lt_core *core, uint32_t index)
{
    lt_actions *actions = core->actions;
    if (actions->index_count == actions->index_cap) {
        actions->index_cap = actions->index_cap ? 2 * actions->index_cap : 256;
        actions->indices =
            lt_realloc(actions->indices, actions->index_cap * sizeof *actions->indices);
    }
    actions->indices[actions->index_count++] = index;
}

/* Open items become pending; which rows those are is in the RECORD action. Returns how many. */
static uint32_t take_rows(lt_core *core, uint32_t unit, const lt_event *event, const lt_batch *ack)
{
    const uint32_t first_index = (uint32_t)core->actions->index_count;
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < event->results.row_count; i++) {
        const lt_event_row *row = &event->results.rows[i];
        if (!lt_unit_open(&core->units[unit], row->item))
            continue;
        if (fresh++ == 0)
            lt_inflight_begin(core, unit, ack);
        lt_inflight_row(core, row->item, row->failed);
        add_index(core, i);
    }
    if (fresh == 0)
        return 0;
    lt_action *action = lt_core_act(core, LT_ACTION_RECORD, event->worker);
    action->record.ticket = core->inflight.ticket;
    action->record.class_id = event->results.class_id;
    action->record.pack_id = event->results.pack_id;
    action->record.first_index = first_index;
    action->record.count = fresh;
    return fresh;
}

/* Whoever else holds a shard of these items must hear when they are done. */
static void mark_helped(lt_core *core, uint32_t unit, uint32_t lease)
{
    for (uint32_t i = core->units[unit].shards; i != LT_NONE; i = core->shards[i].next_of_unit)
        if (core->shards[i].lease != LT_NONE && core->shards[i].lease != lease)
            core->leases[core->shards[i].lease].helped = true;
}

static bool items_exist(const lt_core *core, uint32_t unit, const lt_event *event)
{
    for (uint32_t i = 0; i < event->results.row_count; i++)
        if (event->results.rows[i].item >= core->units[unit].items)
            return false;
    return true;
}

static void count_rows(lt_core *core, uint32_t worker_index, uint32_t unit, uint32_t lease,
                       const lt_event *event, uint32_t fresh)
{
    lt_worker *worker = &core->workers[worker_index];
    core->counters.rows_new += fresh;
    core->counters.duplicates += event->results.row_count - fresh;
    lt_unit_owner(core, unit)->duplicates += event->results.row_count - fresh;
    worker->rows_done += fresh;
    lt_rate_add(&worker->rate, core->now_ms, fresh);
    if (lease == LT_NONE) {
        core->counters.batches_stale++;
        core->counters.rows_stale += fresh;
    }
    if (!worker->has_class) {
        worker->has_class = true; /* it scored for an earlier coordinator: it has this loaded */
        worker->class_id = event->results.class_id;
    }
}

/* Rows of a unit that is wanted, by whatever lease. */
static void take_batch(lt_core *core, uint32_t worker, uint32_t unit, const lt_event *event,
                       const lt_batch *ack)
{
    const uint32_t lease =
        lt_lease_find(core, event->results.lease.id, event->results.lease.epoch, worker);
    if (core->store_blocked || !lt_inflight_has_room(core, event->results.row_count)) {
        core->counters.batches_dropped++;
        core->inflight.dropped = core->workers[worker].resync = true;
        return;
    }
    const uint32_t fresh = take_rows(core, unit, event, ack);
    count_rows(core, worker, unit, lease, event, fresh);
    if (fresh == 0)
        lt_inflight_ack(core, ack);
    else
        mark_helped(core, unit, lease);
    if (fresh > 0)
        lt_class_worked(core, event->results.class_id, worker);
    if (lease != LT_NONE)
        lt_lease_extend_all(core, worker, lease);
    else
        lt_lease_revoke(core, event->worker, ack->lease, ack->epoch, LT_REVOKE_UNKNOWN);
}

static void on_results(lt_core *core, uint32_t worker, const lt_event *event)
{
    const lt_event_lease *named = &event->results.lease;
    const lt_batch ack = {.worker = event->worker,
                          .lease = named->id,
                          .epoch = named->epoch,
                          .sequence = event->results.sequence};
    const uint32_t unit = lt_unit_find(core, event->results.class_id, event->results.pack_id);
    core->counters.batches++;
    if (named->trusted && unit != LT_NONE && !items_exist(core, unit, event)) {
        core->counters.refused++;
        lt_core_act(core, LT_ACTION_REFUSE, event->worker);
        lt_worker_remove(core, worker, true);
    } else if (named->trusted && unit != LT_NONE) {
        take_batch(core, worker, unit, event, &ack);
    } else if (!lt_inflight_has_room(core, 0)) {
        core->counters.batches_dropped++;
        core->inflight.dropped = core->workers[worker].resync = true;
    } else {
        core->counters.batches_untrusted += !named->trusted;
        core->counters.batches_unwanted += named->trusted;
        lt_inflight_ack(core, &ack); /* not wanted: the worker need not keep them */
        if (lt_lease_find(core, named->id, named->epoch, worker) == LT_NONE)
            lt_lease_revoke(core, event->worker, named->id, named->epoch, LT_REVOKE_UNKNOWN);
    }
}

static void on_failure(lt_core *core, uint32_t worker, const lt_event *event)
{
    const lt_event_lease *named = &event->failure.lease;
    const uint32_t lease =
        named->trusted ? lt_lease_find(core, named->id, named->epoch, worker) : LT_NONE;
    if (lease == LT_NONE) {
        core->counters.leases_unknown++;
        return;
    }
    const bool fruitless = core->leases[lease].loading;
    const uint32_t shard = lt_lease_end(core, lease);
    const uint32_t class_id = core->units[core->shards[shard].unit].class_id;
    core->counters.leases_failed++;
    switch (event->failure.reason) {
    case LEFTTAIL__FAILURE_REASON__FAILURE_WORKER_LOST: /* it gives the lease back: it leaves, or
                                                           has no room */
        lt_class_pause(core, class_id, worker);
        lt_shard_settle(core, shard, true);
        break;
    case LEFTTAIL__FAILURE_REASON__FAILURE_CHECKPOINT:
    case LEFTTAIL__FAILURE_REASON__FAILURE_BLOB:
        core->workers[worker].failures++;
        lt_class_failed(core, class_id, worker, event->failure.reason);
        lt_shard_settle(core, shard, true);
        break;
    case LEFTTAIL__FAILURE_REASON__FAILURE_LEASE_EXPIRED: /* its own watch over the engine */
        core->workers[worker].failures++;
        lt_shard_charge(core, shard, event->worker, event->failure.reason,
                        event->failure.item_known, event->failure.item);
        break;
    default:
        core->workers[worker].failures++;
        core->counters.engine_deaths++;
        if (fruitless && !event->failure.item_known)
            lt_class_died(core, class_id, worker);
        lt_shard_charge(core, shard, event->worker, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED,
                        event->failure.item_known, event->failure.item);
    }
}

void lt_hear(lt_core *core, const lt_event *event)
{
    const uint32_t worker = lt_worker_find(core, event->worker);
    if (worker == LT_NONE || core->workers[worker].away)
        return; /* it has been asked to say Hello */
    core->workers[worker].seen_ms = core->now_ms;
    switch (event->kind) {
    case LT_EVENT_WORKER_ALIVE:
        if (event->alive.working)
            lt_lease_extend_all(core, worker, LT_NONE);
        break;
    case LT_EVENT_CREDIT:
        lt_worker_credit(core, worker, event->credit.leases);
        break;
    case LT_EVENT_PROGRESS:
        on_progress(core, worker, event);
        break;
    case LT_EVENT_RESULTS:
        on_results(core, worker, event);
        break;
    case LT_EVENT_FAILURE:
        on_failure(core, worker, event);
        break;
    default:
        LT_ASSERT(!"an event that no worker causes");
    }
}
