/* lefttail-worker: reads its settings and runs a session; with --engine, started by itself, it is
 * the engine process. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/net/context.h"
#include "common/net/endpoint.h"
#include "common/net/signals.h"
#include "worker/engine_main.h"
#include "worker/facts.h"
#include "worker/session.h"
#include "worker/settings.h"

struct worker {
    lt_worker_settings settings;
    lt_facts facts;
    lt_keys keys;
    lt_cache *cache;
    uv_loop_t loop;
    lt_signals signals;
    lt_worker_session *session;
    bool stopped_hard;
};

static void on_stop(void *context, int signal_number, unsigned times)
{
    (void)signal_number;
    struct worker *worker = context;
    worker->stopped_hard = times > 1;
    lt_worker_session_stop(worker->session, times);
}

/* The parent may have died before prctl took effect; then nobody would tell us. */
static void die_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        raise(SIGTERM);
}

static lt_status open_session(struct worker *worker, lt_error *error)
{
    char program[4096];
    size_t size = sizeof program;
    if (uv_exepath(program, &size) != 0)
        return lt_fail(error, LT_IO, NULL, "cannot find this program's own file");
    const lt_worker_settings *settings = &worker->settings;
    const lt_worker_options options = {.coordinator = settings->coordinator,
                                       .keys = settings->keys ? &worker->keys : NULL,
                                       .name = settings->name,
                                       .facts = &worker->facts.message,
                                       .program = program,
                                       .threads = (int)settings->threads,
                                       .stop_ms = settings->stop_ms};
    return lt_worker_session_open(&worker->session, &worker->loop, worker->cache, &options, error);
}

static lt_status run(struct worker *worker, lt_error *error)
{
    LT_TRY(lt_endpoint_check(worker->settings.coordinator, false, error));
    LT_TRY(lt_endpoint_check_keys(worker->settings.coordinator, worker->settings.keys, error));
    if (worker->settings.keys)
        LT_TRY(lt_keys_read(worker->settings.keys, LT_KEY_WORKER, &worker->keys, error));
    LT_TRY(lt_facts_read(&worker->facts, (int)worker->settings.threads, error));
    LT_TRY(lt_cache_open(&worker->cache, worker->settings.cache, worker->settings.cache_bytes_max,
                         error));
    lt_log_info("worker", "name", "%s", worker->settings.name, "coordinator", "%s",
                worker->settings.coordinator, "cores", "%u", worker->facts.message.cores,
                "instruction_set", "%s", worker->facts.message.instruction_set, "cache", "%s",
                worker->settings.cache, NULL);
    if (worker->settings.log_format_word) /* for the engine process */
        setenv("LEFTTAIL_LOG_FORMAT", worker->settings.log_format_word, 1);
    lt_signals_open(&worker->signals, &worker->loop, on_stop, worker);
    lt_status status = open_session(worker, error);
    lt_keys_wipe(&worker->keys);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    lt_signals_close(&worker->signals);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    const lt_status ended =
        lt_worker_session_free(&worker->session, status == LT_OK ? error : NULL);
    return status == LT_OK ? ended : status;
}

static int run_worker(struct worker *worker)
{
    lt_error error = {0};
    LT_ASSERT(uv_loop_init(&worker->loop) == 0);
    const lt_status status = run(worker, &error);
    lt_cache_close(&worker->cache);
    LT_ASSERT(uv_loop_close(&worker->loop) == 0);
    lt_net_fini();
    if (status == LT_OK)
        return worker->stopped_hard ? 1 : 0;
    char text[LT_ERROR_TEXT_BYTES];
    fprintf(stderr, "lefttail-worker: %s\n", lt_error_text(&error, text, sizeof text));
    return lt_status_exit_code(status);
}

int main(int argc, char **argv)
{
    static struct worker worker;
    const pid_t parent = getppid();
    lt_error error = {0};
    int code = 0;
    if (lt_worker_settings_read(&worker.settings, argc, argv, &error) != LT_OK) {
        char text[LT_ERROR_TEXT_BYTES];
        fprintf(stderr, "lefttail-worker: %s\nTry 'lefttail-worker --help'.\n",
                lt_error_text(&error, text, sizeof text));
        code = lt_status_exit_code(error.status);
    } else if (worker.settings.help) {
        lt_worker_settings_help(stdout);
    } else if (worker.settings.version) {
        puts("lefttail-worker " LT_VERSION);
    } else {
        lt_log_init(worker.settings.engine ? "engine" : "worker", worker.settings.log_level,
                    worker.settings.log_format);
        if (worker.settings.die_with_parent && !worker.settings.engine)
            die_with_parent(parent);
        code = worker.settings.engine ? lt_engine_main((int)worker.settings.threads)
                                      : run_worker(&worker);
    }
    lt_worker_settings_fini(&worker.settings);
    return code;
}
