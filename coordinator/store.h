/* What a coordinator must not forget: the rows, the jobs, and how often it has started. One SQLite
 * file DIR/lefttail.db (write-ahead log, synchronous=FULL), one writer, guarded by a lock on
 * DIR/lock.
 *
 * WHAT AN ACK MEANS. A row is acknowledged after lt_store_commit returned LT_OK for a transaction
 * that holds it, or when the store had a row for that (class, pack, item) before. By then the
 * log is on disk (fsync): the row survives SIGKILL of this process and loss of power. A row that
 * was put and not committed may vanish, and nobody has been told that it exists.
 *
 * Rows belong to (numerics class, pack digest, item) and not to a job: two jobs that share work
 * share its rows. The first row of an item stays for ever; a later one is compared and reported.
 *
 * FAILURES. LT_FULL: no space; the open transaction is rolled back, the store stays usable, the
 * caller puts the same rows again later. LT_IO: the disk failed or the file is damaged; what is
 * durable is unknown until the file is opened anew, so the process must stop. Everything here
 * blocks (a commit waits for the disk) and belongs to one thread.
 *
 * CHANGING THE TABLES raises LT_STORE_SCHEMA; another number is refused at open. */
#ifndef LT_COORDINATOR_STORE_H
#define LT_COORDINATOR_STORE_H

#include "common/digest.h"
#include "common/limits.h"
#include "lefttail.pb-c.h"

typedef struct lt_store lt_store;

/* Makes DIR and the file where they are missing, takes the lock, checks the file's structure,
 * counts the start. LT_CONFLICT: another process owns DIR. LT_IO: damaged, with the path.
 * LT_UNSUPPORTED: another schema. */
lt_status lt_store_open(const char *dir, lt_store **out, lt_error *error);
void lt_store_close(lt_store **store);          /* rolls back what is not committed */
uint64_t lt_store_epoch(const lt_store *store); /* 1 at the first start, then ascending */

/* Small numbers that stand for digests in the row table; made at first use. A number made in a
 * transaction is gone with it when the commit fails. */
lt_status lt_store_class_id(lt_store *store, const lt_digest *class, uint32_t *id, lt_error *error);
lt_status lt_store_pack_id(lt_store *store, const lt_digest *pack, uint32_t items, uint32_t *id,
                           lt_error *error);

/* Which variant each item of a pack belongs to, kept so that a restart need not unpack the texts.
 * LT_NOT_FOUND: not kept yet, or for another number of items. LT_IO: damaged. */
lt_status lt_store_pack_variants(lt_store *store, uint32_t pack_id, uint16_t *variants,
                                 uint32_t items, lt_error *error);
lt_status lt_store_put_pack_variants(lt_store *store, uint32_t pack_id, const uint16_t *variants,
                                     uint32_t items, lt_error *error);

/* What became of a row that was put. */
typedef enum lt_store_put_outcome {
    LT_STORE_NEW,       /* recorded (durable after the commit) */
    LT_STORE_SAME,      /* the same bytes were there already */
    LT_STORE_LATE,      /* one of the two is a failure that a retry could cure; the first stays */
    LT_STORE_DIFFERENT, /* two machines disagree about the bits; the first stays */
} lt_store_put_outcome;

/* Adds a checked row (lt_row_check) to the open transaction; opens one if there is none. */
lt_status lt_store_put_row(lt_store *store, uint32_t class_id, uint32_t pack_id,
                           const Lefttail__Row *row, lt_store_put_outcome *outcome,
                           lt_error *error);

/* As lt_store_put_row says what a row is worth, without adding it: LT_STORE_NEW when there is none.
 */
lt_status lt_store_compare_row(lt_store *store, uint32_t class_id, uint32_t pack_id,
                               const Lefttail__Row *row, lt_store_put_outcome *outcome,
                               lt_error *error);

/* Makes all that was put since the last commit durable. Nothing open: LT_OK at once. */
lt_status lt_store_commit(lt_store *store, lt_error *error);
void lt_store_rollback(lt_store *store);

/* True when a megabyte can be written beside the file; asked while the disk is full. */
bool lt_store_has_space(const lt_store *store);

/* Calls each(context, row) for the recorded rows of (class, pack) with item >= first_item,
 * ascending; stops early when it returns false. The row lives during the call. Every row's checksum
 * is verified: LT_IO names the row that is damaged. Sees rows that are put and not yet committed.
 */
typedef bool lt_store_row_fn(void *context, const Lefttail__Row *row);
lt_status lt_store_rows(lt_store *store, uint32_t class_id, uint32_t pack_id, uint32_t first_item,
                        lt_store_row_fn *each, void *context, lt_error *error);

typedef struct lt_store_job {
    char id[17];
    char name[LT_NAME_BYTES_MAX + 1];
    lt_digest fingerprint;
    lt_digest manifest;
    Lefttail__JobState state;
    uint64_t submitted_wall_ms;
    uint64_t ended_wall_ms; /* 0 while it runs */
    uint64_t rows_known;    /* rows that were in the store when it was submitted */
    int32_t priority;       /* higher first */
    const void *status;     /* an ended job's last JobStatus, packed; borrowed, NULL for none */
    size_t status_bytes;
} lt_store_job;

/* Writes the job, replacing the record of the same id. Part of the open transaction. */
lt_status lt_store_put_job(lt_store *store, const lt_store_job *job, lt_error *error);

/* All jobs in the order of their submission; *job and its status live during the call. LT_IO: a
 * record is damaged. */
typedef void lt_store_job_fn(void *context, const lt_store_job *job);
lt_status lt_store_jobs(lt_store *store, lt_store_job_fn *each, void *context, lt_error *error);

#endif
