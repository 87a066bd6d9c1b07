/* Leaving takes three steps, each with its patience:
 *
 *     stop --> the run in work ends --> its rows are acknowledged --> Bye, close
 *              (stop_ms, then cancel)   (ACK_MS)
 */
#include "worker/session.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/wire.h"
#include "worker/outgoing.h"
#include "worker/work.h"

#define LEASES 2     /* one is scored, one is prepared meanwhile */
#define FLUSH_MS 200 /* rows wait at most so long for company */
#define ACK_MS 5000
#define HEARTBEAT_MS 2000 /* when Welcome does not say */

struct lt_worker_session {
    lt_dialler *dialler;
    lt_work work;
    uv_timer_t heartbeat, flush, patience;
    int timers_open;
    uint64_t coordinator_epoch, lease_ms, stop_ms;
    unsigned stops;
    bool draining, closed;
    lt_error error; /* why it was refused for good */
};

/* ---- the end ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    ((lt_worker_session *)handle->data)->timers_open--;
}

static void finish(lt_worker_session *session)
{
    if (session->closed)
        return;
    session->closed = true;
    session->work.dialler = NULL;
    lt_dialler_close(&session->dialler, "the worker is stopping");
    lt_work_close(&session->work);
    uv_close((uv_handle_t *)&session->heartbeat, on_timer_closed);
    uv_close((uv_handle_t *)&session->flush, on_timer_closed);
    uv_close((uv_handle_t *)&session->patience, on_timer_closed);
}

static void on_patience_over(uv_timer_t *timer);

/* A run has ended, or a lease is over: does that let a stop go on? */
static void on_work_change(void *context)
{
    lt_worker_session *session = context;
    if (!session->stops || session->closed || lt_work_is_busy(&session->work))
        return;
    if (!session->draining)
        uv_timer_start(&session->patience, on_patience_over, ACK_MS, 0);
    session->draining = true;
    if (lt_work_is_acked(&session->work))
        finish(session);
}

static void on_patience_over(uv_timer_t *timer)
{
    lt_worker_session *session = timer->data;
    if (session->draining || !session->work.running)
        finish(session);
    else
        lt_work_cancel(&session->work);
}

void lt_worker_session_stop(lt_worker_session *session, unsigned times)
{
    if (session->closed)
        return;
    session->stops = times;
    if (times > 1) {
        finish(session);
        return;
    }
    lt_log_info("stopping", "in_work", "%s",
                session->work.running ? session->work.running->lease->scorer : "nothing", NULL);
    lt_send_credit(session->dialler, 0);
    lt_work_stop(&session->work);
    uv_timer_start(&session->patience, on_patience_over, session->stop_ms, 0);
    on_work_change(session);
}

/* ---- time ---- */

static void on_heartbeat(uv_timer_t *timer)
{
    lt_worker_session *session = timer->data;
    lt_work_beat(&session->work, session->lease_ms);
}

static void on_flush(uv_timer_t *timer)
{
    lt_work_flush(&((lt_worker_session *)timer->data)->work);
}

/* ---- what the coordinator says ---- */

static void on_welcome(void *context, const Lefttail__Welcome *welcome)
{
    lt_worker_session *session = context;
    const bool restarted =
        session->coordinator_epoch && session->coordinator_epoch != welcome->epoch;
    lt_log_info("welcome", "epoch", "%lu", welcome->epoch, "lease_ms", "%u", welcome->lease_ms,
                NULL);
    session->coordinator_epoch = welcome->epoch;
    session->lease_ms = welcome->lease_ms;
    if (restarted)
        lt_work_drop_unstarted(&session->work); /* it gives them out again, maybe to another */
    const uint64_t beat_ms = welcome->heartbeat_ms ? welcome->heartbeat_ms : HEARTBEAT_MS;
    uv_timer_start(&session->heartbeat, on_heartbeat, beat_ms, beat_ms);
    lt_work_resend(&session->work);
    lt_send_credit(session->dialler, session->stops ? 0 : LEASES);
}

static void on_message(void *context, const Lefttail__Message *message)
{
    lt_worker_session *session = context;
    switch (message->body_case) {
    case LEFTTAIL__MESSAGE__BODY_LEASE:
        lt_work_take_lease(&session->work, message->lease);
        break;
    case LEFTTAIL__MESSAGE__BODY_ACK:
        lt_work_take_ack(&session->work, message->ack);
        break;
    case LEFTTAIL__MESSAGE__BODY_REVOKE:
        lt_work_take_revoke(&session->work, message->revoke);
        break;
    case LEFTTAIL__MESSAGE__BODY_BLOB_CHUNK:
        lt_work_take_chunk(&session->work, message->blob_chunk);
        break;
    case LEFTTAIL__MESSAGE__BODY_BLOB_ERROR:
        lt_work_take_error(&session->work, message->blob_error);
        break;
    default:
        lt_log_warn("unexpected_message", "message", "%s", lt_wire_body_word(message), NULL);
    }
}

static void on_lost(void *context, const char *why)
{
    lt_worker_session *session = context;
    uv_timer_stop(&session->heartbeat);
    lt_log_warn("session_lost", "reason", "%s", why, NULL);
}

static void on_refused(void *context, const lt_error *error)
{
    lt_worker_session *session = context;
    session->error = *error;
    finish(session);
}

/* ---- life ---- */

static lt_status open_parts(lt_worker_session *session, uv_loop_t *loop,
                            const lt_worker_options *options, lt_error *error)
{
    LT_TRY(lt_work_open(&session->work, options->program, options->threads, error));
    const lt_dialler_options dialler_options = {.endpoint = options->coordinator,
                                                .keys = options->keys,
                                                .role = LEFTTAIL__ROLE__ROLE_WORKER,
                                                .name = options->name,
                                                .facts = options->facts};
    const lt_dialler_events events = {session, on_welcome, on_message, on_lost, on_refused};
    LT_TRY(lt_dialler_open(&session->dialler, loop, &dialler_options, &events, error));
    session->work.dialler = session->dialler;
    return LT_OK;
}

lt_status lt_worker_session_open(lt_worker_session **out, uv_loop_t *loop, lt_cache *cache,
                                 const lt_worker_options *options, lt_error *error)
{
    lt_worker_session *session = lt_alloc(sizeof *session);
    session->work =
        (lt_work){.loop = loop, .cache = cache, .context = session, .on_change = on_work_change};
    session->stop_ms = options->stop_ms;
    session->timers_open = 3;
    uv_timer_t *timers[] = {&session->heartbeat, &session->flush, &session->patience};
    for (int i = 0; i < 3; i++) {
        uv_timer_init(loop, timers[i]);
        timers[i]->data = session;
    }
    uv_timer_start(&session->flush, on_flush, FLUSH_MS, FLUSH_MS);
    *out = session;
    const lt_status status = open_parts(session, loop, options, error);
    if (status != LT_OK)
        finish(session);
    return status;
}

lt_status lt_worker_session_free(lt_worker_session **session, lt_error *error)
{
    if (!*session)
        return LT_OK;
    LT_ASSERT((*session)->timers_open == 0);
    lt_work_fini(&(*session)->work);
    const lt_status status = (*session)->error.status;
    if (status != LT_OK && error)
        *error = (*session)->error;
    free(*session);
    *session = NULL;
    return status;
}
