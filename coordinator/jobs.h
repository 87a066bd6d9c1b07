/* The jobs that this coordinator knows, and what it holds of each: of a running one its manifest,
 * which numbers the store gave to its scorers and packs, which variant each item belongs to (two
 * bytes an item, no texts) and its live figures; of an ended one its last status. */
#ifndef LT_COORDINATOR_JOBS_H
#define LT_COORDINATOR_JOBS_H

#include "common/buf.h"
#include "common/digest.h"
#include "coordinator/core/core.h"
#include "coordinator/core/fold.h"
#include "coordinator/events.h"
#include "coordinator/store.h"
#include "coordinator/table.h"

/* What is needed while a job runs or its rows are read. */
typedef struct lt_job_plan {
    Lefttail__Manifest *manifest;
    uint64_t manifest_bytes;
    uint32_t *class_ids; /* [n_scorers] */
    uint32_t *pack_ids;  /* [n_packs] */
    uint32_t *next_twin; /* [n_packs] index + 1 of the next pack with the same content; 0: none */
    lt_table first_of_pack; /* pack_id -> &next_twin[index of the first pack with it] */
    uint16_t *variants;     /* of every item, packs one after another; NULL for an ended job */
    uint64_t *first_item;   /* [n_packs] where a pack's items begin in `variants` */
} lt_job_plan;

typedef struct lt_job {
    lt_store_job record; /* record.status points into `status` */
    lt_buf status;       /* packed JobStatus; ended jobs */
    uint64_t number;     /* the id as the core knows it */
    lt_job_plan plan;    /* manifest NULL: not loaded */
    lt_fold fold;        /* running jobs */
    uint64_t tokens_done;
    uint64_t rows_found;    /* in the store while it was loaded */
    uint64_t progress_rows; /* at the last "progress" event */
    uint32_t packs_loaded;  /* rows of later packs are counted when they are loaded */
    bool ready;             /* loaded, and the core works on it */
    bool unsaved;           /* its end is not in the store yet (no space): tried again */
    lt_events events;
} lt_job;

typedef struct lt_jobs {
    lt_job **list; /* in the order of submission */
    size_t count, cap;
} lt_jobs;

void lt_jobs_fini(lt_jobs *jobs); /* safe on zeroed memory */
lt_job *lt_jobs_add(lt_jobs *jobs, const lt_store_job *record, uint64_t epoch);
void lt_jobs_remove(lt_jobs *jobs, lt_job *job); /* frees it */
lt_job *lt_jobs_by_number(const lt_jobs *jobs, uint64_t number);
uint64_t lt_job_number(const char *id); /* 16 hex digits */

/* By id or a unique prefix of one. LT_NOT_FOUND, or LT_INPUT when several begin like that. */
lt_status lt_jobs_find(const lt_jobs *jobs, const char *id, lt_job **out, lt_error *error);

/* Takes the manifest over and asks the store for the numbers (in its open transaction). */
lt_status lt_job_plan_init(lt_job_plan *plan, lt_store *store, Lefttail__Manifest *manifest,
                           uint64_t manifest_bytes, lt_error *error);
void lt_job_plan_fini(lt_job_plan *plan); /* safe on zeroed memory */

/* Counts one recorded row in the live figures of every running job that asks for it. */
void lt_jobs_fold(lt_jobs *jobs, uint32_t class_id, uint32_t pack_id, const Lefttail__Row *row);

/* The same for one job and one of its packs. */
void lt_job_fold(lt_job *job, uint32_t scorer_index, uint32_t pack_index, const Lefttail__Row *row);

/* How many logits a row of this class has, by any loaded job's scorers; 0: nobody asks for the
 * class. */
uint32_t lt_jobs_label_count(const lt_jobs *jobs, uint32_t class_id);

#endif
