/* The leases of a worker and the engine that scores them.
 *
 *     Lease -> PREPARING (supply) -> READY -> RUNNING (engine) -> SENT -> all acked: over
 *
 * An engine that dies gets the lease a second time, text by text, so that the text that kills it
 * is known; one that makes no step for most of a lease's time is killed first. Loop thread only. */
#ifndef LT_WORKER_WORK_H
#define LT_WORKER_WORK_H

#include "common/net/dialler.h"
#include "worker/engine_process.h"
#include "worker/held.h"

typedef struct lt_work {
    uv_loop_t *loop;
    lt_cache *cache;
    lt_dialler *dialler; /* the session's; NULL: nothing is sent */
    lt_engine *engine;
    lt_held *leases;  /* in the order they came */
    lt_held *running; /* what the engine has; NULL also when that lease was revoked */
    uint64_t steps;   /* signs of life from engine and supplies: what Progress shows */
    uint64_t tokens_done;
    uint64_t sign_ms; /* the last sign from the engine's run */
    bool stopping;    /* nothing is begun any more */
    void *context;
    void (*on_change)(void *context); /* a run has ended, or a lease is over */
} lt_work;

/* The caller has set loop, cache, context and on_change, and sets `dialler` when it has one. */
lt_status lt_work_open(lt_work *work, const char *program, int threads, lt_error *error);

/* What the coordinator says. */
void lt_work_take_lease(lt_work *work, const Lefttail__Lease *lease);
void lt_work_take_ack(lt_work *work, const Lefttail__Ack *ack);
void lt_work_take_revoke(lt_work *work, const Lefttail__Revoke *revoke);
void lt_work_take_chunk(lt_work *work, const Lefttail__BlobChunk *chunk);
void lt_work_take_error(lt_work *work, const Lefttail__BlobError *blob_error);

void lt_work_resend(lt_work *work); /* a new session: rows without ack, blobs, progress */
void lt_work_beat(lt_work *work, uint64_t lease_ms); /* Progress; kills an engine that hangs */
void lt_work_flush(lt_work *work);                   /* sends the rows that wait for company */
void lt_work_drop_unstarted(lt_work *work);

/* Nothing is begun any more; what was begun goes on. */
void lt_work_stop(lt_work *work);
void lt_work_cancel(lt_work *work);         /* ends the run in work soon; its rows stay */
bool lt_work_is_busy(const lt_work *work);  /* a run is in work, or one will be begun again */
bool lt_work_is_acked(const lt_work *work); /* no row waits for an ack */

/* Kills the engine and closes the supplies; run the loop afterwards, then free the leases. */
void lt_work_close(lt_work *work);
void lt_work_fini(lt_work *work);

#endif
