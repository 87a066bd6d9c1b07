#include "coordinator/core/unit.h"

#include <stdlib.h>

#include "common/buf.h"
#include "coordinator/core/shard.h"

static size_t words_of(const lt_unit *unit)
{
    return (unit->items + 63) / 64;
}

static const uint64_t *plane_of(const lt_unit *unit, int plane)
{
    return unit->items <= 64 ? &unit->bits.few[plane]
                             : unit->bits.many + (size_t)plane * words_of(unit);
}

bool lt_unit_has(const lt_unit *unit, int plane, uint32_t item)
{
    return plane_of(unit, plane)[item / 64] >> (item % 64) & 1;
}

void lt_unit_mark(lt_unit *unit, int plane, uint32_t item, bool on)
{
    uint64_t *word = (uint64_t *)plane_of(unit, plane) + item / 64;
    const uint64_t bit = UINT64_C(1) << (item % 64);
    *word = on ? *word | bit : *word & ~bit;
}

uint32_t lt_unit_count(const lt_unit *unit, int plane, uint32_t first, uint32_t count)
{
    const uint64_t *words = plane_of(unit, plane);
    uint32_t marked = 0;
    for (uint32_t item = first, end = first + count; item < end;) {
        const uint32_t take = 64 - item % 64 < end - item ? 64 - item % 64 : end - item;
        const uint64_t mask = (take == 64 ? UINT64_MAX : (UINT64_C(1) << take) - 1) << (item % 64);
        marked += (uint32_t)__builtin_popcountll(words[item / 64] & mask);
        item += take;
    }
    return marked;
}

uint32_t lt_unit_find(const lt_core *core, uint32_t class_id, uint32_t pack_id)
{
    return lt_map_get(&core->unit_map, lt_unit_key(class_id, pack_id));
}

uint32_t lt_unit_add(lt_core *core, const lt_core_unit *wish)
{
    uint32_t index = core->unit_free;
    if (index != LT_NONE) {
        core->unit_free = core->units[index].next_free;
    } else {
        core->units =
            lt_core_grow(core->units, core->unit_count, &core->unit_cap, sizeof *core->units);
        index = core->unit_count++;
    }
    lt_unit *unit = &core->units[index];
    *unit = (lt_unit){.class_id = wish->class_id,
                      .pack_id = wish->pack_id,
                      .items = wish->items,
                      .shards = LT_NONE,
                      .ref_job = LT_NONE,
                      .ref = LT_NONE,
                      .lane = LT_NONE};
    if (unit->items > 64)
        unit->bits.many = lt_alloc(LT_PLANES * words_of(unit) * sizeof *unit->bits.many);
    lt_map_put(&core->unit_map, lt_unit_key(unit->class_id, unit->pack_id), index);
    const uint32_t shard = lt_shard_add(core, index, 0, wish->items);
    core->units[index].shards = shard;
    core->shards[shard].open = wish->items;
    return index;
}

void lt_unit_remove(lt_core *core, uint32_t index)
{
    lt_unit *unit = &core->units[index];
    for (uint32_t shard = unit->shards; shard != LT_NONE;) {
        const uint32_t next = core->shards[shard].next_of_unit;
        lt_shard_remove(core, shard);
        shard = next;
    }
    lt_map_remove(&core->unit_map, lt_unit_key(unit->class_id, unit->pack_id));
    if (unit->items > 64)
        free(unit->bits.many);
    *unit = (lt_unit){.next_free = core->unit_free, .shards = LT_NONE};
    core->unit_free = index;
}

uint32_t lt_unit_shard(const lt_core *core, uint32_t unit, uint32_t item)
{
    uint32_t shard = core->units[unit].shards;
    while (item - core->shards[shard].first >= core->shards[shard].count)
        shard = core->shards[shard].next_of_unit;
    return shard;
}

lt_job_state *lt_unit_owner(const lt_core *core, uint32_t unit)
{
    return &core->jobs[core->units[unit].ref_job];
}

lt_lane *lt_unit_lane(const lt_core *core, uint32_t unit)
{
    return &lt_unit_owner(core, unit)->lanes[core->units[unit].lane];
}

void lt_unit_pend(lt_core *core, uint32_t unit, uint32_t item)
{
    lt_shard *shard = &core->shards[lt_unit_shard(core, unit, item)];
    lt_unit_mark(&core->units[unit], LT_PLANE_PENDING, item, true);
    shard->open--;
    shard->pending++;
    lt_unit_lane(core, unit)->open--;
}

void lt_unit_reopen(lt_core *core, uint32_t unit, uint32_t item)
{
    lt_shard *shard = &core->shards[lt_unit_shard(core, unit, item)];
    lt_unit_mark(&core->units[unit], LT_PLANE_PENDING, item, false);
    shard->open++;
    shard->pending--;
    lt_unit_lane(core, unit)->open++;
}

static void count_for_jobs(lt_core *core, const lt_unit *unit, bool failed)
{
    for (uint32_t job = unit->ref_job, ref = unit->ref; job != LT_NONE;) {
        lt_job_state *wants = &core->jobs[job];
        if (wants->ready) {
            *(failed ? &wants->failed : &wants->scored) += 1;
            lt_rate_add(&wants->rate, core->now_ms, 1);
        }
        const lt_ref *next = &wants->refs[ref];
        job = next->next_job;
        ref = next->next_ref;
    }
}

void lt_unit_record(lt_core *core, uint32_t index, uint32_t item, bool failed)
{
    lt_unit *unit = &core->units[index];
    lt_shard *shard = &core->shards[lt_unit_shard(core, index, item)];
    if (lt_unit_has(unit, LT_PLANE_PENDING, item)) {
        shard->pending--;
    } else {
        shard->open--;
        lt_unit_lane(core, index)->open--;
    }
    lt_unit_mark(unit, LT_PLANE_PENDING, item, false);
    lt_unit_mark(unit, LT_PLANE_RECORDED, item, true);
    lt_unit_mark(unit, LT_PLANE_FAILED, item, failed);
    count_for_jobs(core, unit, failed);
}
