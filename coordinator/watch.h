/* Clients that watch jobs: a stream of WatchEvent from a job's ring until the job is over. A client
 * that reads slowly gets later events later; what has left the ring meanwhile it does not get. */
#ifndef LT_COORDINATOR_WATCH_H
#define LT_COORDINATOR_WATCH_H

#include "common/net/router.h"
#include "coordinator/jobs.h"

struct lt_shell;

#define LT_WATCHERS_MAX 1024
#define LT_WATCHES_PER_CLIENT_MAX 64
#define LT_WATCH_PARKED_BYTES_MAX (256u << 10)

typedef struct lt_watchers {
    struct lt_watcher {
        lt_peer peer;
        uint64_t request;
        lt_job *job;
        uint64_t sequence; /* the last that was sent */
    } list[LT_WATCHERS_MAX];
    size_t count;
} lt_watchers;

/* LT_LIMIT: too many. A job that has ended is answered with its last event at once. */
lt_status lt_watch_add(struct lt_shell *shell, lt_peer peer, uint64_t request, lt_job *job,
                       uint64_t after_sequence, lt_error *error);
void lt_watch_drop_peer(struct lt_shell *shell, lt_peer peer);
void lt_watch_drop_job(struct lt_shell *shell, const lt_job *job);

/* Sends what has happened since; ends the streams of ended jobs. Called when the loop has handled
 * what came in, not from inside handlers. */
void lt_watch_pump(struct lt_shell *shell);

/* An event for every running job (a worker came or left). */
void lt_watch_tell_all(struct lt_shell *shell, const char *word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
