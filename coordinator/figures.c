#include "coordinator/figures.h"

#include <math.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/wire.h"
#include "coordinator/shell.h"

enum { CELLS_SHOWN_MAX = 32768 }; /* of one job in a message: 2 MB */

/* ---- status messages --------------------------------------------------------------------- */

static void *arena_alloc(void *arena, size_t bytes)
{
    return lt_arena_alloc(arena, bytes);
}

static void arena_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

/* What was kept when the job ended; NULL when it cannot be read. */
static Lefttail__JobStatus *last_status(const lt_job *job, lt_arena *arena)
{
    const lt_wire_limits limits = {64u << 20, LT_WIRE_DEPTH_MAX, 1u << 26, 0};
    lt_error error;
    if (lt_wire_scan(&lefttail__job_status__descriptor, job->status.data, job->status.len, &limits,
                     &error) != LT_OK) {
        lt_log_failure(LT_LOG_WARN, "job_status_unreadable", &error);
        return NULL;
    }
    ProtobufCAllocator allocator = {arena_alloc, arena_free, arena};
    return lefttail__job_status__unpack(&allocator, job->status.len,
                                        (const uint8_t *)job->status.data);
}

static Lefttail__JobStatus *status_of(const lt_job *job, const lt_core_job_facts *facts, bool cells,
                                      lt_arena *arena)
{
    Lefttail__JobStatus *status = lt_arena_alloc(arena, sizeof *status);
    lefttail__job_status__init(status);
    status->job = (char *)job->record.id;
    status->name = (char *)job->record.name;
    status->state = job->record.state;
    status->rows_expected = facts->rows_expected;
    status->rows_scored = facts->rows_scored;
    status->rows_failed = facts->rows_failed;
    status->rows_known = job->record.rows_known;
    status->rows_per_second = facts->rows_per_second;
    status->seconds_left = facts->seconds_left;
    status->submitted_wall_ms = job->record.submitted_wall_ms;
    status->ended_wall_ms = job->record.ended_wall_ms;
    status->leases_active = facts->leases_active;
    status->retries = facts->retries;
    status->duplicates = facts->duplicates;
    status->manifest.data = (uint8_t *)job->record.manifest.bytes;
    status->manifest.len = LT_DIGEST_BYTES;
    status->tokens_done = job->tokens_done;
    const size_t cell_count =
        job->fold.cell_count < CELLS_SHOWN_MAX ? job->fold.cell_count : CELLS_SHOWN_MAX;
    if (!cells || cell_count == 0)
        return status;
    status->cells = lt_arena_alloc(arena, cell_count * sizeof *status->cells);
    status->n_cells = cell_count;
    for (size_t i = 0; i < cell_count; i++) {
        status->cells[i] = lt_arena_alloc(arena, sizeof(Lefttail__CellEstimate));
        lt_fold_estimate(&job->fold.cells[i], job->plan.manifest, status->cells[i]);
    }
    return status;
}

static bool has_ended(const lt_job *job)
{
    return job->record.state != LEFTTAIL__JOB_STATE__JOB_RUNNING;
}

Lefttail__JobStatus *lt_figures_job(lt_shell *shell, const lt_job *job, bool cells, lt_arena *arena)
{
    Lefttail__JobStatus *status =
        has_ended(job) && job->status.len > 0 ? last_status(job, arena) : NULL;
    if (status) {
        status->n_cells = cells ? status->n_cells : 0;
        return status;
    }
    lt_core_job_facts facts = {.seconds_left = -1};
    lt_core_job(shell->core, job->number, lt_now_ms(), &facts);
    return status_of(job, &facts, cells, arena);
}

static Lefttail__WorkerStatus *status_of_worker(lt_shell *shell, const lt_worker_record *worker,
                                                lt_arena *arena)
{
    Lefttail__WorkerStatus *status = lt_arena_alloc(arena, sizeof *status);
    lefttail__worker_status__init(status);
    Lefttail__WorkerFacts *facts = lt_arena_alloc(arena, sizeof *facts);
    lefttail__worker_facts__init(facts);
    lt_core_worker_facts core = {0};
    const bool known = lt_core_worker(shell->core, worker->number, lt_now_ms(), &core);
    facts->cores = worker->cores;
    facts->memory_bytes = worker->memory_bytes;
    facts->instruction_set = (char *)worker->instruction_set;
    facts->cpu = (char *)worker->cpu;
    facts->numerics_version = worker->numerics_version;
    status->facts = facts;
    status->name = (char *)worker->name;
    status->state = !known || worker->peer == 0 ? "lost" : core.leases > 0 ? "scoring" : "idle";
    status->leases = core.leases;
    status->rows_done = core.rows_done;
    status->rows_per_second = core.rows_per_second;
    status->joined_wall_ms = worker->joined_wall_ms;
    status->seen_wall_ms = worker->seen_wall_ms;
    status->failures = core.failures;
    return status;
}

Lefttail__WorkersReply *lt_figures_workers(lt_shell *shell, lt_arena *arena)
{
    Lefttail__WorkersReply *reply = lt_arena_alloc(arena, sizeof *reply);
    lefttail__workers_reply__init(reply);
    const uint64_t last = shell->worker_peers.worker_next;
    reply->workers =
        lt_arena_alloc(arena, shell->worker_peers.workers.count * sizeof *reply->workers);
    /* In the order of joining: numbers ascend, and few are gone. */
    for (uint64_t number = 1;
         number <= last && reply->n_workers < shell->worker_peers.workers.count; number++) {
        const lt_worker_record *worker = lt_peers_worker_by_number(&shell->worker_peers, number);
        if (worker)
            reply->workers[reply->n_workers++] = status_of_worker(shell, worker, arena);
    }
    return reply;
}

/* ---- progress ------------------------------------------------------------------------------ */

static void put_duration(char *out, size_t out_bytes, double seconds)
{
    if (!(seconds >= 0) || seconds > 1e9)
        snprintf(out, out_bytes, "unknown");
    else if (seconds < 60)
        snprintf(out, out_bytes, "%.0fs", ceil(seconds));
    else if (seconds < 3600)
        snprintf(out, out_bytes, "%dm%02ds", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(out, out_bytes, "%dh%02dm", (int)(seconds / 3600), (int)fmod(seconds / 60, 60));
}

/* "safety-rm/safety: base 0.912 (12 in tail), tuned 0.987 (0 in tail)"; one text for each scorer
 * and set. */
static void put_estimates(lt_buf *out, const lt_job *job)
{
    const Lefttail__Manifest *manifest = job->plan.manifest;
    for (size_t i = 0; i < job->fold.cell_count && out->len < 1500; i++) {
        const lt_fold_cell *cell = &job->fold.cells[i];
        if (cell->scored == 0)
            continue;
        Lefttail__CellEstimate estimate;
        lt_fold_estimate(cell, manifest, &estimate);
        const char *kind =
            manifest->scorers[cell->scorer]->kind == LEFTTAIL__SCORER_KIND__SCORER_CLASSIFIER
                ? "refused"
                : "in tail";
        lt_buf_printf(out, "%s%s/%s/%s %.4g (%llu of %llu %s)", out->len ? ", " : "",
                      manifest->scorers[cell->scorer]->name, manifest->sets[cell->set]->name,
                      manifest->variants[cell->variant]->name, estimate.mean,
                      (unsigned long long)estimate.tail, (unsigned long long)estimate.scored, kind);
    }
}

static void log_progress(lt_shell *shell, const lt_job *job, const lt_core_job_facts *facts)
{
    char left[32];
    put_duration(left, sizeof left, facts->seconds_left);
    lt_buf estimates = {0};
    put_estimates(&estimates, job);
    lt_log_info("progress", "job", "%s", job->record.id, "name", "%s", job->record.name,
                "rows_done", "%lu", facts->rows_scored + facts->rows_failed, "rows", "%lu",
                facts->rows_expected, "failed", "%lu", facts->rows_failed, "rows_per_s", "%.1f",
                facts->rows_per_second, "left", "%s", left, "leases", "%u", facts->leases_active,
                "workers", "%u", lt_peers_worker_count(&shell->worker_peers), "estimates", "%s",
                lt_buf_str(&estimates), NULL);
    lt_buf_fini(&estimates);
}

static void tell_progress(lt_job *job, const lt_core_job_facts *facts)
{
    const uint64_t done = facts->rows_scored + facts->rows_failed;
    if (done == job->progress_rows)
        return;
    job->progress_rows = done;
    char left[32];
    put_duration(left, sizeof left, facts->seconds_left);
    lt_events_add(&job->events, "progress", "%llu of %llu rows, %.1f rows/s, %s left",
                  (unsigned long long)done, (unsigned long long)facts->rows_expected,
                  facts->rows_per_second, left);
}

void lt_figures_second(lt_shell *shell)
{
    const uint64_t now = lt_now_ms();
    const bool log = now >= shell->progress_ms + shell->settings->progress_ms;
    if (log)
        shell->progress_ms = now;
    for (size_t i = 0; i < shell->jobs.count; i++) {
        lt_job *job = shell->jobs.list[i];
        lt_core_job_facts facts;
        if (!job->ready || has_ended(job) || !lt_core_job(shell->core, job->number, now, &facts))
            continue;
        tell_progress(job, &facts);
        if (log)
            log_progress(shell, job, &facts);
    }
}

void lt_figures_end(lt_job *job, Lefttail__JobState state, const lt_core_job_facts *facts)
{
    const bool done = state == LEFTTAIL__JOB_STATE__JOB_DONE;
    job->record.state = state;
    job->record.ended_wall_ms = lt_wall_ms();
    lt_arena arena = {0};
    Lefttail__JobStatus *status = status_of(job, facts, true, &arena);
    status->rows_per_second = 0;
    status->seconds_left = done ? 0 : -1;
    status->leases_active = 0;
    lt_buf_clear(&job->status);
    lt_wire_pack(&status->base, &job->status);
    job->record.status = job->status.data;
    job->record.status_bytes = job->status.len;
    lt_arena_fini(&arena);
    lt_buf estimates = {0};
    put_estimates(&estimates, job);
    lt_log_info(done ? "job_done" : "job_cancelled", "job", "%s", job->record.id, "name", "%s",
                job->record.name, "scored", "%lu", facts->rows_scored, "failed", "%lu",
                facts->rows_failed, "rows", "%lu", facts->rows_expected, "known", "%lu",
                job->record.rows_known, "retries", "%lu", facts->retries, "duplicates", "%lu",
                facts->duplicates, "expired", "%lu", facts->expired, "seconds", "%.1f",
                (double)(job->record.ended_wall_ms - job->record.submitted_wall_ms) / 1000,
                "estimates", "%s", lt_buf_str(&estimates), NULL);
    lt_buf_fini(&estimates);
    lt_events_add(&job->events, done ? "job_done" : "job_cancelled",
                  "%llu rows scored, %llu failed", (unsigned long long)facts->rows_scored,
                  (unsigned long long)facts->rows_failed);
}
