/* A coordinator's core among virtual workers, a network, a disk and a clock that are not to be
 * trusted. One 64-bit seed decides everything; the same seed gives the same events.
 *
 * What the world knows and the core does not: the truth about every item (scored, refused by its
 * text, kills the engine, hangs it), what is durable, who holds which token. */
#ifndef LT_TESTS_SIM_CORE_WORLD_H
#define LT_TESTS_SIM_CORE_WORLD_H

#include "coordinator/core/core.h"

/* What can go wrong. Each kind must have happened at least once in a run of all seeds. */
#define SIM_FAULT_LIST(X)                                                                          \
    X(connection_reset)                                                                            \
    X(message_doubled)                                                                             \
    X(message_late) X(results_lost) X(ack_lost) X(revoke_lost) X(worker_crashed) X(worker_paused)  \
        X(worker_left) X(engine_died) X(engine_hung) X(checkpoint_unloadable) X(forged_token)      \
            X(stranger_items) X(coordinator_crashed) X(crashed_before_commit)                      \
                X(crashed_after_commit) X(coordinator_paused) X(commit_partial) X(disk_full)       \
                    X(job_cancelled) X(job_resubmitted) X(shared_unit) X(clock_back)
typedef struct sim_faults {
#define X(name) uint64_t name;
    SIM_FAULT_LIST(X)
#undef X
} sim_faults;

/* Probabilities are per 1000 occasions. */
typedef struct sim_options {
    uint32_t workers, jobs, units_per_job, items_max;
    uint32_t reset, doubled, late, results_lost, ack_lost; /* per message */
    uint32_t worker_crash, worker_pause, worker_leave;     /* per worker and second */
    uint32_t coordinator_crash, coordinator_pause;         /* per second */
    uint32_t commit_crash, disk_full;                      /* per commit */
    uint32_t poison, hang, final_failure;                  /* per item */
    uint32_t forge;                                        /* per batch */
    bool name_poison, cancel, share, broken_everywhere, stranger;
    uint32_t broken_worker; /* index + 1: cannot load class 1 */
    uint32_t item_ms, batch_rows, credits;
    lt_core_options core;
} sim_options;

typedef enum sim_truth { SIM_SCORES, SIM_FAILS, SIM_KILLS, SIM_HANGS } sim_truth;
typedef enum sim_row { SIM_NO_ROW, SIM_ROW_SCORED, SIM_ROW_FAILED, SIM_ROW_GIVEN_UP } sim_row;

#define SIM_ITEMS_MAX 160
typedef struct sim_unit {
    uint32_t class_id, pack_id, items;
    bool cancelled; /* at some time nobody asked for it */
    uint8_t truth[SIM_ITEMS_MAX];
    uint8_t durable[SIM_ITEMS_MAX]; /* sim_row on the disk */
    uint8_t put[SIM_ITEMS_MAX];     /* sim_row in the open transaction */
    uint64_t ticket[SIM_ITEMS_MAX]; /* of the row put */
    uint8_t reason[SIM_ITEMS_MAX];  /* of rows given up */
} sim_unit;

typedef enum sim_job_state {
    SIM_JOB_WAITS,
    SIM_JOB_RUNS,
    SIM_JOB_DONE,
    SIM_JOB_CANCELLED
} sim_job_state;
#define SIM_REFS_MAX 24
typedef struct sim_job {
    uint64_t id;
    sim_job_state state; /* durable */
    int32_t priority;
    lt_core_unit refs[SIM_REFS_MAX];
    uint32_t ref_count;
} sim_job;

/* ---- messages ---- */

typedef enum sim_message_kind {
    SIM_HELLO,
    SIM_CREDIT,
    SIM_PROGRESS,
    SIM_RESULTS,
    SIM_FAILURE,
    SIM_BYE, /* to the coordinator */
    SIM_WELCOME,
    SIM_UNKNOWN_PEER,
    SIM_LEASE,
    SIM_REVOKE,
    SIM_ACK /* to a worker */
} sim_message_kind;

#define SIM_ROWS_MAX 16
typedef struct sim_message {
    sim_message_kind kind;
    uint64_t instance, coordinator_epoch;
    uint64_t lease, sequence, token; /* token: the instance that the lease was given to */
    uint32_t epoch, class_id, pack_id, first_item, item_count;
    uint32_t items_done, credits;
    uint64_t engine_steps;
    uint8_t done[SIM_ITEMS_MAX / 8];
    uint32_t row_count;
    lt_event_row rows[SIM_ROWS_MAX];
    Lefttail__FailureReason reason;
    bool item_known;
    uint32_t item;
} sim_message;

/* ---- workers ---- */

typedef struct sim_batch { /* sent, not acknowledged */
    sim_message message;
    struct sim_batch *next;
} sim_batch;

#define SIM_LEASES_MAX 32 /* more than credits: revokes get lost */
typedef struct sim_lease {
    sim_message given;
    uint32_t next_item, items_done;
    bool finished;     /* everything is sent */
    sim_message batch; /* rows not sent yet */
} sim_lease;

typedef struct sim_worker {
    bool up, welcome;
    uint64_t instance, connection, life; /* life: events of an earlier one are void */
    uint64_t sequence;                   /* of the last batch */
    uint64_t paused_until, hello_sent_ms, welcome_ms;
    sim_lease leases[SIM_LEASES_MAX]; /* in the order in which they came */
    uint32_t lease_count;
    sim_batch *spool, **spool_end;
    uint64_t oldest_sent_ms;
    uint64_t engine_steps, engine_run; /* engine_run: an engine's events die with it */
    bool engine_busy, engine_hung, loaded;
    uint32_t loaded_class;
    uint64_t peer_connection; /* the coordinator's side: the connection that said Hello; 0: none */
} sim_worker;

/* ---- the world ---- */

typedef enum sim_event_kind {
    SIM_DELIVER,
    SIM_WORKER_START,
    SIM_WORKER_HELLO,
    SIM_WORKER_BEAT,
    SIM_ENGINE,
    SIM_CHAOS,
    SIM_TICK,
    SIM_COMMIT,
    SIM_STORE_OK,
    SIM_COORDINATOR_START,
    SIM_SUBMIT,
    SIM_CANCEL,
    SIM_CALM
} sim_event_kind;

typedef struct sim_event {
    uint64_t at_ms, order;
    sim_event_kind kind;
    uint32_t worker;
    uint64_t stamp; /* connection, life or engine run that it belongs to */
    bool to_worker;
    sim_message *message; /* owned */
} sim_event;

#define SIM_WORKERS_MAX 16
#define SIM_UNITS_MAX 48
#define SIM_JOBS_MAX 6
typedef struct sim_world {
    uint64_t seed, random, now_ms, order, hash, events, checks;
    sim_options options;
    sim_faults faults;
    bool calm; /* no more faults */
    bool loud; /* tell every step */
    sim_event *heap;
    size_t heap_count, heap_cap;
    sim_worker workers[SIM_WORKERS_MAX];
    sim_unit units[SIM_UNITS_MAX];
    uint32_t unit_count;
    sim_job jobs[SIM_JOBS_MAX];
    lt_core *core; /* NULL: down */
    uint64_t epoch, life, paused_until, instances, first_put_ticket, last_put_ticket;
    bool commit_due, store_full, deaths_counted;
    uint64_t tick_at_ms;
    uint32_t puts; /* rows in the open transaction */
    lt_actions actions;
    lt_core_counters counters; /* of earlier lives of the coordinator */
    char trouble[256];         /* the first thing that was wrong */
} sim_world;

/* world.c */
void sim_init(sim_world *sim, uint64_t seed, const sim_options *options);
void sim_fini(sim_world *sim);
uint64_t sim_random(sim_world *sim, uint64_t below);
bool sim_chance(sim_world *sim, uint32_t per_1000); /* never in the calm */
void sim_at(sim_world *sim, uint64_t delay_ms, sim_event event);
bool sim_next(sim_world *sim, sim_event *out); /* moves the time */
void sim_send(sim_world *sim, uint32_t worker, bool to_worker, const sim_message *message);
void sim_mix(sim_world *sim, uint64_t value); /* into the hash of the log */
void sim_trouble(sim_world *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
sim_unit *sim_unit_of(sim_world *sim, uint32_t class_id, uint32_t pack_id);

/* worker.c */
void sim_worker_start(sim_world *sim, uint32_t worker);
void sim_worker_stop(sim_world *sim, uint32_t worker); /* kill -9 */
void sim_worker_event(sim_world *sim, const sim_event *event);
void sim_worker_deliver(sim_world *sim, uint32_t worker, const sim_message *message);
void sim_worker_hello(sim_world *sim, uint32_t worker, uint64_t delay_ms); /* the session is lost */

/* coordinator.c */
void sim_coordinator_start(sim_world *sim);
void sim_coordinator_stop(sim_world *sim);
void sim_coordinator_event(sim_world *sim, const sim_event *event);
void sim_coordinator_deliver(sim_world *sim, uint32_t worker, uint64_t connection,
                             const sim_message *message);
void sim_coordinator_step(sim_world *sim, const lt_event *event);

/* tell.c */
void sim_tell(const sim_world *sim, const lt_event *event);

/* check.c */
void sim_check(sim_world *sim);     /* what must hold between any two events */
void sim_check_end(sim_world *sim); /* and when everything has come to rest */
bool sim_at_rest(const sim_world *sim);

#endif
