/* Shards: the queues they wait in, and what happens to those that keep failing.
 *
 * An engine that dies, or a lease that runs out, is charged to the shard. A shard with several open
 * items is split: around the item if the worker named it, in halves from the second charge on. A
 * single item that is charged attempts_max times, on two workers where there are two, is doomed:
 * it becomes a failed row. A worker that goes away is not the items' fault: those losses have a
 * count and a cap of their own. */
#ifndef LT_COORDINATOR_CORE_SHARD_H
#define LT_COORDINATOR_CORE_SHARD_H

#include "coordinator/core/state.h"

uint32_t lt_shard_add(lt_core *core, uint32_t unit, uint32_t first,
                      uint32_t count); /* IDLE; counts 0 */
void lt_shard_remove(lt_core *core, uint32_t shard);

/* An IDLE shard goes to where it belongs: the queue of the doomed, its lane (at the head when
 * `again`), or nowhere, when nothing of it is open, rows of it are pending, or its job is not
 * ready. */
void lt_shard_settle(lt_core *core, uint32_t shard, bool again);

/* Out of its queue, to IDLE. The lane's first shard that `worker` may have; LT_NONE: none. */
uint32_t lt_shard_take(lt_core *core, lt_lane *lane, uint32_t worker);
bool lt_shard_offered(lt_core *core, lt_lane *lane, uint32_t worker); /* would take find one? */

/* An IDLE shard whose lease has just ended badly. They settle it. */
void lt_shard_charge(lt_core *core, uint32_t shard, uint64_t worker, Lefttail__FailureReason reason,
                     bool item_known, uint32_t item);
void lt_shard_lose(lt_core *core, uint32_t shard);

/* Everything queued in the lane is settled anew (its class was doomed). */
void lt_shard_requeue_lane(lt_core *core, lt_lane *lane);

/* Takes the shards of units that the job owns out of the queue of the doomed, to IDLE. */
void lt_shard_spare_job(lt_core *core, uint32_t job);

/* Gives open items of doomed shards to the store, as far as there is room. */
void lt_shard_bury(lt_core *core);

#endif
