/* The rows in the store's open transaction. They count in the live figures when the commit has
 * returned, so a rollback leaves no trace of them. */
#ifndef LT_COORDINATOR_LEDGER_H
#define LT_COORDINATOR_LEDGER_H

#include "common/arena.h"
#include "coordinator/jobs.h"
#include "coordinator/store.h"

#define LT_COMMIT_ROWS 256 /* a commit waits for this many rows ... */
#define LT_COMMIT_MS 2     /* ... or this long after the first */

typedef struct lt_ledger {
    struct lt_ledger_entry {
        uint32_t class_id, pack_id;
        const Lefttail__Row *row;
    } * entries; /* new rows; [count] */
    size_t count, cap;
    Lefttail__Message **kept; /* the messages that `row`s point into; [kept_count] */
    size_t kept_count, kept_cap;
    lt_arena arena;  /* rows that no worker sent */
    uint64_t ticket; /* the core's, of the last rows; 0: nothing is open */
    size_t rows;     /* put since the last commit, known ones included */
    bool failed;     /* no space: the transaction is gone, and what follows is not put */
} lt_ledger;

void lt_ledger_fini(lt_ledger *ledger); /* safe on zeroed memory */

/* Puts one row; `row` lives until the commit (lt_ledger_keep). LT_FULL sets `failed`. */
lt_status lt_ledger_put(lt_ledger *ledger, lt_store *store, uint64_t ticket, uint32_t class_id,
                        uint32_t pack_id, const Lefttail__Row *row, lt_store_put_outcome *outcome,
                        lt_error *error);

/* Puts a failed row that the core decided on. */
lt_status lt_ledger_put_failure(lt_ledger *ledger, lt_store *store, uint64_t ticket,
                                uint32_t class_id, uint32_t pack_id, uint32_t item,
                                Lefttail__FailureReason reason, uint32_t attempts, lt_error *error);

/* Takes the message over until the commit. */
void lt_ledger_keep(lt_ledger *ledger, Lefttail__Message *message);

/* Commits and counts the rows in `jobs`. *ticket gets the largest that is durable now (0: nothing
 * was open). After a failure everything since the last commit is gone. */
lt_status lt_ledger_commit(lt_ledger *ledger, lt_store *store, lt_jobs *jobs, uint64_t *ticket,
                           lt_error *error);

#endif
