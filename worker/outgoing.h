/* The messages that a worker sends. All may be dropped while there is no session: what matters is
 * said again after the next Welcome. `dialler` may be NULL (closed). */
#ifndef LT_WORKER_OUTGOING_H
#define LT_WORKER_OUTGOING_H

#include "common/net/dialler.h"
#include "worker/held.h"

void lt_send_credit(lt_dialler *dialler, uint32_t leases);

/* held NULL: idle. */
void lt_send_progress(lt_dialler *dialler, const lt_held *held, uint64_t steps,
                      uint64_t tokens_done);

/* item NULL: not known. The detail is cut to what a message may hold. */
void lt_send_failure(lt_dialler *dialler, const Lefttail__Lease *lease,
                     Lefttail__FailureReason reason, const char *detail, const uint32_t *item);

void lt_send_blob_get(lt_dialler *dialler, const lt_digest *digest, uint64_t offset);

void lt_send_spooled(lt_dialler *dialler, const lt_spooled *spooled);
void lt_send_spool(lt_dialler *dialler, const lt_held *held); /* all of it, in order */
void lt_send_pending(lt_dialler *dialler, lt_held *held);     /* a Results of its pending rows */

#endif
