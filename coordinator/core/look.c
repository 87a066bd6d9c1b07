/* What the shell may look at between steps. */
#include <string.h>

#include "coordinator/core/job.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/unit.h"
#include "coordinator/core/worker.h"

bool lt_core_job(const lt_core *core, uint64_t id, uint64_t now_ms, lt_core_job_facts *facts)
{
    const uint32_t index = lt_job_find(core, id);
    if (index == LT_NONE)
        return false;
    lt_job_facts(core, &core->jobs[index], facts);
    facts->rows_per_second = lt_rate_per_second(&core->jobs[index].rate, now_ms);
    const uint64_t left = facts->rows_expected - facts->rows_scored - facts->rows_failed;
    if (left > 0)
        facts->seconds_left =
            facts->rows_per_second > 0 ? (double)left / facts->rows_per_second : -1;
    return true;
}

bool lt_core_worker(const lt_core *core, uint64_t id, uint64_t now_ms, lt_core_worker_facts *facts)
{
    const uint32_t index = lt_worker_find(core, id);
    if (index == LT_NONE)
        return false;
    const lt_worker *worker = &core->workers[index];
    *facts = (lt_core_worker_facts){.credits = worker->credits,
                                    .leases = worker->lease_count,
                                    .rows_done = worker->rows_done,
                                    .rows_per_second = lt_rate_per_second(&worker->rate, now_ms),
                                    .tokens_done = worker->tokens_done,
                                    .seen_ms = worker->seen_ms,
                                    .failures = worker->failures};
    return true;
}

bool lt_core_lease_unit(const lt_core *core, uint64_t id, uint32_t epoch, uint32_t *class_id,
                        uint32_t *pack_id)
{
    const uint32_t lease = lt_lease_find(core, id, epoch, LT_NONE);
    if (lease == LT_NONE)
        return false;
    const lt_unit *unit = &core->units[core->shards[core->leases[lease].shard].unit];
    *class_id = unit->class_id;
    *pack_id = unit->pack_id;
    return true;
}

void lt_core_done_bits(const lt_core *core, uint32_t class_id, uint32_t pack_id,
                       uint32_t first_item, uint32_t item_count, uint8_t *out)
{
    const uint32_t unit = lt_unit_find(core, class_id, pack_id);
    memset(out, 0, (item_count + 7) / 8);
    if (unit == LT_NONE)
        return;
    for (uint32_t i = 0; i < item_count && first_item + i < core->units[unit].items; i++)
        if (lt_unit_has(&core->units[unit], LT_PLANE_RECORDED, first_item + i))
            out[i / 8] |= (uint8_t)(1u << (i % 8));
}

const lt_core_counters *lt_core_counters_of(const lt_core *core)
{
    return &core->counters;
}

lt_core_totals lt_core_totals_of(const lt_core *core)
{
    return (lt_core_totals){.jobs = (uint32_t)core->job_map.count,
                            .workers = core->workers_present,
                            .leases = core->leases_active,
                            .rows_inflight = core->inflight.row_count,
                            .store_blocked = core->store_blocked};
}
