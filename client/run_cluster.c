/* The session's waiting is where a run looks after its processes: lt_remote asks `interrupted` ten
 * times a second. So there is no thread, and nothing happens to a child behind anybody's back. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/run.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/net/context.h"

enum { STOP_MS = 15000, ARGUMENTS_MAX = 24 };

static volatile sig_atomic_t stop_signals;

static void on_signal(int number)
{
    (void)number;
    stop_signals++;
}

void lt_run_catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

unsigned lt_run_stop_signals(void)
{
    return (unsigned)stop_signals;
}

/* A second Ctrl-C does not wait for anybody. */
static bool in_a_hurry(void *context)
{
    (void)context;
    return stop_signals > 1;
}

static void on_death(void *context, const char *name, const char *how)
{
    lt_run *run = context;
    lt_progress_note(&run->progress, "%s ended (%s) and is started again", name, how);
}

bool lt_run_interrupted(void *context)
{
    lt_run *run = context;
    return stop_signals > 0 || !lt_children_poll(&run->children);
}

lt_status lt_run_why(lt_run *run, lt_status status, lt_error *error)
{
    if (status == LT_OK || stop_signals > 0 || run->children.error.status == LT_OK)
        return status;
    *error = run->children.error;
    return error->status;
}

static void on_wait(void *context, const char *why)
{
    (void)context, (void)why; /* on_death has said it */
}

struct arguments {
    const char *list[ARGUMENTS_MAX];
    size_t count;
};

static void put(struct arguments *arguments, const char *argument)
{
    LT_ASSERT(arguments->count + 1 < ARGUMENTS_MAX);
    arguments->list[arguments->count++] = argument;
}

static void put_pair(struct arguments *arguments, const char *option, const char *value)
{
    put(arguments, option);
    put(arguments, value);
}

/* Starts lefttail-NAME with what every program takes, its log in a file of the place. */
static lt_status start(lt_run *run, const char *program, const char *name,
                       struct arguments *arguments, lt_error *error)
{
    char *path = NULL;
    LT_TRY(lt_program_path(program, &path, error));
    arguments->list[0] = path;
    put(arguments, "--die-with-parent");
    if (run->options->log_level)
        put_pair(arguments, "--log-level", run->options->log_level);
    if (run->options->log_format)
        put_pair(arguments, "--log-format", run->options->log_format);
    lt_buf file = {0};
    lt_buf_printf(&file, "%s.log", name);
    char *log = lt_run_place_path(&run->place, lt_buf_str(&file));
    const lt_status status = lt_children_add(
        &run->children, name, run->options->log_level ? NULL : log, arguments->list, error);
    lt_buf_fini(&file);
    free(log);
    free(path);
    return status;
}

lt_status lt_run_start_coordinator(lt_run *run, lt_error *error)
{
    char *data = lt_run_place_path(&run->place, "coordinator");
    char *workers = lt_run_place_endpoint(&run->place, "w");
    char *clients = lt_run_place_endpoint(&run->place, "c");
    struct arguments arguments = {.count = 1};
    put_pair(&arguments, "--data", data);
    put_pair(&arguments, "--workers", workers);
    put_pair(&arguments, "--clients", clients);
    put(&arguments, "--trust-paths");
    run->children.on_death = on_death;
    run->children.context = run;
    lt_status status = start(run, "lefttail-coordinator", "coordinator", &arguments, error);
    if (status == LT_OK) {
        const lt_remote_options options = {.endpoint = clients,
                                           .interrupted = lt_run_interrupted,
                                           .context = run,
                                           .on_wait = on_wait};
        status = lt_run_why(run, lt_remote_open(&options, &run->remote, error), error);
    }
    free(data);
    free(workers);
    free(clients);
    return status;
}

static unsigned cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static lt_status start_worker(lt_run *run, unsigned index, const char *endpoint,
                              const char *threads, lt_error *error)
{
    char name[32];
    snprintf(name, sizeof name, "worker-%u", index + 1);
    lt_buf cache = {0};
    lt_buf_printf(&cache, "%s/cache-%u", run->place.state, index + 1);
    struct arguments arguments = {.count = 1};
    put_pair(&arguments, "--coordinator", endpoint);
    put_pair(&arguments, "--cache", lt_buf_str(&cache));
    put_pair(&arguments, "--name", name);
    put_pair(&arguments, "--threads", threads);
    const lt_status status = start(run, "lefttail-worker", name, &arguments, error);
    lt_buf_fini(&cache);
    return status;
}

lt_status lt_run_start_workers(lt_run *run, lt_error *error)
{
    const unsigned count = (unsigned)run->options->workers;
    unsigned per_worker = run->options->threads ? (unsigned)run->options->threads : cores() / count;
    char threads[16];
    snprintf(threads, sizeof threads, "%u", per_worker ? per_worker : 1);
    char *endpoint = lt_run_place_endpoint(&run->place, "w");
    lt_status status = LT_OK;
    for (unsigned i = 0; i < count && status == LT_OK; i++)
        status = start_worker(run, i, endpoint, threads, error);
    free(endpoint);
    return status;
}

void lt_run_stop_workers(lt_run *run)
{
    lt_children_stop(&run->children, 1, STOP_MS, in_a_hurry, run);
}

/* Workers hand their leases back to a coordinator that still listens. Our own socket is gone before
 * its peer is: libzmq 4.3 aborts when a peer vanishes from a socket that is closing. */
void lt_run_stop_all(lt_run *run)
{
    if (run->children.count > 1)
        lt_run_stop_workers(run);
    lt_remote_close(&run->remote);
    lt_net_fini();
    lt_children_stop(&run->children, 0, STOP_MS, in_a_hurry, run);
    lt_children_fini(&run->children);
}
