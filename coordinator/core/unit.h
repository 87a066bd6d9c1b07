/* Units: items and their three planes of bits, and which jobs want them. */
#ifndef LT_COORDINATOR_CORE_UNIT_H
#define LT_COORDINATOR_CORE_UNIT_H

#include "coordinator/core/state.h"

static inline uint64_t lt_unit_key(uint32_t class_id, uint32_t pack_id)
{
    return (uint64_t)class_id << 32 | pack_id;
}

uint32_t lt_unit_find(const lt_core *core, uint32_t class_id,
                      uint32_t pack_id); /* index or LT_NONE */
uint32_t lt_unit_add(lt_core *core,
                     const lt_core_unit *wish);    /* all items open, one IDLE shard, no ref */
void lt_unit_remove(lt_core *core, uint32_t unit); /* with its shards; they hold no lease */

bool lt_unit_has(const lt_unit *unit, int plane, uint32_t item);
void lt_unit_mark(lt_unit *unit, int plane, uint32_t item, bool on);
uint32_t lt_unit_count(const lt_unit *unit, int plane, uint32_t first,
                       uint32_t count); /* marked items */
static inline bool lt_unit_open(const lt_unit *unit, uint32_t item)
{
    return !lt_unit_has(unit, LT_PLANE_PENDING, item) &&
           !lt_unit_has(unit, LT_PLANE_RECORDED, item);
}

/* The three ways of an item. Each keeps the counts of shard, lane and jobs; none moves the shard.
 */
void lt_unit_pend(lt_core *core, uint32_t unit, uint32_t item);   /* open -> pending */
void lt_unit_reopen(lt_core *core, uint32_t unit, uint32_t item); /* pending -> open */
void lt_unit_record(lt_core *core, uint32_t unit, uint32_t item,
                    bool failed); /* open or pending -> recorded */

uint32_t lt_unit_shard(const lt_core *core, uint32_t unit,
                       uint32_t item); /* the shard that has it */
lt_job_state *lt_unit_owner(const lt_core *core, uint32_t unit);
lt_lane *lt_unit_lane(const lt_core *core, uint32_t unit);

#endif
