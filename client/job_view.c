#include "client/job_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/manifest.h"

const char *lt_job_state_word(Lefttail__JobState state)
{
    switch (state) {
    case LEFTTAIL__JOB_STATE__JOB_RUNNING:
        return "running";
    case LEFTTAIL__JOB_STATE__JOB_DONE:
        return "done";
    case LEFTTAIL__JOB_STATE__JOB_CANCELLED:
        return "cancelled";
    default:
        return "unknown";
    }
}

static json_t *time_json(uint64_t wall_ms)
{
    char text[32];
    return wall_ms ? json_string(lt_wall_text(wall_ms, text)) : json_null();
}

static json_t *number_json(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

/* True when the indices of a cell are within the manifest. */
static bool cell_is_in(const Lefttail__CellEstimate *cell, const Lefttail__Manifest *manifest)
{
    return manifest && cell->variant < manifest->n_variants && cell->set < manifest->n_sets &&
           cell->scorer < manifest->n_scorers;
}

static json_t *cell_json(const Lefttail__CellEstimate *cell, const Lefttail__Manifest *manifest)
{
    json_t *json = json_object();
    if (cell_is_in(cell, manifest)) {
        json_object_set_new(json, "variant", json_string(manifest->variants[cell->variant]->name));
        json_object_set_new(json, "set", json_string(manifest->sets[cell->set]->name));
        json_object_set_new(json, "scorer", json_string(manifest->scorers[cell->scorer]->name));
    }
    json_object_set_new(json, "expected", json_integer((json_int_t)cell->expected));
    json_object_set_new(json, "scored", json_integer((json_int_t)cell->scored));
    json_object_set_new(json, "failed", json_integer((json_int_t)cell->failed));
    json_object_set_new(json, "truncated", json_integer((json_int_t)cell->truncated));
    json_object_set_new(json, "tail", json_integer((json_int_t)cell->tail));
    json_object_set_new(json, "mean", cell->scored ? number_json(cell->mean) : json_null());
    return json;
}

json_t *lt_job_json(const Lefttail__JobStatus *job, const Lefttail__Manifest *manifest)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i}", "job", job->job, "name",
        job->name, "state", lt_job_state_word(job->state), "rows_expected",
        (json_int_t)job->rows_expected, "rows_scored", (json_int_t)job->rows_scored, "rows_failed",
        (json_int_t)job->rows_failed, "rows_known", (json_int_t)job->rows_known, "retries",
        (json_int_t)job->retries, "duplicates", (json_int_t)job->duplicates, "tokens_done",
        (json_int_t)job->tokens_done, "leases_active", (int)job->leases_active);
    LT_ASSERT(json != NULL);
    json_object_set_new(json, "rows_per_second", number_json(job->rows_per_second));
    json_object_set_new(json, "seconds_left",
                        job->seconds_left >= 0 ? number_json(job->seconds_left) : json_null());
    json_object_set_new(json, "submitted", time_json(job->submitted_wall_ms));
    json_object_set_new(json, "ended", time_json(job->ended_wall_ms));
    if (job->n_cells > 0) {
        json_t *cells = json_array();
        for (size_t i = 0; i < job->n_cells; i++)
            json_array_append_new(cells, cell_json(job->cells[i], manifest));
        json_object_set_new(json, "cells", cells);
    }
    return json;
}

void lt_job_print_head(FILE *out)
{
    fprintf(out, "%-16s  %-9s  %21s  %7s  %8s  %s\n", "JOB", "STATE", "ROWS", "FAILED", "ROWS/S",
            "NAME");
}

void lt_job_print_line(FILE *out, const Lefttail__JobStatus *job)
{
    char rows[48];
    snprintf(rows, sizeof rows, "%" PRIu64 "/%" PRIu64, job->rows_scored + job->rows_failed,
             job->rows_expected);
    fprintf(out, "%-16s  %-9s  %21s  %7" PRIu64 "  %8.1f  %s\n", job->job,
            lt_job_state_word(job->state), rows, job->rows_failed, job->rows_per_second, job->name);
}

static void print_cell(FILE *out, const Lefttail__CellEstimate *cell,
                       const Lefttail__Manifest *manifest)
{
    const bool classifier =
        manifest->scorers[cell->scorer]->kind == LEFTTAIL__SCORER_KIND__SCORER_CLASSIFIER;
    fprintf(out, "  %-18s %-18s %-16s %9" PRIu64 "/%-9" PRIu64,
            manifest->variants[cell->variant]->name, manifest->sets[cell->set]->name,
            manifest->scorers[cell->scorer]->name, cell->scored, cell->expected);
    if (cell->scored == 0)
        fputs("\n", out);
    else if (classifier)
        fprintf(out, " refusals %5.1f %%\n", 100 * cell->mean);
    else
        fprintf(out, " mean %8.4f  tail %" PRIu64 "\n", cell->mean, cell->tail);
}

void lt_job_print(FILE *out, const Lefttail__JobStatus *job, const Lefttail__Manifest *manifest)
{
    char when[32];
    fprintf(out, "%s  %s  %s\n", job->job, job->name, lt_job_state_word(job->state));
    fprintf(out, "  submitted %s\n", lt_wall_text(job->submitted_wall_ms, when));
    if (job->ended_wall_ms)
        fprintf(out, "  ended     %s\n", lt_wall_text(job->ended_wall_ms, when));
    fprintf(out,
            "  rows      %" PRIu64 " scored, %" PRIu64 " failed, of %" PRIu64 " (%" PRIu64
            " known before)\n",
            job->rows_scored, job->rows_failed, job->rows_expected, job->rows_known);
    if (job->state == LEFTTAIL__JOB_STATE__JOB_RUNNING) {
        fprintf(out, "  speed     %.1f rows/s", job->rows_per_second);
        if (job->seconds_left >= 0)
            fprintf(out, ", about %.0f s left", job->seconds_left);
        fputs("\n", out);
    }
    if (job->n_cells > 0 && manifest)
        fprintf(out, "  %s\n",
                job->state == LEFTTAIL__JOB_STATE__JOB_RUNNING ? "estimates so far:" : "cells:");
    for (size_t i = 0; i < job->n_cells; i++)
        if (cell_is_in(job->cells[i], manifest))
            print_cell(out, job->cells[i], manifest);
}

lt_status lt_json_print(json_t *json, lt_error *error)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(json);
    LT_ASSERT(text != NULL);
    const bool good = puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    return good ? LT_OK : lt_fail_errno(error, "standard output", "cannot write");
}

lt_status lt_job_manifest(lt_remote *remote, const Lefttail__JobStatus *job,
                          Lefttail__Manifest **out, lt_error *error)
{
    lt_digest digest;
    if (!lt_digest_from_bytes(job->manifest.data, job->manifest.len, &digest))
        return lt_fail(error, LT_PROTOCOL, job->job, "the coordinator names no manifest");
    lt_buf bytes = {0};
    lt_status status = lt_remote_download(remote, &digest, LT_MANIFEST_BYTES_MAX, &bytes, error);
    if (status == LT_OK)
        status = lt_manifest_read(bytes.data, bytes.len, out, error);
    lt_buf_fini(&bytes);
    return status;
}
