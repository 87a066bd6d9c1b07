/* Workers as the core knows them: credits, leases, signs of life. */
#ifndef LT_COORDINATOR_CORE_WORKER_H
#define LT_COORDINATOR_CORE_WORKER_H

#include "coordinator/core/state.h"

uint32_t lt_worker_find(const lt_core *core, uint64_t id); /* index or LT_NONE */
void lt_worker_join(lt_core *core, uint64_t id);
void lt_worker_credit(lt_core *core, uint32_t worker, uint32_t credits);

/* It is gone: its shards wait again; with `held_against`, the loss is counted on them. */
void lt_worker_remove(lt_core *core, uint32_t worker, bool held_against);

/* Credits or leases have changed: enters or leaves the list of hungry workers. */
void lt_worker_update(lt_core *core, uint32_t worker);

/* To the end of the list of the hungry, if it is in it. */
void lt_worker_to_back(lt_core *core, uint32_t worker);

/* When something must happen to the worker or a lease of it if nothing is heard. */
uint64_t lt_worker_due_ms(const lt_core *core, uint32_t worker);
void lt_worker_set_due(lt_core *core, uint64_t due_ms); /* core->due_ms is not later than that */

/* Looses workers that are silent and leases that have run out. */
void lt_worker_watch(lt_core *core);

/* The coordinator itself stood still: nobody's deadline has come nearer. */
void lt_worker_shift(lt_core *core, uint64_t gap_ms);

/* Asks workers whose rows were dropped to say Hello and send them again. */
void lt_worker_resync(lt_core *core);

#endif
