/* Who gets what. Among the jobs of the highest priority that have something for the worker, it
 * stays with the one whose turn it is there, then goes to the one with the fewest leases. Within a
 * job it stays with the checkpoint that it has loaded while there is work for it; else it takes
 * the class with the most open items per lease, so that classes end together. One lease at a time
 * goes round among the workers with credit left, and nobody is idle while there is a shard for him.
 */
#ifndef LT_COORDINATOR_CORE_SCHEDULE_H
#define LT_COORDINATOR_CORE_SCHEDULE_H

#include "coordinator/core/state.h"

void lt_schedule(lt_core *core);

#endif
