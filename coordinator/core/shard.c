#include "coordinator/core/shard.h"

#include "coordinator/core/class.h"
#include "coordinator/core/inflight.h"
#include "coordinator/core/unit.h"

uint32_t lt_shard_add(lt_core *core, uint32_t unit, uint32_t first, uint32_t count)
{
    uint32_t index = core->shard_free;
    if (index != LT_NONE) {
        core->shard_free = core->shards[index].next_of_unit;
    } else {
        core->shards =
            lt_core_grow(core->shards, core->shard_count, &core->shard_cap, sizeof *core->shards);
        index = core->shard_count++;
    }
    core->shards[index] = (lt_shard){.unit = unit,
                                     .first = first,
                                     .count = count,
                                     .lease = LT_NONE,
                                     .next_of_unit = LT_NONE,
                                     .next_queued = LT_NONE};
    return index;
}

/* A shard in a lane goes with the lane; one among the doomed was spared before. */
void lt_shard_remove(lt_core *core, uint32_t index)
{
    lt_shard *shard = &core->shards[index];
    LT_ASSERT(shard->lease == LT_NONE && shard->state != LT_SHARD_CONDEMNED);
    if (shard->state == LT_SHARD_QUEUED)
        core->queued--;
    *shard = (lt_shard){.unit = LT_NONE, .lease = LT_NONE, .next_of_unit = core->shard_free};
    core->shard_free = index;
}

/* ---- queues ---- */

static void push(lt_core *core, uint32_t *head, uint32_t *tail, uint32_t index, bool at_head)
{
    lt_shard *shard = &core->shards[index];
    shard->next_queued = at_head ? *head : LT_NONE;
    if (*head == LT_NONE)
        *head = *tail = index;
    else if (at_head)
        *head = index;
    else
        core->shards[*tail].next_queued = index, *tail = index;
}

static void unlink_queued(lt_core *core, uint32_t *head, uint32_t *tail, uint32_t before,
                          uint32_t index)
{
    const uint32_t next = core->shards[index].next_queued;
    if (before == LT_NONE)
        *head = next;
    else
        core->shards[before].next_queued = next;
    if (*tail == index)
        *tail = before;
    core->shards[index].next_queued = LT_NONE;
    core->shards[index].state = LT_SHARD_IDLE;
}

void lt_shard_settle(lt_core *core, uint32_t index, bool again)
{
    lt_shard *shard = &core->shards[index];
    if (shard->state != LT_SHARD_IDLE || shard->open == 0 ||
        !lt_unit_owner(core, shard->unit)->ready)
        return;
    if (shard->doom == 0)
        shard->doom = lt_class_of(core, core->units[shard->unit].class_id)->doom;
    if (shard->doom != 0) {
        shard->state = LT_SHARD_CONDEMNED;
        push(core, &core->doomed_head, &core->doomed_tail, index, false);
    } else if (shard->pending == 0) {
        lt_lane *lane = lt_unit_lane(core, shard->unit);
        shard->state = LT_SHARD_QUEUED;
        core->queued++;
        push(core, &lane->head, &lane->tail, index, again);
    }
}

/* A shard that is charged to this worker waits for another one for a while, if there is another. */
static bool is_shy(const lt_core *core, const lt_shard *shard, const lt_worker *worker)
{
    return shard->blamed == worker->id && core->now_ms < shard->avoid_until_ms &&
           core->workers_present > 1;
}

/* First shard for the worker and the one before it; what cannot be leased now leaves the lane. */
static uint32_t find(lt_core *core, lt_lane *lane, uint32_t worker, uint32_t *before)
{
    *before = LT_NONE;
    for (uint32_t index = lane->head; index != LT_NONE;) {
        lt_shard *shard = &core->shards[index];
        const uint32_t next = shard->next_queued;
        if (shard->open == 0 || shard->pending > 0) {
            unlink_queued(core, &lane->head, &lane->tail, *before, index);
            core->queued--;
        } else if (!is_shy(core, shard, &core->workers[worker])) {
            return index;
        } else {
            *before = index;
        }
        index = next;
    }
    return LT_NONE;
}

uint32_t lt_shard_take(lt_core *core, lt_lane *lane, uint32_t worker)
{
    uint32_t before;
    const uint32_t index = find(core, lane, worker, &before);
    if (index != LT_NONE) {
        unlink_queued(core, &lane->head, &lane->tail, before, index);
        core->queued--;
    }
    return index;
}

bool lt_shard_offered(lt_core *core, lt_lane *lane, uint32_t worker)
{
    uint32_t before;
    return find(core, lane, worker, &before) != LT_NONE;
}

void lt_shard_requeue_lane(lt_core *core, lt_lane *lane)
{
    while (lane->head != LT_NONE) {
        const uint32_t index = lane->head;
        unlink_queued(core, &lane->head, &lane->tail, LT_NONE, index);
        core->queued--;
        lt_shard_settle(core, index, false);
    }
}

/* ---- failing ---- */

static void count_items(lt_core *core, lt_shard *shard)
{
    const lt_unit *unit = &core->units[shard->unit];
    shard->pending = lt_unit_count(unit, LT_PLANE_PENDING, shard->first, shard->count);
    shard->open = shard->count - shard->pending -
                  lt_unit_count(unit, LT_PLANE_RECORDED, shard->first, shard->count);
}

/* Items from `at` on become a shard of their own, which is returned; both keep what was held
 * against the whole. */
static uint32_t split(lt_core *core, uint32_t index, uint32_t at)
{
    const uint32_t first = core->shards[index].first, count = core->shards[index].count;
    LT_ASSERT(at > first && at < first + count);
    const uint32_t rest = lt_shard_add(core, core->shards[index].unit, at, first + count - at);
    lt_shard *left = &core->shards[index], *right = &core->shards[rest];
    const uint32_t right_count = right->count;
    *right = *left;
    right->first = at;
    right->count = right_count;
    left->count = at - first;
    left->next_of_unit = rest;
    count_items(core, left);
    count_items(core, right);
    core->counters.splits++;
    return rest;
}

/* The item with as many open items before it as from it on. */
static uint32_t middle(const lt_core *core, const lt_shard *shard)
{
    const lt_unit *unit = &core->units[shard->unit];
    uint32_t item = shard->first;
    for (uint32_t before = 0; before < shard->open / 2; item++)
        before += lt_unit_open(unit, item);
    return item;
}

static bool is_beyond_hope(const lt_core *core, const lt_shard *shard)
{
    const uint32_t most = core->options.attempts_max;
    if (shard->open > 1 || shard->attempts < most)
        return false;
    return shard->two_workers || core->workers_present < 2 || shard->attempts >= 2 * most;
}

/* Cuts the item out, so that only it is charged; returns its shard. */
static uint32_t isolate(lt_core *core, uint32_t index, uint32_t item)
{
    lt_shard *shard = &core->shards[index];
    shard->attempts = 0;
    shard->blamed = 0;
    shard->two_workers = false;
    uint32_t alone = index;
    if (item > shard->first)
        alone = split(core, index, item);
    if (item + 1 < core->shards[alone].first + core->shards[alone].count)
        lt_shard_settle(core, split(core, alone, item + 1), true);
    if (alone != index)
        lt_shard_settle(core, index, true);
    return alone;
}

static void blame(lt_core *core, lt_shard *shard, uint64_t worker)
{
    if (shard->attempts < UINT8_MAX)
        shard->attempts++;
    shard->two_workers = shard->two_workers || (shard->blamed != 0 && shard->blamed != worker);
    shard->blamed = worker;
    shard->avoid_until_ms = core->now_ms + core->options.worker_timeout_ms;
}

/* Only the one open item is given up: rows of the others may still fall back from pending to open.
 */
static void doom(lt_core *core, uint32_t index, Lefttail__FailureReason reason)
{
    const lt_shard was = core->shards[index];
    uint32_t item = was.first;
    while (!lt_unit_open(&core->units[was.unit], item))
        item++;
    const uint32_t alone = isolate(core, index, item);
    core->shards[alone].doom = (uint8_t)reason;
    core->shards[alone].attempts = was.attempts;
    lt_shard_settle(core, alone, false);
}

/* Suspects go to the end of the lane: the rest of the job does not wait for them, and rows of the
 * same class that do come show that the checkpoint is not to blame (class.h). */
void lt_shard_charge(lt_core *core, uint32_t index, uint64_t worker, Lefttail__FailureReason reason,
                     bool item_known, uint32_t item)
{
    lt_shard *shard = &core->shards[index];
    if (shard->open == 0) {
        lt_shard_settle(core, index, false);
        return;
    }
    item_known = item_known && item - shard->first < shard->count &&
                 lt_unit_open(&core->units[shard->unit], item);
    if (item_known && shard->open > 1)
        index = isolate(core, index, item);
    shard = &core->shards[index];
    blame(core, shard, worker);
    if (shard->open > 1 && shard->attempts >= 2) {
        shard->attempts = 1;
        lt_shard_settle(core, split(core, index, middle(core, shard)), false);
        shard = &core->shards[index];
    }
    if (is_beyond_hope(core, shard))
        doom(core, index, reason);
    else
        lt_shard_settle(core, index, false);
}

void lt_shard_lose(lt_core *core, uint32_t index)
{
    lt_shard *shard = &core->shards[index];
    if (shard->open > 0 && ++shard->losses >= core->options.losses_max) {
        if (shard->open > 1) {
            shard->losses /= 2;
            lt_shard_settle(core, split(core, index, middle(core, shard)), true);
        } else {
            doom(core, index, LEFTTAIL__FAILURE_REASON__FAILURE_WORKER_LOST);
            return;
        }
    }
    lt_shard_settle(core, index, true);
}

/* ---- the doomed ---- */

void lt_shard_spare_job(lt_core *core, uint32_t job)
{
    uint32_t before = LT_NONE;
    for (uint32_t index = core->doomed_head; index != LT_NONE;) {
        const uint32_t next = core->shards[index].next_queued;
        if (core->units[core->shards[index].unit].ref_job == job)
            unlink_queued(core, &core->doomed_head, &core->doomed_tail, before, index);
        else
            before = index;
        index = next;
    }
}

static bool bury_one(lt_core *core, uint32_t index)
{
    lt_shard *shard = &core->shards[index];
    const lt_unit *unit = &core->units[shard->unit];
    for (uint32_t item = shard->first; shard->open > 0; item++) {
        if (!lt_unit_open(unit, item))
            continue;
        if (!lt_inflight_has_room(core, 1))
            return false;
        lt_inflight_bury(core, shard->unit, item);
        lt_action *action = lt_core_act(core, LT_ACTION_RECORD_FAILURE, 0);
        action->failure.ticket = core->inflight.ticket;
        action->failure.class_id = unit->class_id;
        action->failure.pack_id = unit->pack_id;
        action->failure.item = item;
        action->failure.reason = shard->doom;
        action->failure.attempts =
            shard->attempts > shard->losses ? shard->attempts : shard->losses;
        core->counters.rows_given_up++;
    }
    return true;
}

void lt_shard_bury(lt_core *core)
{
    while (core->doomed_head != LT_NONE && !core->store_blocked) {
        const uint32_t index = core->doomed_head;
        if (!bury_one(core, index))
            return;
        unlink_queued(core, &core->doomed_head, &core->doomed_tail, LT_NONE, index);
    }
}
