#include "coordinator/core/inflight.h"

#include <stdlib.h>

#include "common/buf.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/shard.h"
#include "coordinator/core/unit.h"

#define FAILED_BIT (UINT32_C(1) << 31) /* items are below LT_PACK_ITEMS_MAX */

void lt_inflight_init(lt_inflight *inflight, uint32_t row_cap)
{
    *inflight = (lt_inflight){.row_cap = row_cap};
    inflight->batches = lt_alloc(LT_BATCHES_INFLIGHT_MAX * sizeof *inflight->batches);
    inflight->rows = lt_alloc(row_cap * sizeof *inflight->rows);
}

void lt_inflight_fini(lt_inflight *inflight)
{
    free(inflight->batches);
    free(inflight->rows);
    *inflight = (lt_inflight){0};
}

static lt_batch *batch_at(const lt_inflight *inflight, uint32_t i)
{
    return &inflight->batches[(inflight->first + i) % LT_BATCHES_INFLIGHT_MAX];
}

bool lt_inflight_has_room(const lt_core *core, uint32_t rows)
{
    const lt_inflight *inflight = &core->inflight;
    return inflight->count < LT_BATCHES_INFLIGHT_MAX &&
           rows <= inflight->row_cap - inflight->row_count;
}

void lt_inflight_begin(lt_core *core, uint32_t unit, const lt_batch *ack)
{
    lt_inflight *inflight = &core->inflight;
    lt_batch *batch = batch_at(inflight, inflight->count++);
    *batch = *ack;
    batch->ticket = ++inflight->ticket;
    batch->unit = unit;
    batch->row_count = 0;
}

void lt_inflight_row(lt_core *core, uint32_t item, bool failed)
{
    lt_inflight *inflight = &core->inflight;
    lt_batch *batch = batch_at(inflight, inflight->count - 1);
    inflight->rows[(inflight->row_first + inflight->row_count++) % inflight->row_cap] =
        item | (failed ? FAILED_BIT : 0);
    batch->row_count++;
    lt_unit_pend(core, batch->unit, item);
}

void lt_inflight_bury(lt_core *core, uint32_t unit, uint32_t item)
{
    lt_inflight_begin(core, unit, &(lt_batch){0});
    lt_inflight_row(core, item, true);
}

static void acknowledge(lt_core *core, const lt_batch *batch)
{
    lt_action *action = lt_core_act(core, LT_ACTION_ACK, batch->worker);
    action->ack.id = batch->lease;
    action->ack.epoch = batch->epoch;
    action->ack.sequence = batch->sequence;
    core->counters.acks++;
}

void lt_inflight_ack(lt_core *core, const lt_batch *ack)
{
    lt_inflight *inflight = &core->inflight;
    if (inflight->count == 0) {
        acknowledge(core, ack);
        return;
    }
    lt_batch *batch = batch_at(inflight, inflight->count++);
    *batch = *ack;
    batch->ticket = inflight->ticket;
    batch->unit = LT_NONE;
    batch->row_count = 0;
}

/* Records the rows of the oldest batch and what follows from that for their shards. */
static void record_rows(lt_core *core, const lt_batch *batch)
{
    lt_inflight *inflight = &core->inflight;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        const uint32_t row = inflight->rows[inflight->row_first];
        inflight->row_first = (inflight->row_first + 1) % inflight->row_cap;
        inflight->row_count--;
        if (batch->unit != LT_NONE)
            lt_unit_record(core, batch->unit, row & ~FAILED_BIT, (row & FAILED_BIT) != 0);
    }
}

static void settle_unit(lt_core *core, uint32_t unit)
{
    for (uint32_t shard = core->units[unit].shards; shard != LT_NONE;
         shard = core->shards[shard].next_of_unit) {
        if (core->shards[shard].open + core->shards[shard].pending == 0 &&
            core->shards[shard].lease != LT_NONE)
            lt_lease_finish(core, core->shards[shard].lease);
        lt_shard_settle(core, shard, true);
    }
}

void lt_inflight_commit(lt_core *core, uint64_t ticket)
{
    lt_inflight *inflight = &core->inflight;
    while (inflight->count > 0 && batch_at(inflight, 0)->ticket <= ticket) {
        const lt_batch batch = *batch_at(inflight, 0);
        inflight->first = (inflight->first + 1) % LT_BATCHES_INFLIGHT_MAX;
        inflight->count--;
        record_rows(core, &batch);
        if (batch.worker != 0)
            acknowledge(core, &batch);
        if (batch.unit != LT_NONE)
            settle_unit(core, batch.unit);
    }
}

static void reopen_rows(lt_core *core, const lt_batch *batch)
{
    lt_inflight *inflight = &core->inflight;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        const uint32_t row = inflight->rows[inflight->row_first];
        inflight->row_first = (inflight->row_first + 1) % inflight->row_cap;
        inflight->row_count--;
        if (batch->unit != LT_NONE)
            lt_unit_reopen(core, batch->unit, row & ~FAILED_BIT);
    }
    core->counters.rows_rolled_back += batch->row_count;
}

void lt_inflight_roll_back(lt_core *core)
{
    lt_inflight *inflight = &core->inflight;
    while (inflight->count > 0) {
        const lt_batch batch = *batch_at(inflight, 0);
        inflight->first = (inflight->first + 1) % LT_BATCHES_INFLIGHT_MAX;
        inflight->count--;
        reopen_rows(core, &batch);
        const uint32_t worker =
            batch.worker ? lt_map_get(&core->worker_map, batch.worker) : LT_NONE;
        if (worker != LT_NONE)
            inflight->dropped = core->workers[worker].resync = true;
        if (batch.unit != LT_NONE)
            settle_unit(core, batch.unit);
    }
}

void lt_inflight_forget_units(lt_core *core)
{
    for (uint32_t i = 0; i < core->inflight.count; i++) {
        lt_batch *batch = batch_at(&core->inflight, i);
        if (batch->unit != LT_NONE && core->units[batch->unit].items == 0)
            batch->unit = LT_NONE;
    }
}
