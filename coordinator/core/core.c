/* The step: an event is checked against the state, decides what it decides, and then whatever has
 * become possible is done: the doomed are buried, workers asked again, leases given, jobs ended. */
#include "coordinator/core/core.h"

#include <stdlib.h>

#include "common/buf.h"
#include "coordinator/core/hear.h"
#include "coordinator/core/inflight.h"
#include "coordinator/core/job.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/schedule.h"
#include "coordinator/core/shard.h"
#include "coordinator/core/unit.h"
#include "coordinator/core/worker.h"

#define TICK_MS 1000
#define STALL_MS 3000 /* no step for this long: the coordinator itself stood still */

/* ---- life ---- */

static uint32_t or_default(uint32_t value, uint32_t otherwise, uint32_t most)
{
    value = value ? value : otherwise;
    return value < most ? value : most;
}

lt_core *lt_core_new(const lt_core_options *options)
{
    lt_core *core = lt_alloc(sizeof *core);
    lt_core_options *o = &core->options;
    *o = *options;
    o->lease_ms = or_default(o->lease_ms, 60000, 86400000);
    o->load_ms = or_default(o->load_ms, 4 * o->lease_ms, 86400000);
    o->worker_timeout_ms = or_default(o->worker_timeout_ms, 20000, 86400000);
    o->attempts_max = or_default(o->attempts_max, 3, 100);
    o->losses_max = or_default(o->losses_max, 16, 200);
    o->class_failures_max = or_default(o->class_failures_max, 6, 1000000);
    o->class_pause_ms = or_default(o->class_pause_ms, 1000, 3600000);
    o->turn_ms = or_default(o->turn_ms, 30000, 86400000);
    o->rows_inflight_max = or_default(o->rows_inflight_max, 65536, 1u << 24);
    core->job_free = core->unit_free = core->shard_free = core->lease_free = core->worker_free =
        LT_NONE;
    core->hungry_head = core->hungry_tail = core->doomed_head = core->doomed_tail = LT_NONE;
    core->due_ms = UINT64_MAX;
    lt_inflight_init(&core->inflight, o->rows_inflight_max);
    return core;
}

void lt_core_free(lt_core **out)
{
    lt_core *core = *out;
    if (!core)
        return;
    for (uint32_t i = 0; i < core->job_count; i++) {
        free(core->jobs[i].refs);
        free(core->jobs[i].lanes);
    }
    for (uint32_t i = 0; i < core->unit_count; i++)
        if (core->units[i].items > 64)
            free(core->units[i].bits.many);
    lt_map_fini(&core->job_map);
    lt_map_fini(&core->unit_map);
    lt_map_fini(&core->lease_map);
    lt_map_fini(&core->worker_map);
    lt_inflight_fini(&core->inflight);
    free(core->jobs);
    free(core->units);
    free(core->shards);
    free(core->classes);
    free(core->leases);
    free(core->workers);
    free(core);
    *out = NULL;
}

void *lt_core_grow(void *items, uint32_t count, uint32_t *cap, size_t item_bytes)
{
    if (count < *cap)
        return items;
    LT_ASSERT(count < LT_NONE / 2);
    *cap = *cap ? 2 * *cap : 16;
    return lt_realloc(items, *cap * item_bytes);
}

lt_action *lt_core_act(lt_core *core, lt_action_kind kind, uint64_t worker)
{
    lt_actions *actions = core->actions;
    if (actions->count == actions->cap) {
        actions->cap = actions->cap ? 2 * actions->cap : 16;
        actions->list = lt_realloc(actions->list, actions->cap * sizeof *actions->list);
    }
    lt_action *action = &actions->list[actions->count++];
    *action = (lt_action){.kind = kind, .worker = worker};
    return action;
}

void lt_actions_fini(lt_actions *actions)
{
    free(actions->list);
    free(actions->indices);
    *actions = (lt_actions){0};
}

const char *lt_revoke_sentence(lt_revoke_reason reason)
{
    switch (reason) {
#define X(name, sentence)                                                                          \
    case LT_REVOKE_##name:                                                                         \
        return sentence;
        LT_REVOKE_LIST(X)
#undef X
    }
    return "";
}

/* ---- what workers, jobs and the store do ---- */

static void on_left(lt_core *core, const lt_event *event)
{
    const uint32_t worker = lt_worker_find(core, event->worker);
    if (worker == LT_NONE)
        return;
    core->counters.workers_left++;
    lt_worker_remove(core, worker, !event->left.bye);
}

static void on_job(lt_core *core, const lt_event *event)
{
    const uint32_t job = lt_job_find(core, event->job.id);
    if (job == LT_NONE)
        return;
    if (event->kind == LT_EVENT_JOB_READY)
        lt_job_ready(core, job);
    else
        lt_job_cancel(core, job);
}

static void on_blocked(lt_core *core)
{
    core->store_blocked = true;
    core->counters.store_blocks++;
    lt_inflight_roll_back(core);
}

/* Workers had to wait for us: no lease is nearer to its end for it. */
static void on_store_ok(lt_core *core)
{
    if (!core->store_blocked)
        return;
    core->store_blocked = false;
    for (uint32_t i = 0; i < core->worker_count; i++)
        if (core->workers[i].used)
            lt_lease_extend_all(core, i, LT_NONE);
}

/* ---- the step ---- */

static void dispatch(lt_core *core, const lt_event *event)
{
    switch (event->kind) {
    case LT_EVENT_TICK:
        lt_worker_watch(core);
        break;
    case LT_EVENT_WORKER_JOINED:
        LT_ASSERT(event->worker != 0);
        lt_worker_join(core, event->worker);
        break;
    case LT_EVENT_WORKER_LEFT:
        on_left(core, event);
        break;
    case LT_EVENT_WORKER_ALIVE:
    case LT_EVENT_CREDIT:
    case LT_EVENT_PROGRESS:
    case LT_EVENT_RESULTS:
    case LT_EVENT_FAILURE:
        lt_hear(core, event);
        break;
    case LT_EVENT_JOB_READY:
    case LT_EVENT_JOB_CANCEL:
        on_job(core, event);
        break;
    case LT_EVENT_COMMITTED:
        lt_inflight_commit(core, event->committed.ticket);
        break;
    case LT_EVENT_STORE_BLOCKED:
        on_blocked(core);
        break;
    case LT_EVENT_STORE_OK:
        on_store_ok(core);
        break;
    }
}

static void set_time(lt_core *core, uint64_t now_ms)
{
    if (core->started && now_ms <= core->now_ms)
        return;
    const uint64_t gap_ms = core->started ? now_ms - core->now_ms : 0;
    core->started = true;
    core->now_ms = now_ms;
    if (gap_ms > STALL_MS)
        lt_worker_shift(core, gap_ms - TICK_MS);
}

void lt_core_step(lt_core *core, const lt_event *event, uint64_t now_ms, lt_actions *actions)
{
    actions->count = actions->index_count = 0;
    core->actions = actions;
    set_time(core, now_ms);
    dispatch(core, event);
    lt_shard_bury(core);
    lt_worker_resync(core);
    lt_schedule(core);
    if (event->kind == LT_EVENT_COMMITTED || event->kind == LT_EVENT_JOB_READY)
        lt_job_finish_all(core);
    core->actions = NULL;
}

uint64_t lt_core_next_due_ms(const lt_core *core)
{
    const uint64_t tick_ms = core->now_ms + TICK_MS;
    return core->due_ms < tick_ms ? core->due_ms : tick_ms;
}
