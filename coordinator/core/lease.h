/* Leases: given, kept alive by progress, ended. */
#ifndef LT_COORDINATOR_CORE_LEASE_H
#define LT_COORDINATOR_CORE_LEASE_H

#include "coordinator/core/state.h"

/* The lease that a message speaks of: the index if it is active, of that epoch and held by that
 * worker (LT_NONE as worker: whoever holds it), else LT_NONE. */
uint32_t lt_lease_find(const lt_core *core, uint64_t id, uint32_t epoch, uint32_t worker);

/* Gives a shard (IDLE, with open items and none pending) to a worker. */
void lt_lease_grant(lt_core *core, uint32_t shard, uint32_t worker);
void lt_lease_send(lt_core *core, uint32_t lease, bool again); /* the LEASE action */

/* The worker's engine has moved: none of its leases is over for another lease_ms. With `lease`,
 * that one moved: what it needed is loaded. */
void lt_lease_extend_all(lt_core *core, uint32_t worker, uint32_t lease);

/* Ends it and leaves its shard IDLE, to be settled by the caller. Returns the shard. */
uint32_t lt_lease_end(lt_core *core, uint32_t lease);

void lt_lease_finish(lt_core *core, uint32_t lease); /* all items are recorded */
void lt_lease_expire(lt_core *core, uint32_t lease,
                     bool charged); /* revoke, queue again; at fault or not */
void lt_lease_revoke(lt_core *core, uint64_t worker, uint64_t id, uint32_t epoch,
                     lt_revoke_reason reason);

#endif
