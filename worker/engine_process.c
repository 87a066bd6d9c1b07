/* A child is a struct of its own, because its handles may outlive it in the loop while the next
 * child runs. It is over when both have happened, in either order: the exit was reported and the
 * socket gave its end of file, so that rows written before the death are never lost.
 *
 *     start -> ready -> busy -> (DONE / FAILED) -> ready
 *                        |  cancel: CANCEL frame, timer; the answer or the kill ends the run
 *                        '-- exit + end of file: DIED, pause, start
 */
#include "worker/engine_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/row.h"
#include "common/wire.h"
#include "worker/engine_main.h"
#include "worker/scorers.h"

#define CANCEL_MS 2000
#define PAUSE_MS_FIRST 50
#define PAUSE_MS_MAX 10000
#define READ_BYTES (256u << 10)

struct child {
    lt_engine *engine; /* NULL when the engine has been closed */
    uv_process_t process;
    uv_pipe_t pipe;
    lt_buf input;
    int handles_open;
    bool exited, at_end, broken;
    int64_t exit_code;
    int exit_signal;
};

struct lt_engine {
    uv_loop_t *loop;
    lt_engine_events events;
    char *program;
    int threads;
    struct child *child;                     /* NULL while pausing before a start */
    uv_timer_t timer;                        /* the pause, or the patience with a cancelled run */
    lt_digest run_class;                     /* of the run in work */
    lt_digest loaded[LT_SCORERS_LOADED_MAX]; /* by the child; the oldest is overwritten */
    unsigned loaded_count;
    bool busy, cancelled, in_work_known;
    uint32_t in_work;
    char kill_reason[160];
    unsigned deaths, deaths_in_a_row;
};

static void start(lt_engine *engine);

/* ---- the end of a run ---- */

static void end_run(lt_engine *engine, lt_engine_end *end)
{
    if (!engine->busy)
        return;
    if (engine->cancelled)
        end->kind = LT_ENGINE_END_CANCELLED;
    engine->busy = engine->cancelled = false;
    engine->kill_reason[0] = '\0';
    if (engine->child)
        uv_timer_stop(&engine->timer);
    engine->events.on_end(engine->events.context, end);
}

static void on_pause_over(uv_timer_t *timer)
{
    start(timer->data);
}

static void describe_death(const lt_engine *engine, const struct child *child, lt_engine_end *end)
{
    if (engine->kill_reason[0])
        snprintf(end->detail, sizeof end->detail, "%s", engine->kill_reason);
    else if (child->broken)
        snprintf(end->detail, sizeof end->detail, "the engine sent what is not a frame");
    else if (child->exit_signal)
        snprintf(end->detail, sizeof end->detail, "the engine was ended by signal %d (%s)",
                 child->exit_signal, strsignal(child->exit_signal));
    else
        snprintf(end->detail, sizeof end->detail, "the engine ended with exit code %d",
                 (int)child->exit_code);
}

static void bury(lt_engine *engine, struct child *child)
{
    lt_engine_end end = {.kind = LT_ENGINE_END_DIED,
                         .reason = LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED,
                         .item_known = engine->in_work_known,
                         .item = engine->in_work};
    describe_death(engine, child, &end);
    engine->child = NULL;
    engine->loaded_count = 0;
    engine->deaths++;
    lt_log_warn("engine_died", "pid", "%d", child->process.pid, "detail", "%s", end.detail, NULL);
    const unsigned doublings = engine->deaths_in_a_row < 8 ? engine->deaths_in_a_row : 8;
    const uint64_t pause_ms = (uint64_t)PAUSE_MS_FIRST << doublings;
    engine->deaths_in_a_row++;
    uv_timer_start(&engine->timer, on_pause_over, pause_ms < PAUSE_MS_MAX ? pause_ms : PAUSE_MS_MAX,
                   0);
    end_run(engine, &end);
}

/* ---- one child ---- */

static void on_child_closed(uv_handle_t *handle)
{
    struct child *child = handle->data;
    if (--child->handles_open > 0)
        return;
    lt_buf_fini(&child->input);
    free(child);
}

static void finish_child_if_over(struct child *child)
{
    if (!child->exited || !child->at_end)
        return;
    lt_engine *engine = child->engine;
    uv_close((uv_handle_t *)&child->process, on_child_closed);
    uv_close((uv_handle_t *)&child->pipe, on_child_closed);
    if (engine)
        bury(engine, child);
}

static void on_child_exit(uv_process_t *process, int64_t exit_code, int exit_signal)
{
    struct child *child = process->data;
    child->exited = true;
    child->exit_code = exit_code;
    child->exit_signal = exit_signal;
    finish_child_if_over(child);
}

static void take_row(lt_engine *engine, const uint8_t *body, size_t count)
{
    ProtobufCMessage *message;
    lt_error error = {0};
    if (lt_wire_unpack_as(&lefttail__row__descriptor, body, count, &LT_WIRE_FRAME_LIMITS, &message,
                          &error) != LT_OK) {
        lt_log_failure(LT_LOG_ERROR, "engine_row", &error);
        return;
    }
    engine->events.on_row(engine->events.context, (Lefttail__Row *)message);
}

static void take_end(lt_engine *engine, lt_engine_frame kind, const uint8_t *body, size_t count)
{
    lt_engine_end end = {.kind =
                             kind == LT_ENGINE_DONE ? LT_ENGINE_END_DONE : LT_ENGINE_END_FAILED};
    if (kind == LT_ENGINE_FAILED && count > 0) {
        end.reason = (Lefttail__FailureReason)body[0];
        const size_t len = count - 1 < sizeof end.detail - 1 ? count - 1 : sizeof end.detail - 1;
        memcpy(end.detail, body + 1, len);
    }
    engine->deaths_in_a_row = 0;
    if (end.kind == LT_ENGINE_END_FAILED && end.reason == LEFTTAIL__FAILURE_REASON__FAILURE_NONE)
        engine->loaded_count = 0; /* it has let go of some: learn anew which it has */
    end_run(engine, &end);
    if (lt_engine_is_ready(engine))
        engine->events.on_ready(engine->events.context);
}

static void remember_loaded(lt_engine *engine)
{
    if (!lt_engine_has_loaded(engine, &engine->run_class))
        engine->loaded[engine->loaded_count++ % LT_SCORERS_LOADED_MAX] = engine->run_class;
}

bool lt_engine_has_loaded(const lt_engine *engine, const lt_digest *class)
{
    for (unsigned i = 0; i < engine->loaded_count && i < LT_SCORERS_LOADED_MAX; i++)
        if (lt_digest_equal(&engine->loaded[i], class))
            return true;
    return false;
}

static void take_frame(lt_engine *engine, lt_engine_frame kind, const uint8_t *body, size_t count)
{
    if (!engine->busy)
        return;
    engine->events.on_sign(engine->events.context);
    switch (kind) {
    case LT_ENGINE_LOADED:
        remember_loaded(engine);
        if (count == 1 && body[0])
            engine->events.on_loaded(engine->events.context);
        break;
    case LT_ENGINE_IN_WORK:
        engine->in_work_known = count == 4;
        if (engine->in_work_known)
            engine->in_work = (uint32_t)body[0] | (uint32_t)body[1] << 8 | (uint32_t)body[2] << 16 |
                              (uint32_t)body[3] << 24;
        break;
    case LT_ENGINE_ROW:
        if (!engine->cancelled)
            take_row(engine, body, count);
        break;
    case LT_ENGINE_DONE:
    case LT_ENGINE_FAILED:
        take_end(engine, kind, body, count);
        break;
    default:
        break;
    }
}

static void take_frames(struct child *child)
{
    size_t used = 0;
    while (child->engine && !child->broken) {
        lt_engine_frame kind;
        const uint8_t *body;
        size_t body_bytes, whole;
        lt_error error = {0};
        if (lt_engine_frame_take(child->input.data + used, child->input.len - used, &kind, &body,
                                 &body_bytes, &whole, &error) != LT_OK) {
            child->broken = true;
            uv_process_kill(&child->process, SIGKILL);
            break;
        }
        if (!whole)
            break;
        used += whole;
        take_frame(child->engine, kind, body, body_bytes);
    }
    memmove(child->input.data, child->input.data + used, child->input.len - used);
    child->input.len -= used;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct child *child = handle->data;
    *out = uv_buf_init(lt_buf_reserve(&child->input, READ_BYTES), READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    (void)buf;
    struct child *child = stream->data;
    if (got > 0) {
        child->input.len += (size_t)got;
        take_frames(child);
    } else if (got < 0) {
        child->at_end = true;
        uv_read_stop(stream);
        if (!child->exited)
            uv_process_kill(&child->process, SIGKILL); /* it closed its socket: it is of no use */
        finish_child_if_over(child);
    }
}

static int spawn(lt_engine *engine, struct child *child)
{
    char threads[16];
    snprintf(threads, sizeof threads, "%d", engine->threads);
    char *arguments[] = {engine->program, "--engine", "--threads", threads, NULL};
    uv_stdio_container_t stdio[LT_ENGINE_FD + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD,
         .data.fd = STDERR_FILENO}, /* nothing may write to standard output */
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&child->pipe},
    };
    const uv_process_options_t options = {.exit_cb = on_child_exit,
                                          .file = engine->program,
                                          .args = arguments,
                                          .stdio_count = LT_ENGINE_FD + 1,
                                          .stdio = stdio};
    return uv_spawn(engine->loop, &child->process, &options);
}

static int start_child(lt_engine *engine)
{
    struct child *child = lt_alloc(sizeof *child);
    child->engine = engine;
    uv_pipe_init(engine->loop, &child->pipe, 0);
    child->pipe.data = child->process.data = child;
    const int code = spawn(engine, child);
    child->handles_open = 2;
    if (code != 0) {
        child->engine = NULL;
        child->process.data = child;
        uv_close((uv_handle_t *)&child->process, on_child_closed);
        uv_close((uv_handle_t *)&child->pipe, on_child_closed);
        return code;
    }
    engine->child = child;
    uv_read_start((uv_stream_t *)&child->pipe, on_alloc, on_read);
    return 0;
}

static void start(lt_engine *engine)
{
    const int code = start_child(engine);
    if (code == 0) {
        engine->events.on_ready(engine->events.context);
        return;
    }
    lt_log_error("engine_start", "error", "%s", uv_strerror(code), NULL);
    uv_timer_start(&engine->timer, on_pause_over, PAUSE_MS_MAX, 0);
}

/* ---- the worker's side ---- */

lt_status lt_engine_open(lt_engine **out, uv_loop_t *loop, const char *program, int threads,
                         const lt_engine_events *events, lt_error *error)
{
    lt_engine *engine = lt_alloc(sizeof *engine);
    *engine = (lt_engine){
        .loop = loop, .events = *events, .program = lt_strdup(program), .threads = threads};
    uv_timer_init(loop, &engine->timer);
    engine->timer.data = engine;
    const int code = start_child(engine);
    *out = engine;
    if (code == 0)
        return LT_OK;
    lt_engine_close(out);
    return lt_fail(error, LT_IO, program, "cannot start the engine process: %s", uv_strerror(code));
}

bool lt_engine_is_ready(const lt_engine *engine)
{
    return engine->child && !engine->child->exited && !engine->child->at_end && !engine->busy;
}

struct written {
    uv_write_t request;
    lt_buf bytes;
};

static void on_written(uv_write_t *request, int status)
{
    (void)status; /* a broken socket shows as the child's end */
    struct written *written = request->data;
    lt_buf_fini(&written->bytes);
    free(written);
}

static void send_bytes(lt_engine *engine, lt_buf *bytes)
{
    struct written *written = lt_alloc(sizeof *written);
    written->bytes = *bytes;
    *bytes = (lt_buf){0};
    written->request.data = written;
    const uv_buf_t buf = uv_buf_init(written->bytes.data, (unsigned)written->bytes.len);
    if (uv_write(&written->request, (uv_stream_t *)&engine->child->pipe, &buf, 1, on_written) != 0)
        on_written(&written->request, -1);
}

void lt_engine_start_run(lt_engine *engine, const lt_engine_run *run)
{
    LT_ASSERT(lt_engine_is_ready(engine));
    lt_buf frame = {0};
    lt_engine_frame_put_run(&frame, run);
    engine->busy = true;
    engine->cancelled = engine->in_work_known = false;
    engine->kill_reason[0] = '\0';
    engine->run_class = lt_spec_class(run->lease->spec);
    send_bytes(engine, &frame);
}

static void on_patience_over(uv_timer_t *timer)
{
    lt_engine *engine = timer->data;
    if (engine->busy && engine->cancelled)
        lt_engine_kill(engine, "the engine did not stop when its run was cancelled");
}

void lt_engine_cancel(lt_engine *engine)
{
    if (!engine->busy || engine->cancelled)
        return;
    engine->cancelled = true;
    lt_buf frame = {0};
    lt_engine_frame_put(&frame, LT_ENGINE_CANCEL, NULL, 0);
    send_bytes(engine, &frame);
    uv_timer_start(&engine->timer, on_patience_over, CANCEL_MS, 0);
}

void lt_engine_kill(lt_engine *engine, const char *why)
{
    if (!engine->child || engine->child->exited)
        return;
    snprintf(engine->kill_reason, sizeof engine->kill_reason, "%s", why);
    uv_process_kill(&engine->child->process, SIGKILL);
}

unsigned lt_engine_deaths(const lt_engine *engine)
{
    return engine->deaths;
}

int lt_engine_pid(const lt_engine *engine)
{
    return engine->child && !engine->child->exited ? engine->child->process.pid : 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    lt_engine *engine = handle->data;
    free(engine->program);
    free(engine);
}

void lt_engine_close(lt_engine **engine)
{
    if (!*engine)
        return;
    struct child *child = (*engine)->child;
    if (child) {
        child->engine = NULL;
        if (!child->exited)
            uv_process_kill(&child->process, SIGKILL);
        (*engine)->child = NULL;
    }
    uv_close((uv_handle_t *)&(*engine)->timer, on_timer_closed);
    *engine = NULL;
}
