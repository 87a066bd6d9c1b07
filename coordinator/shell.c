#include "coordinator/shell.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/wire.h"
#include "coordinator/figures.h"

enum {
    SPACE_RETRY_MS = 1000,
    SWEEP_MS = 3600 * 1000,
};

/* ---- events through the core ------------------------------------------------------------ */

static void on_tick(uv_timer_t *timer);
static void on_commit_due(uv_timer_t *timer);
static void on_space_due(uv_timer_t *timer);

static void arm_tick(lt_shell *shell)
{
    const uint64_t now = lt_now_ms(), due = lt_core_next_due_ms(shell->core);
    uv_timer_start(&shell->tick_timer, on_tick, due > now ? due - now : 0, 0);
}

/* A second opinion on rows that were recorded before: inference is exact, so other bits are a
 * fault. */
static void compare_known_rows(lt_shell *shell, const lt_event *event,
                               const Lefttail__Results *results)
{
    const uint32_t class_id = event->results.class_id, pack_id = event->results.pack_id;
    if (class_id == 0 || !event->results.lease.trusted)
        return;
    uint32_t next = 0; /* in the ascending indices of the RECORD action, if there is one */
    for (size_t i = 0; i < results->n_rows; i++) {
        if (next < shell->actions.index_count && shell->actions.indices[next] == i) {
            next++;
            continue;
        }
        lt_store_put_outcome outcome;
        lt_error error;
        if (lt_store_compare_row(shell->store, class_id, pack_id, results->rows[i], &outcome,
                                 &error) != LT_OK)
            return;
        shell->counts.rows_agreed += outcome == LT_STORE_SAME;
        if (outcome != LT_STORE_DIFFERENT)
            continue;
        shell->counts.rows_differed++;
        const lt_worker_record *worker =
            lt_peers_worker_by_number(&shell->worker_peers, event->worker);
        lt_log_error("row_differs", "worker", "%s", worker ? worker->name : "", "class", "%u",
                     class_id, "pack", "%u", pack_id, "item", "%u", results->rows[i]->item, NULL);
    }
}

static void step_once(lt_shell *shell, const lt_event *event, const Lefttail__Results *results)
{
    lt_core_step(shell->core, event, lt_now_ms(), &shell->actions);
    if (results)
        compare_known_rows(shell, event, results);
    for (size_t i = 0; i < shell->actions.count; i++)
        lt_shell_act(shell, &shell->actions.list[i], results);
}

void lt_shell_step(lt_shell *shell, const lt_event *event, Lefttail__Message *message)
{
    const uint64_t ticket_before = shell->ledger.ticket;
    step_once(shell, event, message ? message->results : NULL);
    if (message && shell->ledger.ticket != ticket_before)
        lt_ledger_keep(&shell->ledger, message);
    else
        lt_wire_free(&message);
    if (shell->ledger.rows >= LT_COMMIT_ROWS || shell->ledger.failed || shell->jobs_unsaved)
        lt_shell_commit(shell);
    else if (shell->ledger.ticket != 0 && !shell->store_blocked &&
             !uv_is_active((uv_handle_t *)&shell->commit_timer))
        uv_timer_start(&shell->commit_timer, on_commit_due, LT_COMMIT_MS, 0);
    lt_watch_pump(shell);
    arm_tick(shell);
}

static void on_tick(uv_timer_t *timer)
{
    lt_shell_step(timer->data, &(lt_event){.kind = LT_EVENT_TICK}, NULL);
}

/* ---- commits ------------------------------------------------------------------------------ */

/* False: it stays unsaved, and is tried again with the next commit. */
static bool save_job(lt_shell *shell, lt_job *job)
{
    lt_error error;
    lt_status status = lt_store_put_job(shell->store, &job->record, &error);
    if (status == LT_OK)
        status = lt_store_commit(shell->store, &error);
    if (status != LT_OK && status != LT_FULL) {
        lt_log_failure(LT_LOG_ERROR, "store_failed", &error);
        lt_shell_stop(shell, 1);
    }
    return status == LT_OK;
}

static void save_ended_jobs(lt_shell *shell)
{
    if (!shell->jobs_unsaved)
        return;
    shell->jobs_unsaved = false;
    for (size_t i = 0; i < shell->jobs.count; i++) {
        lt_job *job = shell->jobs.list[i];
        job->unsaved = job->unsaved && !save_job(shell, job);
        shell->jobs_unsaved = shell->jobs_unsaved || job->unsaved;
    }
}

static void block(lt_shell *shell, const lt_error *error)
{
    lt_log_failure(LT_LOG_ERROR, "store_full", error);
    lt_watch_tell_all(shell, "store_full", "%s", error->what);
    shell->store_blocked = true;
    uv_timer_start(&shell->space_timer, on_space_due, SPACE_RETRY_MS, SPACE_RETRY_MS);
    step_once(shell, &(lt_event){.kind = LT_EVENT_STORE_BLOCKED}, NULL);
}

/* Loops, because what the core does with a commit may be rows of its own (failures). */
bool lt_shell_commit(lt_shell *shell)
{
    uv_timer_stop(&shell->commit_timer);
    while (shell->ledger.ticket != 0 && !shell->store_blocked && shell->exit_code == 0) {
        uint64_t ticket;
        lt_error error;
        const lt_status status =
            lt_ledger_commit(&shell->ledger, shell->store, &shell->jobs, &ticket, &error);
        if (status == LT_FULL) {
            block(shell, &error);
            break;
        }
        if (status != LT_OK) {
            lt_log_failure(LT_LOG_ERROR, "store_failed", &error);
            lt_shell_stop(shell, 1);
            return false;
        }
        shell->counts.commits++;
        step_once(shell, &(lt_event){.kind = LT_EVENT_COMMITTED, .committed = {ticket}}, NULL);
    }
    if (!shell->store_blocked && shell->exit_code == 0)
        save_ended_jobs(shell);
    return !shell->store_blocked && shell->exit_code == 0;
}

static void on_commit_due(uv_timer_t *timer)
{
    lt_shell *shell = timer->data;
    lt_shell_commit(shell);
    lt_watch_pump(shell);
    arm_tick(shell);
}

static void on_space_due(uv_timer_t *timer)
{
    lt_shell *shell = timer->data;
    if (!lt_store_has_space(shell->store))
        return;
    lt_log_info("store_has_space", NULL);
    uv_timer_stop(&shell->space_timer);
    shell->store_blocked = false;
    lt_shell_step(shell, &(lt_event){.kind = LT_EVENT_STORE_OK}, NULL);
    lt_shell_commit(shell);
}

/* ---- the other timers ------------------------------------------------------------------------ */

static void on_second(uv_timer_t *timer)
{
    lt_shell *shell = timer->data;
    lt_figures_second(shell);
    lt_watch_pump(shell);
    const uint64_t now = lt_now_ms();
    if (now >= shell->swept_ms + SWEEP_MS) {
        shell->swept_ms = now;
        lt_blobs_sweep(shell->blobs);
    }
}

static void on_load_idle(uv_idle_t *idle)
{
    lt_shell *shell = idle->data;
    if (!lt_loader_slice(shell))
        uv_idle_stop(idle);
    arm_tick(shell);
}

static void on_signal(void *context, int signal_number, unsigned times)
{
    lt_log_info("stopping", "signal", "%u", (unsigned)signal_number, NULL);
    (void)times;
    lt_shell_stop(context, 0);
}

void lt_shell_load_later(lt_shell *shell)
{
    uv_idle_start(&shell->load_idle, on_load_idle);
}

void lt_shell_stop(lt_shell *shell, int exit_code)
{
    if (shell->exit_code == 0)
        shell->exit_code = exit_code;
    shell->stopping = true;
    uv_stop(&shell->loop);
}

/* ---- opening and closing ---- */

static void open_loop(lt_shell *shell)
{
    LT_ASSERT(uv_loop_init(&shell->loop) == 0);
    uv_timer_t *timers[] = {&shell->tick_timer, &shell->commit_timer, &shell->space_timer,
                            &shell->second_timer};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
        uv_timer_init(&shell->loop, timers[i]);
        timers[i]->data = shell;
    }
    uv_idle_init(&shell->loop, &shell->load_idle);
    shell->load_idle.data = shell;
    lt_signals_open(&shell->signals, &shell->loop, on_signal, shell);
}

static void collect_job(void *context, const lt_store_job *record)
{
    lt_shell *shell = context;
    lt_jobs_add(&shell->jobs, record, lt_store_epoch(shell->store));
}

static lt_status open_state(lt_shell *shell, lt_error *error)
{
    const lt_settings *settings = shell->settings;
    LT_TRY(lt_store_open(settings->data, &shell->store, error));
    const lt_blobs_options blobs = {.blob_bytes_max = settings->blob_bytes_max,
                                    .trust_paths = settings->trust_paths};
    LT_TRY(lt_blobs_open(settings->data, &blobs, &shell->blobs, error));
    LT_TRY(lt_token_key_open(settings->data, &shell->token_key, error));
    shell->verifier = lt_verifier_new(&shell->loop, shell->blobs);
    const uint64_t silence_ms = 10 * settings->heartbeat_ms;
    const lt_core_options core = {
        .epoch = lt_store_epoch(shell->store),
        .lease_ms = (uint32_t)settings->lease_ms,
        .worker_timeout_ms = (uint32_t)(silence_ms < 3000 ? 3000 : silence_ms),
    };
    shell->core = lt_core_new(&core);
    LT_TRY(lt_store_jobs(shell->store, collect_job, shell, error));
    for (size_t i = 0; i < shell->jobs.count; i++)
        if (shell->jobs.list[i]->record.state == LEFTTAIL__JOB_STATE__JOB_RUNNING)
            LT_TRY(lt_loader_resume(shell, shell->jobs.list[i], error));
    return LT_OK;
}

static lt_status open_keys(lt_shell *shell, lt_keys *keys, lt_error *error)
{
    const char *dir = shell->settings->keys;
    LT_TRY(lt_keys_read(dir, LT_KEY_COORDINATOR, keys, error));
    LT_TRY(lt_zap_open(&shell->zap, error));
    lt_allow_list list = {0};
    LT_TRY(lt_allow_list_read(dir, LT_KEY_WORKER, &list, error));
    lt_zap_allow(shell->zap, LT_ZAP_WORKERS, &list);
    LT_TRY(lt_allow_list_read(dir, LT_KEY_CLIENT, &list, error));
    lt_zap_allow(shell->zap, LT_ZAP_CLIENTS, &list);
    return LT_OK;
}

static lt_status open_sockets(lt_shell *shell, lt_error *error)
{
    lt_keys keys = {0};
    const lt_keys *used = shell->settings->keys ? &keys : NULL;
    lt_status status = used ? open_keys(shell, &keys, error) : LT_OK;
    const lt_router_options workers = {
        .endpoint = shell->settings->workers, .zap_domain = LT_ZAP_WORKERS, .keys = used};
    const lt_router_options clients = {
        .endpoint = shell->settings->clients, .zap_domain = LT_ZAP_CLIENTS, .keys = used};
    lt_router_events worker_events = lt_shell_worker_events, client_events = lt_shell_client_events;
    worker_events.context = client_events.context = shell;
    if (status == LT_OK)
        status =
            lt_router_open(&shell->worker_router, &shell->loop, &workers, &worker_events, error);
    if (status == LT_OK)
        status =
            lt_router_open(&shell->client_router, &shell->loop, &clients, &client_events, error);
    lt_keys_wipe(&keys);
    return status;
}

/* DIR/endpoints: "workers ENDPOINT" and "clients ENDPOINT", for scripts that let the system choose.
 */
static lt_status write_endpoints(lt_shell *shell, lt_error *error)
{
    lt_buf text = {0};
    char *path = lt_path_join(shell->settings->data, "endpoints");
    lt_buf_printf(&text, "workers %s\nclients %s\n", lt_router_endpoint(shell->worker_router),
                  lt_router_endpoint(shell->client_router));
    const lt_status status = lt_file_write(path, text.data, text.len, error);
    lt_buf_fini(&text);
    free(path);
    return status;
}

static void close_shell(lt_shell *shell)
{
    lt_router_close(&shell->worker_router);
    lt_router_close(&shell->client_router);
    lt_signals_close(&shell->signals);
    lt_verifier_close(&shell->verifier);
    uv_handle_t *own[] = {(uv_handle_t *)&shell->tick_timer, (uv_handle_t *)&shell->commit_timer,
                          (uv_handle_t *)&shell->space_timer, (uv_handle_t *)&shell->second_timer,
                          (uv_handle_t *)&shell->load_idle};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        uv_close(own[i], NULL);
    uv_run(&shell->loop, UV_RUN_DEFAULT);
    LT_ASSERT(uv_loop_close(&shell->loop) == 0);
    lt_zap_close(&shell->zap);
    lt_core_free(&shell->core);
    lt_actions_fini(&shell->actions);
    lt_ledger_fini(&shell->ledger);
    lt_loader_fini(&shell->loader);
    lt_jobs_fini(&shell->jobs);
    lt_peers_fini(&shell->worker_peers);
    lt_peers_fini(&shell->client_peers);
    lt_blobs_close(&shell->blobs);
    lt_store_close(&shell->store);
    lt_arena_fini(&shell->arena);
}

static lt_status serve(lt_shell *shell, lt_error *error)
{
    LT_TRY(open_state(shell, error));
    LT_TRY(open_sockets(shell, error));
    LT_TRY(write_endpoints(shell, error));
    lt_log_info("ready", "version", "%s", LT_VERSION, "data", "%s", shell->settings->data, "epoch",
                "%lu", lt_store_epoch(shell->store), "workers", "%s",
                lt_router_endpoint(shell->worker_router), "clients", "%s",
                lt_router_endpoint(shell->client_router), "jobs", "%lu",
                (uint64_t)shell->jobs.count, NULL);
    uv_timer_start(&shell->second_timer, on_second, 1000, 1000);
    arm_tick(shell);
    uv_run(&shell->loop, UV_RUN_DEFAULT);
    if (shell->exit_code == 0) {
        lt_shell_commit(shell);
        lt_shell_goodbye(shell, "the coordinator is stopping");
    }
    return LT_OK;
}

int lt_shell_run(const lt_settings *settings, lt_error *error)
{
    lt_shell *shell = lt_alloc(sizeof *shell);
    shell->settings = settings;
    open_loop(shell);
    const lt_status status = serve(shell, error);
    const int exit_code = status == LT_OK ? shell->exit_code : lt_status_exit_code(status);
    close_shell(shell);
    free(shell);
    return exit_code;
}
