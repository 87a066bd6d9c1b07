/* The core's state, for the files of this folder and for the simulator that checks it. Records
 * refer to each other by index; LT_NONE is "nothing". Free records hang in lists of their own kind.
 *
 *     job --refs--> unit --shards--> shard <--lease--> worker
 *      '--lanes--> queue of shards         in-flight batches --> unit
 *
 * What holds between steps:
 *  - a unit has at least one ref; its first ref's job owns it: the job's lane queues its shards;
 *  - an item is open, pending or recorded; a shard's counts are those of its items;
 *  - a shard is QUEUED (in its lane), LEASED, CONDEMNED (in that queue) or IDLE (nothing open, or
 *    waiting for pending rows to settle, or its job is not ready);
 *  - pending items are exactly those of the in-flight batches that have a unit. */
#ifndef LT_COORDINATOR_CORE_STATE_H
#define LT_COORDINATOR_CORE_STATE_H

#include "coordinator/core/core.h"
#include "coordinator/core/map.h"
#include "coordinator/core/rate.h"

/* A job's wish for a unit. Those of one unit form a list, the owner first. */
typedef struct lt_ref {
    uint32_t unit;
    uint32_t scorer_index, pack_index;
    uint32_t next_job,
        next_ref; /* the next ref of the same unit: index in lt_core.jobs, and in its refs */
} lt_ref;

/* Shards that wait, of one job and one class. Requeued ones come in at the head. */
typedef struct lt_lane {
    uint32_t class_id;
    uint32_t head, tail;
    uint32_t leases; /* active, of owned units */
    uint64_t open;   /* items, of owned units */
} lt_lane;

typedef struct lt_job_state {
    bool used, ready;
    uint64_t id;
    int32_t priority;
    uint64_t served; /* when a worker last turned to it, in turns */
    lt_ref *refs;    /* [ref_count]; owned */
    uint32_t ref_count;
    lt_lane *lanes; /* [lane_count]; owned */
    uint32_t lane_count;
    uint64_t expected, scored, failed, known, retries, duplicates, expired;
    uint32_t leases;
    lt_rate rate;
    uint32_t next_free;
} lt_job_state;

/* Three bits per item, in planes of words: pending, recorded, failed (of recorded). */
enum { LT_PLANE_PENDING, LT_PLANE_RECORDED, LT_PLANE_FAILED, LT_PLANES };

typedef struct lt_unit {
    uint32_t class_id, pack_id;
    uint32_t items;        /* 0: free */
    uint32_t shards;       /* first, by item */
    uint32_t ref_job, ref; /* the owner */
    uint32_t lane;         /* of the owner */
    uint32_t next_free;
    union {
        uint64_t few[LT_PLANES]; /* up to 64 items */
        uint64_t *many;          /* [LT_PLANES, words]; owned */
    } bits;
} lt_unit;

typedef enum lt_shard_state {
    LT_SHARD_IDLE,
    LT_SHARD_QUEUED,
    LT_SHARD_LEASED,
    LT_SHARD_CONDEMNED
} lt_shard_state;

typedef struct lt_shard {
    uint32_t unit, first, count;
    uint32_t open, pending; /* items */
    uint32_t epoch;         /* of the last lease */
    uint32_t lease;
    uint32_t next_of_unit; /* by item; free list */
    uint32_t next_queued;
    uint8_t state;           /* lt_shard_state */
    uint8_t doom;            /* FailureReason that its open items get; 0: none */
    uint8_t attempts;        /* deaths and expiries */
    uint8_t losses;          /* workers that went away with it */
    bool two_workers;        /* attempts were charged on two of them */
    uint64_t blamed;         /* worker of the last attempt */
    uint64_t avoid_until_ms; /* until then another worker is wanted */
} lt_shard;

typedef struct lt_lease {
    bool used;
    uint64_t id;
    uint32_t epoch, shard, worker;
    uint32_t next_of_worker; /* free list */
    uint32_t items_done;
    bool loading; /* the worker may still be loading the checkpoint */
    bool helped;  /* somebody else delivered some of its items */
    uint64_t deadline_ms;
} lt_lease;

#define LT_PAUSES_PER_WORKER 8
typedef struct lt_pause {
    uint32_t class_id, failures; /* failures 0: free */
    uint64_t until_ms;
} lt_pause;

typedef struct lt_worker {
    bool used, away, resync; /* away: it must say Hello; resync: rows of it were dropped */
    uint64_t id;
    uint32_t credits, lease_count;
    uint32_t leases;   /* first, in the order of their grants */
    uint32_t class_id; /* what it has loaded, as far as is known */
    bool has_class;
    uint64_t job;     /* whose turn it is here */
    uint64_t turn_ms; /* since when */
    uint64_t seen_ms, engine_steps, tokens_done, rows_done;
    uint32_t failures;
    lt_rate rate;
    lt_pause pauses[LT_PAUSES_PER_WORKER];
    bool hungry; /* in the list of workers with credit left */
    uint32_t hungry_next, hungry_before;
    uint32_t next_free;
} lt_worker;

/* A checkpoint that workers failed to load, as long as jobs want it. */
typedef struct lt_class {
    uint32_t class_id, units; /* units 0: free */
    uint32_t failures;
    uint64_t blamed;
    bool two_workers;
    bool proven;  /* it has given a row */
    uint8_t doom; /* FailureReason; 0: not given up */
} lt_class;

/* Rows that the store has and has not yet committed, or an ack that waits behind them. */
typedef struct lt_batch {
    uint64_t ticket;
    uint32_t unit;      /* LT_NONE: no rows, or their job has gone */
    uint32_t row_count; /* in lt_inflight.rows */
    uint64_t worker;    /* 0: nobody to acknowledge */
    uint64_t lease, sequence;
    uint32_t epoch;
} lt_batch;

#define LT_BATCHES_INFLIGHT_MAX 4096
typedef struct lt_inflight {
    lt_batch *batches; /* ring [LT_BATCHES_INFLIGHT_MAX] */
    uint32_t first, count;
    uint32_t *rows; /* ring [row_cap]: item, top bit: failed */
    uint32_t row_first, row_count, row_cap;
    uint64_t ticket; /* the last that was given out */
    bool dropped;    /* some worker has `resync` set */
} lt_inflight;

struct lt_core {
    lt_core_options options;
    uint64_t now_ms;
    bool started; /* now_ms means something */
    bool store_blocked;
    uint64_t due_ms; /* no worker needs attention before */
    uint64_t lease_sequence, turn_sequence;

    lt_job_state *jobs;
    uint32_t job_count, job_cap, job_free;
    lt_map job_map; /* id -> index */
    lt_unit *units;
    uint32_t unit_count, unit_cap, unit_free;
    lt_map unit_map; /* class, pack -> index */
    lt_shard *shards;
    uint32_t shard_count, shard_cap, shard_free;
    lt_class *classes;
    uint32_t class_count;
    lt_lease *leases;
    uint32_t lease_count, lease_cap, lease_free, leases_active;
    lt_map lease_map; /* id -> index */
    lt_worker *workers;
    uint32_t worker_count, worker_cap, worker_free, workers_present;
    lt_map worker_map; /* id -> index */
    uint32_t hungry_head, hungry_tail;
    uint32_t doomed_head, doomed_tail; /* CONDEMNED shards */
    uint32_t queued;                   /* QUEUED shards */
    lt_inflight inflight;
    lt_core_counters counters;
    lt_actions *actions; /* during a step */
};

/* A new action of the running step, zeroed but for its kind and worker. */
lt_action *lt_core_act(lt_core *core, lt_action_kind kind, uint64_t worker);

/* Room for one more record: doubles `*items` as needed. */
void *lt_core_grow(void *items, uint32_t count, uint32_t *cap, size_t item_bytes);

#endif
