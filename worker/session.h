/* A worker's life: it joins a coordinator, takes leases, has its engine score them (work.h), keeps
 * rows until they are acknowledged, and leaves when it is told to. Loop thread only. */
#ifndef LT_WORKER_SESSION_H
#define LT_WORKER_SESSION_H

#include <uv.h>

#include "common/net/keys.h"
#include "worker/cache.h"

typedef struct lt_worker_session lt_worker_session;

typedef struct lt_worker_options {
    const char *coordinator; /* endpoint */
    const lt_keys *keys;     /* NULL: none */
    const char *name;
    const Lefttail__WorkerFacts *facts;
    const char *program; /* of the engine process: this one */
    int threads;         /* 0: all cores */
    uint64_t stop_ms;    /* what a lease in work may still take after the first stop */
} lt_worker_options;

/* `cache` stays the caller's until the loop has ended. */
lt_status lt_worker_session_open(lt_worker_session **out, uv_loop_t *loop, lt_cache *cache,
                                 const lt_worker_options *options, lt_error *error);

/* First time: takes no more leases, lets the one in work end within stop_ms, waits a little for
 * acks, says Bye, and leaves the loop without handles. Second time: at once. */
void lt_worker_session_stop(lt_worker_session *session, unsigned times);

/* After the loop has ended: LT_OK after a stop, else why (refused for good). Frees it. */
lt_status lt_worker_session_free(lt_worker_session **session, lt_error *error);

#endif
