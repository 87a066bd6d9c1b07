/* A run: a coordinator and workers of its own on this machine, one job, its report. */
#ifndef LT_CLIENT_RUN_H
#define LT_CLIENT_RUN_H

#include "client/progress.h"
#include "client/remote.h"
#include "client/run_children.h"
#include "client/run_place.h"
#include "common/input/job.h"

typedef struct lt_run_options {
    const char *job_path;
    char *out;                 /* NULL: NAME-report */
    uint64_t workers, threads; /* threads 0: this machine's cores, shared out */
    uint64_t shard_items;      /* 0: the default */
    char *log_level,
        *log_format; /* log_level: the programs' logs go to standard error, from this level */
    bool resume, json;
} lt_run_options;

typedef struct lt_run {
    const lt_run_options *options;
    lt_job *job;
    Lefttail__Manifest *manifest;
    char id[17];
    lt_run_place place;
    lt_children children; /* the coordinator first, then workers */
    lt_remote *remote;
    lt_progress progress;
    Lefttail__JobState state; /* as last heard */
    uint64_t rows_done;
    char disk_full[160]; /* what the coordinator said, once it cannot write */
} lt_run;

/* Does all of it. LT_CANCELLED after Ctrl-C or SIGTERM: everything is stopped, rows are kept. */
lt_status lt_run_job(const lt_run_options *options, lt_error *error);

/* Ctrl-C and SIGTERM are counted from here on instead of ending the program. */
void lt_run_catch_signals(void);
unsigned lt_run_stop_signals(void); /* how many came */

/* ---- the processes (run_cluster.c) ---- */

/* Starts the coordinator of the place and opens a session with it. */
lt_status lt_run_start_coordinator(lt_run *run, lt_error *error);
lt_status lt_run_start_workers(lt_run *run, lt_error *error);
/* Looks after the processes; true when a waiting call must end. */
bool lt_run_interrupted(void *context);
/* `error` of a call that lt_run_interrupted has ended, put right. */
lt_status lt_run_why(lt_run *run, lt_status status, lt_error *error);
void lt_run_stop_workers(lt_run *run);
void lt_run_stop_all(lt_run *run);

#endif
