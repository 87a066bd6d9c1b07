/* The shell around the core: sockets, store and blobs in one libuv loop. Messages become events,
 * the core's actions become messages and rows; nothing is decided here that the core decides.
 *
 *     workers.c, clients.c, transfer.c --event--> lt_shell_step --> lt_core_step --> actions.c
 *                                                      |
 *     ledger: rows in the open transaction -- commit (256 rows or 2 ms) --> COMMITTED --> acks
 *
 * All of it is one thread; only lt_verifier's work runs on the pool. */
#ifndef LT_COORDINATOR_SHELL_H
#define LT_COORDINATOR_SHELL_H

#include <uv.h>

#include "common/arena.h"
#include "common/net/router.h"
#include "common/net/signals.h"
#include "common/net/zap.h"
#include "coordinator/blobs.h"
#include "coordinator/core/core.h"
#include "coordinator/jobs.h"
#include "coordinator/ledger.h"
#include "coordinator/loader.h"
#include "coordinator/peers.h"
#include "coordinator/settings.h"
#include "coordinator/store.h"
#include "coordinator/token.h"
#include "coordinator/verifier.h"
#include "coordinator/watch.h"

typedef struct lt_shell_counts {
    uint64_t garbage;       /* messages that ended a session */
    uint64_t strangers;     /* messages of peers that had not said Hello */
    uint64_t rows_refused;  /* rows that lt_row_check refused */
    uint64_t rows_agreed;   /* second rows with the same bits */
    uint64_t rows_differed; /* second rows with other bits */
    uint64_t commits;
} lt_shell_counts;

typedef struct lt_shell {
    const lt_settings *settings;
    uv_loop_t loop;
    uv_timer_t tick_timer;   /* the core's next due time */
    uv_timer_t commit_timer; /* 2 ms after the first row of a transaction */
    uv_timer_t space_timer;  /* while the disk is full */
    uv_timer_t second_timer; /* progress events, watchers */
    uv_idle_t load_idle;     /* while a job is being loaded */
    lt_signals signals;
    lt_store *store;
    lt_blobs *blobs;
    lt_verifier *verifier;
    lt_zap *zap;
    lt_router *worker_router, *client_router;
    lt_peers worker_peers, client_peers;
    lt_core *core;
    lt_actions actions;
    lt_jobs jobs;
    lt_loader loader;
    lt_ledger ledger;
    lt_watchers watchers;
    lt_token_key token_key;
    lt_arena arena; /* of the message that is being made */
    lt_shell_counts counts;
    uint64_t progress_ms; /* when the last progress line was written */
    uint64_t swept_ms;    /* when old parts were last removed */
    /* Ended jobs whose plans were read for their rows; the older goes first. */
    lt_job *plans_read[2];
    bool jobs_unsaved; /* some job's end is not in the store yet */
    bool store_blocked, stopping;
    int exit_code;
} lt_shell;

/* Opens everything, resumes the running jobs, binds, and runs until a signal or a failure of the
 * disk. Returns the exit code: 0 stopped, 1 failed; *error says why. */
int lt_shell_run(const lt_settings *settings, lt_error *error);

/* One event through the core, and what follows from it. `results` is the message of a RESULTS
 * event, else NULL; it is taken over and freed, at the latest when its rows are durable. */
void lt_shell_step(lt_shell *shell, const lt_event *event, Lefttail__Message *results);

/* Makes the rows in the ledger durable and tells the core. False: no space, or the shell stops. */
bool lt_shell_commit(lt_shell *shell);

/* Asks for lt_loader_slice from the loop. */
void lt_shell_load_later(lt_shell *shell);

/* Ends the loop: cleanly with code 0, or because something cannot go on. */
void lt_shell_stop(lt_shell *shell, int exit_code);

/* ---- actions.c: carries out what the core said; `results` as in lt_shell_step */
void lt_shell_act(lt_shell *shell, const lt_action *action, const Lefttail__Results *results);

/* ---- sessions.c: Hello, Bye, Refuse; both endpoints */
extern const lt_router_events lt_shell_worker_events,
    lt_shell_client_events; /* context: the shell */
void lt_shell_refuse(lt_router *router, lt_peer peer, Lefttail__RefuseReason reason,
                     const char *text);
/* Ends the session of a peer that sent what it may not send: Refuse, then silence. */
void lt_shell_spoiled(lt_shell *shell, lt_router *router, lt_peer peer, const char *key,
                      const char *why);
/* The session is over. LEFT_BYE and LEFT_GONE tell the core about a worker; LEFT_KNOWN: it said so
 * itself. */
typedef enum lt_left { LT_LEFT_BYE, LT_LEFT_GONE, LT_LEFT_KNOWN } lt_left;
void lt_shell_forget(lt_shell *shell, lt_router *router, lt_session *session, lt_left left);
void lt_shell_goodbye(lt_shell *shell, const char *reason); /* Bye to everybody */

/* ---- workers.c, clients.c: one message of a session; taken over when it sets *message NULL */
void lt_shell_on_worker(lt_shell *shell, lt_session *session, Lefttail__Message **message);
void lt_shell_on_client(lt_shell *shell, lt_session *session, const Lefttail__Message *message);

/* Answers a client's request. `message` has its body set; request and packing are done here. */
void lt_shell_reply(lt_shell *shell, lt_peer peer, uint64_t request, Lefttail__Message *message);
void lt_shell_reply_error(lt_shell *shell, lt_peer peer, uint64_t request, const lt_error *error);
void lt_shell_reply_job(lt_shell *shell, lt_peer peer, uint64_t request, const lt_job *job,
                        bool existed);

/* ---- transfer.c: blobs */
void lt_shell_on_offer(lt_shell *shell, lt_peer peer, uint64_t request,
                       const Lefttail__BlobOffer *offer);
void lt_shell_on_chunk(lt_shell *shell, lt_peer peer, uint64_t request,
                       const Lefttail__BlobChunk *chunk);
/* Answers with BlobChunk or BlobError, to workers (request 0) and clients. */
void lt_shell_on_get(lt_shell *shell, lt_router *router, lt_peer peer, uint64_t request,
                     const Lefttail__BlobGet *get);

#endif
