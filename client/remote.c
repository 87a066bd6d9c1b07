/* A request is kept packed until it is answered, and said again after every new Welcome. The loop
 * runs inside each call only; a tick asks about interruption, silence and overdue answers. */
#include "client/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/remote_call.h"
#include "common/clock.h"
#include "common/net/dialler.h"
#include "common/wire.h"

enum {
    WAIT_MS_DEFAULT = 30000,
    TICK_MS = 100,
    ASK_AGAIN_MS =
        5000, /* an answer this late: Hello again, which tells whether anybody is there */
};

struct lt_remote {
    uv_loop_t loop;
    uv_timer_t tick;
    lt_dialler *dialler;
    lt_remote_options options;
    uint64_t last_request;

    /* the call that waits */
    bool waiting;
    lt_status status; /* of the call, once waiting is false */
    lt_error *error;
    lt_buf request; /* packed; empty while opening */
    Lefttail__Message *reply;
    lt_remote_event_fn *on_event; /* a watch: events instead of one reply */
    void *event_context;
    const char *watched_job;
    uint64_t watched_sequence;
    uint64_t heard_ms, asked_ms;
};

static void finish(lt_remote *remote, lt_status status)
{
    remote->status = status;
    remote->waiting = false;
    uv_stop(&remote->loop);
}

/* ---- the session's callbacks ---- */

static void pack_request(lt_remote *remote, Lefttail__Message *message)
{
    message->request = ++remote->last_request;
    lt_buf_clear(&remote->request);
    lt_wire_pack(&message->base, &remote->request);
}

static void pack_watch(lt_remote *remote)
{
    Lefttail__WatchRequest watch = LEFTTAIL__WATCH_REQUEST__INIT;
    watch.job = (char *)remote->watched_job;
    watch.after_sequence = remote->watched_sequence;
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    message.body_case = LEFTTAIL__MESSAGE__BODY_WATCH_REQUEST;
    message.watch_request = &watch;
    pack_request(remote, &message);
}

static void ask(lt_remote *remote)
{
    if (!remote->waiting || remote->request.len == 0 || !lt_dialler_is_welcome(remote->dialler))
        return;
    remote->asked_ms = lt_now_ms();
    if (remote->on_event)
        pack_watch(remote); /* from where the stream broke off */
    lt_dialler_send_bytes(remote->dialler, remote->request.data, remote->request.len);
}

static void on_welcome(void *context, const Lefttail__Welcome *welcome)
{
    (void)welcome;
    lt_remote *remote = context;
    remote->heard_ms = lt_now_ms();
    if (remote->waiting && remote->request.len == 0)
        finish(remote, LT_OK); /* lt_remote_open waited for this */
    else
        ask(remote);
}

static lt_status status_of_word(const char *word)
{
#define X(name, text, code)                                                                        \
    if (strcmp(word, text) == 0)                                                                   \
        return LT_##name;
    LT_STATUS_LIST(X)
#undef X
    return LT_PROTOCOL;
}

static void finish_with_error_reply(lt_remote *remote, const Lefttail__ErrorReply *reply)
{
    lt_status status = status_of_word(reply->status);
    if (status == LT_OK)
        status = LT_PROTOCOL;
    lt_fail(remote->error, status, reply->where, "%s", reply->what);
    lt_expected(remote->error, status, "%s", reply->expected);
    finish(remote, lt_remedy(remote->error, status, "%s", reply->remedy));
}

static void on_event(lt_remote *remote, const Lefttail__WatchEvent *event)
{
    if (event->sequence <= remote->watched_sequence)
        return; /* said again after a new Welcome */
    remote->watched_sequence = event->sequence;
    const bool more = remote->on_event(remote->event_context, event);
    if (!more || (event->job && event->job->state != LEFTTAIL__JOB_STATE__JOB_RUNNING))
        finish(remote, LT_OK);
}

static void on_message(void *context, const Lefttail__Message *message)
{
    lt_remote *remote = context;
    remote->heard_ms = lt_now_ms();
    if (!remote->waiting || message->request != remote->last_request)
        return; /* the answer to a question that was answered before */
    if (message->body_case == LEFTTAIL__MESSAGE__BODY_ERROR_REPLY) {
        finish_with_error_reply(remote, message->error_reply);
    } else if (remote->on_event) {
        remote->asked_ms = remote->heard_ms;
        if (message->body_case == LEFTTAIL__MESSAGE__BODY_WATCH_EVENT)
            on_event(remote, message->watch_event);
    } else {
        lt_buf copy = {0};
        lt_wire_pack(&message->base, &copy);
        finish(remote, lt_wire_unpack(copy.data, copy.len, &remote->reply, remote->error));
        lt_buf_fini(&copy);
    }
}

static void on_lost(void *context, const char *why)
{
    lt_remote *remote = context;
    if (remote->options.on_wait)
        remote->options.on_wait(remote->options.context, why);
}

static void on_refused(void *context, const lt_error *error)
{
    lt_remote *remote = context;
    if (!remote->waiting)
        return;
    if (remote->error)
        *remote->error = *error;
    finish(remote, error->status);
}

static void on_tick(uv_timer_t *timer)
{
    lt_remote *remote = timer->data;
    const uint64_t now_ms = lt_now_ms();
    if (!remote->waiting)
        return;
    if (remote->options.interrupted && remote->options.interrupted(remote->options.context)) {
        finish(remote, lt_fail(remote->error, LT_CANCELLED, NULL, "interrupted"));
    } else if (now_ms - remote->heard_ms > remote->options.wait_ms) {
        lt_status status =
            lt_fail(remote->error, LT_UNREACHABLE, remote->options.endpoint,
                    "the coordinator was not heard for %u seconds", remote->options.wait_ms / 1000);
        finish(remote, lt_remedy(remote->error, status,
                                 "is it running there, and do its keys know this client's?"));
    } else if (lt_dialler_is_welcome(remote->dialler) && now_ms - remote->asked_ms > ASK_AGAIN_MS) {
        remote->asked_ms = now_ms;
        lt_dialler_again(remote->dialler, "an answer is overdue");
    }
}

/* ---- opening and closing ---- */

static lt_status wait_for_end(lt_remote *remote, lt_error *error)
{
    remote->waiting = true;
    remote->error = error;
    remote->heard_ms = remote->asked_ms = lt_now_ms();
    ask(remote);
    while (remote->waiting)
        uv_run(&remote->loop, UV_RUN_DEFAULT);
    remote->error = NULL;
    return remote->status;
}

static lt_status open_dialler(lt_remote *remote, lt_error *error)
{
    lt_keys keys;
    const bool have_keys = remote->options.keys_dir != NULL;
    if (have_keys)
        LT_TRY(lt_keys_read(remote->options.keys_dir, LT_KEY_CLIENT, &keys, error));
    char host[64] = "client", name[96];
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%s:%d", host, (int)getpid());
    const lt_dialler_events events = {remote, on_welcome, on_message, on_lost, on_refused};
    const lt_dialler_options options = {.endpoint = remote->options.endpoint,
                                        .keys = have_keys ? &keys : NULL,
                                        .role = LEFTTAIL__ROLE__ROLE_CLIENT,
                                        .name = name};
    const lt_status status =
        lt_dialler_open(&remote->dialler, &remote->loop, &options, &events, error);
    if (have_keys)
        lt_keys_wipe(&keys);
    return status;
}

lt_status lt_remote_open(const lt_remote_options *options, lt_remote **out, lt_error *error)
{
    *out = NULL;
    LT_TRY(lt_endpoint_check(options->endpoint, false, error));
    LT_TRY(lt_endpoint_check_keys(options->endpoint, options->keys_dir != NULL, error));
    lt_remote *remote = lt_alloc(sizeof *remote);
    remote->options = *options;
    remote->options.endpoint = lt_strdup(options->endpoint);
    if (remote->options.wait_ms == 0)
        remote->options.wait_ms = WAIT_MS_DEFAULT;
    LT_ASSERT(uv_loop_init(&remote->loop) == 0);
    uv_timer_init(&remote->loop, &remote->tick);
    remote->tick.data = remote;
    uv_timer_start(&remote->tick, on_tick, TICK_MS, TICK_MS);
    lt_status status = open_dialler(remote, error);
    if (status == LT_OK)
        status = wait_for_end(remote, error);
    if (status != LT_OK)
        lt_remote_close(&remote);
    *out = remote;
    return status;
}

void lt_remote_close(lt_remote **out)
{
    lt_remote *remote = *out;
    if (!remote)
        return;
    lt_dialler_close(&remote->dialler, "done");
    uv_close((uv_handle_t *)&remote->tick, NULL);
    while (uv_run(&remote->loop, UV_RUN_DEFAULT))
        ;
    LT_ASSERT(uv_loop_close(&remote->loop) == 0);
    lt_buf_fini(&remote->request);
    free((char *)remote->options.endpoint);
    free(remote);
    *out = NULL;
}

/* ---- calls ---- */

lt_status lt_remote_call(lt_remote *remote, Lefttail__Message *message,
                         Lefttail__Message__BodyCase expected, Lefttail__Message **reply,
                         lt_error *error)
{
    remote->on_event = NULL;
    remote->reply = NULL;
    pack_request(remote, message);
    LT_TRY(wait_for_end(remote, error));
    if (remote->reply->body_case != expected) {
        const bool no_blob = remote->reply->body_case == LEFTTAIL__MESSAGE__BODY_BLOB_ERROR;
        const lt_status status =
            no_blob ? lt_fail(error, LT_NOT_FOUND, "blob", "%s", remote->reply->blob_error->text)
                    : lt_fail(error, LT_PROTOCOL, remote->options.endpoint, "answered with '%s'",
                              lt_wire_body_word(remote->reply));
        lt_wire_free(&remote->reply);
        return status;
    }
    *reply = remote->reply;
    return LT_OK;
}

lt_status lt_remote_watch(lt_remote *remote, const char *job, lt_remote_event_fn *on_event_fn,
                          void *context, lt_error *error)
{
    remote->on_event = on_event_fn;
    remote->event_context = context;
    remote->watched_job = job;
    remote->watched_sequence = 0;
    pack_watch(remote);
    const lt_status status = wait_for_end(remote, error);
    remote->on_event = NULL;
    return status;
}

#define REQUEST(kind, CASE, member)                                                                \
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;                                           \
    kind body = CASE##__INIT;                                                                      \
    message.member = &body

lt_status lt_remote_submit(lt_remote *remote, const lt_digest *manifest, Lefttail__Message **reply,
                           lt_error *error)
{
    REQUEST(Lefttail__Submit, LEFTTAIL__SUBMIT, submit);
    message.body_case = LEFTTAIL__MESSAGE__BODY_SUBMIT;
    body.manifest = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)manifest->bytes};
    return lt_remote_call(remote, &message, LEFTTAIL__MESSAGE__BODY_JOB_REPLY, reply, error);
}

lt_status lt_remote_status(lt_remote *remote, const char *job, Lefttail__Message **reply,
                           lt_error *error)
{
    REQUEST(Lefttail__StatusRequest, LEFTTAIL__STATUS_REQUEST, status_request);
    message.body_case = LEFTTAIL__MESSAGE__BODY_STATUS_REQUEST;
    body.job = (char *)(job ? job : "");
    return lt_remote_call(remote, &message, LEFTTAIL__MESSAGE__BODY_STATUS_REPLY, reply, error);
}

lt_status lt_remote_cancel(lt_remote *remote, const char *job, Lefttail__Message **reply,
                           lt_error *error)
{
    REQUEST(Lefttail__CancelRequest, LEFTTAIL__CANCEL_REQUEST, cancel_request);
    message.body_case = LEFTTAIL__MESSAGE__BODY_CANCEL_REQUEST;
    body.job = (char *)job;
    return lt_remote_call(remote, &message, LEFTTAIL__MESSAGE__BODY_JOB_REPLY, reply, error);
}

lt_status lt_remote_report(lt_remote *remote, const char *job, Lefttail__Message **reply,
                           lt_error *error)
{
    REQUEST(Lefttail__ReportRequest, LEFTTAIL__REPORT_REQUEST, report_request);
    message.body_case = LEFTTAIL__MESSAGE__BODY_REPORT_REQUEST;
    body.job = (char *)job;
    return lt_remote_call(remote, &message, LEFTTAIL__MESSAGE__BODY_REPORT_REPLY, reply, error);
}

lt_status lt_remote_workers(lt_remote *remote, Lefttail__Message **reply, lt_error *error)
{
    REQUEST(Lefttail__WorkersRequest, LEFTTAIL__WORKERS_REQUEST, workers_request);
    message.body_case = LEFTTAIL__MESSAGE__BODY_WORKERS_REQUEST;
    return lt_remote_call(remote, &message, LEFTTAIL__MESSAGE__BODY_WORKERS_REPLY, reply, error);
}

static lt_status rows_page(lt_remote *remote, Lefttail__Message *message,
                           lt_remote_group_fn *on_group, void *context, bool *end, lt_error *error)
{
    Lefttail__Message *reply;
    LT_TRY(lt_remote_call(remote, message, LEFTTAIL__MESSAGE__BODY_ROWS_REPLY, &reply, error));
    const Lefttail__RowsReply *page = reply->rows_reply;
    Lefttail__RowsRequest *cursor = message->rows_request;
    lt_status status = LT_OK;
    for (size_t i = 0; i < page->n_groups && status == LT_OK; i++)
        status = on_group(context, page->groups[i], error);
    *end = page->end;
    if (status == LT_OK && !page->end && page->next_pack_index == cursor->pack_index &&
        page->next_scorer_index == cursor->scorer_index)
        status = lt_fail(error, LT_PROTOCOL, "rows reply", "the cursor stands still");
    cursor->pack_index = page->next_pack_index;
    cursor->scorer_index = page->next_scorer_index;
    lt_wire_free(&reply);
    return status;
}

lt_status lt_remote_rows(lt_remote *remote, const char *job, lt_remote_group_fn *on_group,
                         void *context, lt_error *error)
{
    REQUEST(Lefttail__RowsRequest, LEFTTAIL__ROWS_REQUEST, rows_request);
    message.body_case = LEFTTAIL__MESSAGE__BODY_ROWS_REQUEST;
    body.job = (char *)job;
    for (bool end = false; !end;)
        LT_TRY(rows_page(remote, &message, on_group, context, &end, error));
    return LT_OK;
}
