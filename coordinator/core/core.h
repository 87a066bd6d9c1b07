/* The coordinator's decisions: which worker scores what, what a row that arrives is worth, when
 * work is tried again or given up, when a job is done. Pure: an event and the time go in, actions
 * come out. No socket, file, clock, log line or random number; ties are broken by the order in
 * which things came, so the same events give the same actions.
 *
 *     messages, timers, commits --event--> lt_core_step --actions--> messages, rows to store, logs
 *
 * WORDS. A unit is all items of one pack for one numerics class, named by two small numbers that
 * the store gave: (class, pack). Jobs refer to units; a unit that two jobs (or two scorers of one
 * job) ask for is scored once. A shard is a run of a unit's items; it starts as the whole unit and
 * is split when it keeps failing. A lease is a shard given to a worker until a deadline.
 *
 * AN ITEM is open, then pending (its row was given to the store), then recorded (the store's
 * commit is reported). Only open items take a row; everything else is a duplicate, acknowledged
 * like the rest. What a row's lease was does not matter for that: rows that come late, or from a
 * lease of an earlier life of the coordinator, are taken by their (class, pack, item).
 *
 * THE SHELL MUST
 *  - check every row (lt_row_check) and every token before an event is made of them;
 *  - carry out actions in their order, after the step;
 *  - add all running jobs before it lets the first worker in: rows of units that no job asks for
 *    are acknowledged and dropped;
 *  - call the step with LT_EVENT_TICK when lt_core_next_due_ms has come (at least once a second);
 *  - send nothing to workers but what actions say (and Welcome, Refuse, blobs).
 * Not for threads. Memory grows when a job or a worker is added and when a shard splits (never
 * beyond one shard per item), never with the number of events. */
#ifndef LT_COORDINATOR_CORE_CORE_H
#define LT_COORDINATOR_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "lefttail.pb-c.h"

typedef struct lt_core lt_core;

/* Zero means the default in brackets. */
typedef struct lt_core_options {
    uint64_t epoch; /* lt_store_epoch: the high bits of lease ids, so that no two lives share one */
    uint32_t lease_ms;          /* a lease without progress for this long is over [60000] */
    uint32_t load_ms;           /* more than that for the first lease of a class on a worker, which
                                 * fetches and loads the checkpoint [4 x lease_ms] */
    uint32_t worker_timeout_ms; /* a worker that says nothing for this long is lost [20000] */
    uint32_t
        attempts_max; /* engine deaths or expiries of a single item before it is a failed row [3] */
    uint32_t losses_max;         /* workers lost while they held one item, likewise [16] */
    uint32_t class_failures_max; /* failures to load one checkpoint or fetch its blobs before its
                                  * items are failed rows [6] */
    uint32_t class_pause_ms;     /* a worker that could not load a checkpoint is not given it for
                                  * this long, doubling up to 64 times [1000] */
    uint32_t turn_ms; /* a worker stays this long with a job before another job of the same
                       * priority gets its turn [30000] */
    uint32_t rows_inflight_max; /* rows given to the store and not yet committed [65536] */
} lt_core_options;

lt_core *lt_core_new(const lt_core_options *options); /* never NULL */
void lt_core_free(lt_core **core);                    /* safe on NULL; leaves NULL */

/* ---- jobs ---------------------------------------------------------------------------------- */

/* A unit as a job asks for it. The core hands scorer_index and pack_index back with leases. */
typedef struct lt_core_unit {
    uint32_t class_id;     /* lt_store_class_id of the scorer's spec */
    uint32_t pack_id;      /* lt_store_pack_id */
    uint32_t items;        /* > 0; the same wherever the unit is named */
    uint32_t scorer_index; /* in the job's manifest */
    uint32_t pack_index;
} lt_core_unit;

/* Adds a job that waits for LT_EVENT_JOB_READY. `job` is the id's 16 hex digits as a number.
 * plan.h makes the units of a manifest. LT_CONFLICT: it is here already. LT_LIMIT: a unit has more
 * than LT_PACK_ITEMS_MAX items, or other items than before. `units` is copied. */
lt_status lt_core_add_job(lt_core *core, uint64_t job, int32_t priority, const lt_core_unit *units,
                          size_t unit_count, lt_error *error);

/* Tells of a row that is durable in the store, between lt_core_add_job and LT_EVENT_JOB_READY. Call
 * it for every row of the job's units (commit first, so that none of them can vanish). An item that
 * the core knows already is no error; a unit or an item that does not exist is false. */
bool lt_core_add_row(lt_core *core, uint32_t class_id, uint32_t pack_id, uint32_t item,
                     bool failed);

typedef struct lt_core_job_facts {
    uint64_t rows_expected;
    uint64_t rows_scored;   /* durable */
    uint64_t rows_failed;   /* durable */
    uint64_t rows_known;    /* of both, there when the job became ready */
    double rows_per_second; /* over the last half minute */
    double seconds_left;    /* negative: unknown */
    uint32_t leases_active;
    uint64_t retries;    /* shards given out again */
    uint64_t duplicates; /* rows that came for items that had one */
    uint64_t expired;    /* leases that ran out */
} lt_core_job_facts;

/* False: no such job (it never was, or it has ended: keep what LT_ACTION_JOB_DONE brought). */
bool lt_core_job(const lt_core *core, uint64_t job, uint64_t now_ms, lt_core_job_facts *facts);

/* ---- events -------------------------------------------------------------------------------- */

/* Everything that can happen. `worker` is a number that the shell chose for one worker process (its
 * Hello.instance), never 0; a worker that connects again keeps it: its second WORKER_JOINED brings
 * its leases again. STORE_BLOCKED means that nothing past the last COMMITTED is kept: the shell has
 * rolled it back and forgets it. */
#define LT_EVENT_LIST(X)                                                                           \
    X(TICK, "tick")                   /* nothing but time */                                       \
    X(WORKER_JOINED, "worker_joined") /* Welcome was sent */                                       \
    X(WORKER_LEFT, "worker_left")     /* Bye, or the connection is known to be gone */             \
    X(WORKER_ALIVE, "worker_alive")   /* any other message; BlobGet counts as work done */         \
    X(CREDIT, "credit")                                                                            \
    X(PROGRESS, "progress")                                                                        \
    X(RESULTS, "results")                                                                          \
    X(FAILURE, "failure")                                                                          \
    X(JOB_READY, "job_ready")                                                                      \
    X(JOB_CANCEL, "job_cancel")                                                                    \
    X(COMMITTED, "committed")         /* all tickets up to `ticket` are durable */                 \
    X(STORE_BLOCKED, "store_blocked") /* the disk is full */                                       \
    X(STORE_OK, "store_ok")           /* there is room again */
typedef enum lt_event_kind {
#define X(name, word) LT_EVENT_##name,
    LT_EVENT_LIST(X)
#undef X
} lt_event_kind;

typedef struct lt_event_row {
    uint32_t item; /* index in the pack */
    bool failed;   /* ROW_FAILED */
} lt_event_row;

/* A message about a lease says which; `trusted` is the shell's word that the token belongs to this
 * lease, epoch and worker. (A token made with a keyed hash of these, with a key kept in the data
 * folder, can be checked after a restart too, when the lease itself is forgotten.) */
typedef struct lt_event_lease {
    uint64_t id;
    uint32_t epoch;
    bool trusted;
} lt_event_lease;

typedef struct lt_event {
    lt_event_kind kind;
    uint64_t worker; /* of the events that a worker causes */
    union {
        struct {
            bool bye;
        } left; /* it said so: nothing is blamed for it */
        struct {
            bool working;
        } alive; /* true for BlobGet */
        struct {
            uint32_t leases;
        } credit; /* in all, those it holds included */
        struct {
            lt_event_lease lease; /* id 0: idle; progress carries no token */
            uint32_t items_done;
            uint64_t engine_steps, tokens_done;
        } progress;
        struct {
            lt_event_lease lease;
            uint64_t sequence;
            uint32_t class_id, pack_id; /* what the rows belong to: from the message, or,
                                         * when it names none, lt_core_lease_unit's */
            const lt_event_row *rows;   /* [row_count] */
            uint32_t row_count;
        } results;
        struct {
            lt_event_lease lease;
            Lefttail__FailureReason reason;
            bool item_known;
            uint32_t item;
        } failure;
        struct {
            uint64_t id;
        } job; /* JOB_READY, JOB_CANCEL; unknown ids do nothing */
        struct {
            uint64_t ticket;
        } committed;
    };
} lt_event;

/* The unit of a lease that is active; false when it is not. */
bool lt_core_lease_unit(const lt_core *core, uint64_t lease, uint32_t epoch, uint32_t *class_id,
                        uint32_t *pack_id);

/* ---- actions ------------------------------------------------------------------------------- */

/* A worker that is LOST has been silent too long: the shell forgets its session, so that it must
 * say Hello again. RESYNC asks for that at once, because rows of it were dropped; REFUSE ends the
 * session of one that named items which do not exist. */
#define LT_ACTION_LIST(X)                                                                          \
    X(LEASE, "lease")   /* send Lease; may come twice after WORKER_JOINED */                       \
    X(REVOKE, "revoke") /* send Revoke */                                                          \
    X(ACK, "ack")       /* send Ack */                                                             \
    X(RECORD, "record") /* put these rows of the event into the open transaction */                \
    X(RECORD_FAILURE, "record_failure") /* put a failed row that no worker sent */                 \
    X(JOB_DONE, "job_done")           /* every item of the job is recorded; the core forgets it */ \
    X(JOB_CANCELLED, "job_cancelled") /* its leases are revoked; the core forgets it */            \
    X(WORKER_LOST, "worker_lost")     /* send nothing */                                           \
    X(RESYNC, "resync")               /* send Refuse UNKNOWN_PEER */                               \
    X(REFUSE, "refuse")               /* send Refuse BAD_MESSAGE, ban the peer */
typedef enum lt_action_kind {
#define X(name, word) LT_ACTION_##name,
    LT_ACTION_LIST(X)
#undef X
} lt_action_kind;

#define LT_REVOKE_LIST(X)                                                                          \
    X(EXPIRED, "no progress until the lease was over")                                             \
    X(CANCELLED, "the job was cancelled")                                                          \
    X(RECORDED, "its items are recorded already")                                                  \
    X(UNKNOWN, "the lease is over or was never given")
typedef enum lt_revoke_reason {
#define X(name, sentence) LT_REVOKE_##name,
    LT_REVOKE_LIST(X)
#undef X
} lt_revoke_reason;
const char *lt_revoke_sentence(lt_revoke_reason reason); /* static */

typedef struct lt_action {
    lt_action_kind kind;
    uint64_t worker; /* to whom, or about whom; 0: RECORD_FAILURE, JOB_* */
    union {
        struct {
            uint64_t id;
            uint32_t epoch;
            uint64_t job;                      /* one that asks for it */
            uint32_t scorer_index, pack_index; /* in that job's manifest */
            uint32_t class_id, pack_id;
            uint32_t first_item, item_count; /* lt_core_done_bits gives Lease.done */
            bool again;                      /* a repetition after WORKER_JOINED */
        } lease;
        struct {
            uint64_t id;
            uint32_t epoch;
            lt_revoke_reason reason;
        } revoke;
        struct {
            uint64_t id;
            uint32_t epoch;
            uint64_t sequence;
        } ack;
        struct {
            uint64_t ticket; /* COMMITTED reports the largest that a commit held */
            uint32_t class_id, pack_id;
            uint32_t first_index; /* actions->indices from here on: which rows of the */
            uint32_t count;       /* event, ascending; so many */
        } record;
        struct {
            uint64_t ticket;
            uint32_t class_id, pack_id, item;
            Lefttail__FailureReason reason;
            uint32_t attempts; /* for the row's detail */
        } failure;
        struct {
            uint64_t id;
            lt_core_job_facts facts;
        } job; /* the last facts */
    };
} lt_action;

/* The caller's; zeroed memory is an empty list. lt_core_step clears it first. */
typedef struct lt_actions {
    lt_action *list;
    size_t count, cap;
    uint32_t *indices;
    size_t index_count, index_cap;
} lt_actions;

void lt_actions_fini(lt_actions *actions);

/* One event. Time never goes back: a smaller now_ms counts as the last one. Afterwards the state is
 * consistent whatever the event said. */
void lt_core_step(lt_core *core, const lt_event *event, uint64_t now_ms, lt_actions *actions);

/* When LT_EVENT_TICK is wanted, whatever else happens: never more than a second after the last
 * step. */
uint64_t lt_core_next_due_ms(const lt_core *core);

/* Lease.done of a run of items: bit i (LSB first) says that item first_item + i is recorded. Writes
 * (item_count + 7) / 8 bytes. */
void lt_core_done_bits(const lt_core *core, uint32_t class_id, uint32_t pack_id,
                       uint32_t first_item, uint32_t item_count, uint8_t *out);

/* ---- to look at ---------------------------------------------------------------------------- */

typedef struct lt_core_worker_facts {
    uint32_t credits, leases;
    uint64_t rows_done;     /* new rows, since it joined */
    double rows_per_second; /* over the last half minute */
    uint64_t tokens_done;   /* as it said last */
    uint64_t seen_ms;       /* last sign of life, in the core's time */
    uint32_t failures;      /* engine deaths, expiries, checkpoints not loaded */
} lt_core_worker_facts;

bool lt_core_worker(const lt_core *core, uint64_t worker, uint64_t now_ms,
                    lt_core_worker_facts *facts);

/* Counters since the start, for /metrics and for tests that must know that a fault happened. */
#define LT_CORE_COUNTER_LIST(X)                                                                    \
    X(leases_granted)                                                                              \
    X(leases_done) X(leases_expired) X(leases_revoked) X(leases_lost) X(leases_failed)             \
        X(leases_unknown) X(batches) X(batches_stale) X(batches_untrusted) X(batches_dropped)      \
            X(batches_unwanted) X(rows_new) X(rows_stale) X(duplicates) X(acks) X(retries)         \
                X(splits) X(rows_given_up) X(engine_deaths) X(class_failures) X(class_given_up)    \
                    X(workers_joined) X(workers_rejoined) X(workers_left) X(workers_lost)          \
                        X(resyncs) X(refused) X(store_blocks) X(rows_rolled_back) X(stalls)        \
                            X(jobs_done) X(jobs_cancelled)
typedef struct lt_core_counters {
#define X(name) uint64_t name;
    LT_CORE_COUNTER_LIST(X)
#undef X
} lt_core_counters;
const lt_core_counters *lt_core_counters_of(const lt_core *core);

typedef struct lt_core_totals {
    uint32_t jobs, workers, leases;
    uint64_t rows_inflight; /* given to the store and not yet committed */
    bool store_blocked;
} lt_core_totals;
lt_core_totals lt_core_totals_of(const lt_core *core);

#endif
