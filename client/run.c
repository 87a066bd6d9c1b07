/* lefttail run JOB: the whole way on this machine, from the job file to its report. */
#include "client/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/job_source.h"
#include "client/send.h"
#include "common/file.h"
#include "common/log.h"
#include "common/options.h"
#include "common/wire.h"

enum { WORKERS_MAX = 256, THREADS_MAX = 1024, CODE_INTERRUPTED = 130 };

static const char help[] =
    "lefttail run JOB [--out DIR] [--workers N] [--threads N] [--resume] [--json]\n\n"
    "Checks the job, starts a coordinator and workers on this machine, scores every answer, and "
    "leaves\n"
    "report.html, report.json, rows.jsonl and cells.csv in DIR. Ctrl-C stops it cleanly; the same\n"
    "command goes on from there. A finished job is not scored again.\n\n"
    "  lefttail run examples/xstest/job.yaml --out report\n\n";

/* What a person should hear of, beside the bar. False: no use to go on. */
static bool hear(lt_run *run, const Lefttail__WatchEvent *event)
{
    if (strcmp(event->event, "store_full") == 0)
        snprintf(run->disk_full, sizeof run->disk_full, "%s", event->text);
    else if (strcmp(event->event, "lease_failed") == 0 ||
             strcmp(event->event, "lease_expired") == 0)
        lt_progress_note(&run->progress, "work given back: %s", event->text);
    return !run->disk_full[0];
}

static bool on_event(void *context, const Lefttail__WatchEvent *event)
{
    lt_run *run = context;
    if (!hear(run, event))
        return false;
    if (!event->job)
        return true;
    run->state = event->job->state;
    run->rows_done = event->job->rows_scored + event->job->rows_failed;
    lt_progress_show(&run->progress, event->job, event->workers,
                     event->job->state != LEFTTAIL__JOB_STATE__JOB_RUNNING);
    return true;
}

/* What the coordinator knows of this job from before; JOB_UNKNOWN when nothing. */
static lt_status ask_state(lt_run *run, lt_error *error)
{
    Lefttail__Message *reply = NULL;
    run->state = LEFTTAIL__JOB_STATE__JOB_UNKNOWN;
    const lt_status status = lt_remote_status(run->remote, run->id, &reply, error);
    if (status == LT_NOT_FOUND)
        return LT_OK;
    LT_TRY(lt_run_why(run, status, error));
    if (reply->status_reply->n_jobs > 0)
        run->state = reply->status_reply->jobs[0]->state;
    lt_wire_free(&reply);
    return LT_OK;
}

static lt_status score(lt_run *run, lt_error *error)
{
    LT_TRY(lt_run_start_workers(run, error));
    const lt_compile_options options = {.shard_items = (uint32_t)run->options->shard_items};
    Lefttail__Message *reply = NULL;
    LT_TRY(lt_run_why(run, lt_send_job(run->remote, run->job, &options, NULL, NULL, &reply, error),
                      error));
    snprintf(run->id, sizeof run->id, "%s",
             reply->job_reply->job->job); /* the tables may have changed since */
    lt_wire_free(&reply);
    LT_TRY(lt_run_place_set_job(&run->place, run->id, error));
    const lt_status status = lt_remote_watch(run->remote, run->id, on_event, run, error);
    lt_progress_end(&run->progress);
    LT_TRY(lt_run_why(run, status, error));
    if (run->disk_full[0])
        return lt_remedy(
            error, lt_fail(error, LT_FULL, run->place.dir, "the disk is full: %s", run->disk_full),
            "make room; the same command goes on with the rows that are kept");
    if (run->state == LEFTTAIL__JOB_STATE__JOB_CANCELLED)
        return lt_fail(error, LT_FAILED, run->id, "the job was cancelled by a client");
    return LT_OK;
}

static lt_status work(lt_run *run, lt_error *error)
{
    LT_TRY(lt_run_start_coordinator(run, error));
    LT_TRY(ask_state(run, error));
    if (run->state == LEFTTAIL__JOB_STATE__JOB_DONE)
        lt_progress_note(&run->progress, "all %llu rows are known from an earlier run",
                         (unsigned long long)lt_manifest_rows(run->manifest));
    else
        LT_TRY(score(run, error));
    lt_run_stop_workers(run);
    lt_buf summary = {0};
    const lt_status status = lt_run_why(
        run, lt_job_report(run->remote, run->id, run->place.dir, &summary, error), error);
    if (status == LT_OK && run->options->json)
        printf("{\"job\":\"%s\",\"rows\":%llu,\"files\":[\"report.html\",\"report.json\",\"rows."
               "jsonl\","
               "\"cells.csv\"]}\n",
               run->id, (unsigned long long)lt_manifest_rows(run->manifest));
    else if (status == LT_OK)
        fputs(lt_buf_str(&summary), stdout);
    lt_buf_fini(&summary);
    if (status == LT_OK && fflush(stdout) != 0)
        return lt_fail_errno(error, "standard output", "cannot write");
    return status;
}

/* --resume: there must be an earlier run in the folder, of this very work. */
static lt_status check_resume(const lt_run *run, const char *dir, lt_error *error)
{
    char earlier[17];
    lt_run_place_job(dir, earlier);
    if (!earlier[0])
        return lt_remedy(error,
                         lt_fail(error, LT_INPUT, dir, "there is no earlier run to go on from"),
                         "leave --resume out to begin one");
    if (strcmp(earlier, run->id) != 0)
        return lt_remedy(
            error,
            lt_fail(error, LT_INPUT, run->options->job_path,
                    "the work has changed: it is job %s, and the run in %s is of job %s", run->id,
                    dir, earlier),
            "leave --resume out to run it as it is now");
    return LT_OK;
}

static void announce(lt_run *run)
{
    const lt_job *job = run->job;
    lt_progress_note(&run->progress,
                     "%s: %llu rows of %u variant%s, %u prompt set%s, %u scorer%s; job %s",
                     job->name, (unsigned long long)lt_manifest_rows(run->manifest),
                     job->variants_count, job->variants_count == 1 ? "" : "s",
                     job->prompt_sets_count, job->prompt_sets_count == 1 ? "" : "s",
                     job->scorers_count, job->scorers_count == 1 ? "" : "s", run->id);
}

static lt_status run_in(lt_run *run, const char *dir, lt_error *error)
{
    if (run->options->resume)
        LT_TRY(check_resume(run, dir, error));
    LT_TRY(lt_run_place_open(&run->place, dir, error));
    LT_TRY(lt_run_place_set_job(&run->place, run->id, error));
    announce(run);
    return work(run, error);
}

static lt_status compile(lt_run *run, lt_error *error)
{
    const lt_compile_options options = {.shard_items = (uint32_t)run->options->shard_items,
                                        .scan = true};
    LT_TRY(lt_job_read(&run->job, run->options->job_path, error));
    LT_TRY(lt_compile(run->job, &options, NULL, NULL, &run->manifest, error));
    lt_manifest_job_id(run->manifest, run->id);
    return LT_OK;
}

lt_status lt_run_job(const lt_run_options *options, lt_error *error)
{
    lt_run run = {.options = options, .place = {.lock_fd = -1}};
    lt_progress_init(&run.progress);
    lt_status status = compile(&run, error);
    lt_run_catch_signals(); /* up to here Ctrl-C may simply end the program: it has made nothing */
    if (status == LT_OK) {
        lt_buf dir = {0};
        if (options->out)
            lt_buf_puts(&dir, options->out);
        else
            lt_buf_printf(&dir, "%s-report", run.job->name);
        status = run_in(&run, lt_buf_str(&dir), error);
        lt_progress_end(&run.progress);
        lt_run_stop_all(&run);
        lt_buf_fini(&dir);
    }
    if (lt_run_stop_signals() > 0 && status != LT_OK) {
        fprintf(stderr,
                "interrupted: %llu of %llu rows are kept; the same command goes on from there\n",
                (unsigned long long)run.rows_done,
                run.manifest ? (unsigned long long)lt_manifest_rows(run.manifest) : 0);
        status = LT_CANCELLED;
    }
    lt_run_place_close(&run.place);
    if (run.manifest)
        lefttail__manifest__free_unpacked(run.manifest, NULL);
    lt_job_free(&run.job);
    return status;
}

static lt_status check_options(const lt_run_options *options, lt_error *error)
{
    lt_log_level level = LT_LOG_INFO;
    lt_log_format format = LT_LOG_FORMAT_AUTO;
    if (options->workers < 1 || options->workers > WORKERS_MAX)
        return lt_expected(
            error,
            lt_fail(error, LT_INPUT, "--workers", "is %llu", (unsigned long long)options->workers),
            "1 to %d", WORKERS_MAX);
    if (options->threads > THREADS_MAX)
        return lt_expected(
            error,
            lt_fail(error, LT_INPUT, "--threads", "is %llu", (unsigned long long)options->threads),
            "1 to %d", THREADS_MAX);
    if (options->shard_items > LT_PACK_ITEMS_MAX)
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, "--shard-items", "is %llu",
                                   (unsigned long long)options->shard_items),
                           "1 to %d", LT_PACK_ITEMS_MAX);
    if (options->log_level && !lt_log_level_from(options->log_level, &level))
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, "--log-level", "is '%s'", options->log_level),
                           "debug, info, warn or error");
    if (options->log_format && !lt_log_format_from(options->log_format, &format))
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, "--log-format", "is '%s'", options->log_format),
                           "auto, text, logfmt or json");
    lt_log_init("run", level < LT_LOG_INFO ? level : LT_LOG_INFO, format);
    return LT_OK;
}

int lt_command_run(int argc, char **argv)
{
    bool show_help = false;
    lt_run_options run = {.workers = 1};
    const lt_option options[] = {
        {"out", LT_OPTION_TEXT, &run.out, "DIR", "the folder of the report (default: NAME-report)"},
        {"workers", LT_OPTION_COUNT, &run.workers, "N", "worker processes (default: 1)"},
        {"threads", LT_OPTION_COUNT, &run.threads, "N",
         "threads of each worker (default: the cores, shared out)"},
        {"resume", LT_OPTION_FLAG, &run.resume, NULL,
         "only go on with an earlier run of the same work"},
        {"shard-items", LT_OPTION_COUNT, &run.shard_items, "N",
         "answers in one unit of work (default: 64)"},
        {"log-level", LT_OPTION_TEXT, &run.log_level, "LEVEL",
         "show the programs' own logs: debug, info, warn, error"},
        {"log-format", LT_OPTION_TEXT, &run.log_format, "FORMAT",
         "of log lines: auto, text, logfmt, json"},
        {"json", LT_OPTION_FLAG, &run.json, NULL, "one JSON object at the end, for programs"},
        {"help", LT_OPTION_FLAG, &show_help, NULL, "this"},
    };
    enum { OPTION_COUNT = sizeof options / sizeof *options };
    lt_error error = {0};
    int rest = 0, code = 0;
    lt_status status = lt_options_read(options, OPTION_COUNT, argc, argv, &rest, &error);
    if (status == LT_OK && show_help) {
        fputs(help, stdout);
        lt_options_help(options, OPTION_COUNT, stdout);
    } else if (status == LT_OK && rest != 1) {
        code = lt_command_usage("run", rest == 0 ? "which job file?" : "one job file, please");
    } else {
        if (status == LT_OK)
            status = check_options(&run, &error);
        unsetenv("LEFTTAIL_KEYS"); /* the run's own processes speak over ipc, without keys */
        unsetenv("LEFTTAIL_CONFIG");
        run.job_path = argv[1];
        if (status == LT_OK)
            status = lt_run_job(&run, &error);
        if (status != LT_OK)
            code = lt_run_stop_signals() ? CODE_INTERRUPTED : lt_command_fail("run", &error);
    }
    free(run.out);
    free(run.log_level);
    free(run.log_format);
    return code;
}
