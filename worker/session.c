#include "worker/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/net/dialler.h"
#include "common/wire.h"
#include "worker/engine_process.h"
#include "worker/held.h"

#define LEASES 2             /* one is scored, one is prepared meanwhile */
#define LEASES_HELD_MAX 8    /* with those that wait for acks or come from a restarted coordinator */
#define FLUSH_MS 200         /* rows wait at most so long for company */
#define FLUSH_ROWS 64
#define ACK_MS 5000          /* patience for acks when stopping */
#define HEARTBEAT_MS 2000    /* until Welcome says */

struct lt_worker_session {
    uv_loop_t *loop;
    lt_cache *cache;
    lt_dialler *dialler;
    lt_engine *engine;
    uv_timer_t heartbeat, flush, patience; /* patience: a stop's two waits */
    int timers_open;
    lt_held *leases;         /* in the order they came */
    lt_held *running;        /* what the engine has; NULL also when that lease was revoked */
    uint64_t coordinator_epoch, lease_ms;
    uint64_t steps;          /* signs of life from engine and supplies: what Progress shows */
    uint64_t tokens_done;
    uint64_t sign_ms;        /* the last sign from the engine's run */
    uint64_t stop_ms;
    unsigned stops;
    bool draining, closed;
    lt_error error;          /* why it was refused for good */
};

static void run_next(lt_worker_session *session);
static void finish(lt_worker_session *session);

/* ---- sending ---- */

static void send_message(lt_worker_session *session, Lefttail__Message__BodyCase body, void *content)
{
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    message.body_case = body;
    message.hello = content; /* the members of the union are pointers alike */
    if (session->dialler && lt_dialler_send(session->dialler, &message) == LT_LIMIT)
        lt_log_warn("outbox_full", "message", "%s", lt_wire_body_word(&message), NULL);
}

static void send_credit(lt_worker_session *session)
{
    Lefttail__Credit credit = LEFTTAIL__CREDIT__INIT;
    credit.leases = session->stops ? 0 : LEASES;
    send_message(session, LEFTTAIL__MESSAGE__BODY_CREDIT, &credit);
}

static void send_progress(lt_worker_session *session, const lt_held *held)
{
    Lefttail__Progress progress = LEFTTAIL__PROGRESS__INIT;
    if (held) {
        progress.lease = held->lease->lease;
        progress.epoch = held->lease->epoch;
        progress.items_done = held->items_done;
    }
    progress.engine_steps = session->steps;
    progress.tokens_done = session->tokens_done;
    send_message(session, LEFTTAIL__MESSAGE__BODY_PROGRESS, &progress);
}

static void send_failure(lt_worker_session *session, const Lefttail__Lease *lease, Lefttail__FailureReason reason,
                         const char *detail, const uint32_t *item)
{
    char cut[LT_DETAIL_BYTES_MAX];
    snprintf(cut, sizeof cut, "%s", detail);
    Lefttail__Failure failure = LEFTTAIL__FAILURE__INIT;
    failure.lease = lease->lease;
    failure.epoch = lease->epoch;
    failure.token = lease->token;
    failure.reason = reason;
    failure.detail = cut;
    failure.item_known = item != NULL;
    failure.item = item ? *item : 0;
    lt_log_warn("lease_failed", "lease", "%lu", lease->lease, "scorer", "%s", lease->scorer, "detail", "%s", cut, NULL);
    send_message(session, LEFTTAIL__MESSAGE__BODY_FAILURE, &failure);
}

static void send_spooled(lt_worker_session *session, const lt_spooled *spooled)
{
    if (session->dialler && lt_dialler_send_bytes(session->dialler, spooled->bytes.data, spooled->bytes.len) == LT_LIMIT)
        lt_log_warn("outbox_full", "message", "results", NULL); /* it stays in the spool */
}

static void flush_lease(lt_worker_session *session, lt_held *held)
{
    const lt_spooled *spooled = lt_held_flush(held);
    if (spooled)
        send_spooled(session, spooled);
}

/* ---- leases ---- */

static lt_held *find(lt_worker_session *session, uint64_t lease, uint32_t epoch)
{
    for (lt_held *held = session->leases; held; held = held->next)
        if (held->lease->lease == lease && held->lease->epoch == epoch)
            return held;
    return NULL;
}

/* Its run, if it has one, goes on in the engine until it is cancelled: nothing of it is taken. */
static void drop(lt_worker_session *session, lt_held *held)
{
    lt_held **at = &session->leases;
    while (*at != held)
        at = &(*at)->next;
    *at = held->next;
    if (session->running == held)
        session->running = NULL;
    lt_held_free(&held);
}

static void finish_if_drained(lt_worker_session *session)
{
    if (!session->draining)
        return;
    for (const lt_held *held = session->leases; held; held = held->next)
        if (!lt_held_is_acked(held))
            return;
    finish(session);
}

static void drop_if_over(lt_worker_session *session, lt_held *held)
{
    if (held->state == LT_HELD_SENT && lt_held_is_acked(held))
        drop(session, held);
    finish_if_drained(session);
}

static void fail_lease(lt_worker_session *session, lt_held *held, Lefttail__FailureReason reason, const char *detail,
                       const uint32_t *item)
{
    flush_lease(session, held);
    send_failure(session, held->lease, reason, detail, item);
    drop(session, held);
}

/* ---- supplies ---- */

static void on_supply_ready(void *context)
{
    lt_held *held = context;
    held->state = LT_HELD_READY;
    run_next(held->owner);
}

static void on_supply_failed(void *context, Lefttail__FailureReason reason, const lt_error *error)
{
    lt_held *held = context;
    char text[LT_ERROR_TEXT_BYTES];
    fail_lease(held->owner, held, reason, lt_error_text(error, text, sizeof text), NULL);
}

static void on_supply_step(void *context)
{
    ((lt_worker_session *)((lt_held *)context)->owner)->steps++;
}

static void on_supply_ask(void *context, const lt_digest *digest, uint64_t offset)
{
    Lefttail__BlobGet get = LEFTTAIL__BLOB_GET__INIT;
    get.digest = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)digest->bytes};
    get.offset = offset;
    send_message(((lt_held *)context)->owner, LEFTTAIL__MESSAGE__BODY_BLOB_GET, &get);
}

static void prepare(lt_worker_session *session, lt_held *held)
{
    const lt_supply_events events = {held, on_supply_ready, on_supply_failed, on_supply_step, on_supply_ask};
    lt_supply_close(&held->supply);
    held->state = LT_HELD_PREPARING;
    held->renew_supply = false;
    lt_supply_open(&held->supply, session->loop, session->cache, held->lease, &events);
}

/* ---- the engine ---- */

static lt_held *next_ready(lt_worker_session *session)
{
    for (lt_held *held = session->leases; held; held = held->next) {
        if (held->state != LT_HELD_READY)
            continue;
        if (lt_supply_unchanged(held->supply))
            return held;
        lt_log_warn("checkpoint_changed", "scorer", "%s", held->lease->scorer, "path", "%s", lt_supply_dir(held->supply), NULL);
        prepare(session, held);
    }
    return NULL;
}

static void run_next(lt_worker_session *session)
{
    if (session->running || session->draining || session->closed || !lt_engine_is_ready(session->engine))
        return;
    lt_held *held = next_ready(session);
    if (!held || (session->stops && !held->careful))
        return;
    const lt_buf *pack = lt_supply_pack(held->supply);
    const lt_engine_run run = {held->lease, lt_supply_dir(held->supply), pack->data, pack->len, held->careful};
    session->running = held;
    session->sign_ms = lt_now_ms();
    held->state = LT_HELD_RUNNING;
    lt_engine_start_run(session->engine, &run);
}

static void on_engine_ready(void *context)
{
    run_next(context);
}

static void on_engine_sign(void *context)
{
    lt_worker_session *session = context;
    session->steps++;
    session->sign_ms = lt_now_ms();
}

/* The files were hashed before the engine read them; were they changed in between, what it loaded is
 * not known. */
static void on_engine_loaded(void *context)
{
    lt_worker_session *session = context;
    lt_held *held = session->running;
    if (!held || lt_supply_unchanged(held->supply))
        return;
    held->renew_supply = true;
    lt_engine_kill(session->engine, "the checkpoint's files changed while they were loaded");
}

static void on_engine_row(void *context, Lefttail__Row *row)
{
    lt_worker_session *session = context;
    lt_held *held = session->running;
    lt_error error = {0};
    const uint32_t tokens = row->tokens;
    if (!held || held->renew_supply) {
        lefttail__row__free_unpacked(row, NULL);
        return;
    }
    if (lt_held_add_row(held, row, &error) != LT_OK) {
        lt_log_failure(LT_LOG_ERROR, "engine_row", &error);
        return;
    }
    session->tokens_done += tokens;
    if (held->pending_count >= FLUSH_ROWS)
        flush_lease(session, held);
}

/* True: the lease will run again. */
static bool after_death(lt_worker_session *session, lt_held *held, const lt_engine_end *end)
{
    if (held->renew_supply && !session->stops) {
        prepare(session, held);
    } else if (!held->renew_supply && !held->careful && held->open_items > 0) {
        held->careful = true;
        held->state = LT_HELD_READY;
        lt_log_info("lease_again", "lease", "%lu", held->lease->lease, "open_items", "%u", held->open_items, "mode", "text by text", NULL);
    } else {
        fail_lease(session, held, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED, end->detail,
                   end->item_known ? &end->item : NULL);
        return false;
    }
    return true;
}

static void after_done(lt_worker_session *session, lt_held *held)
{
    if (held->open_items > 0) {
        fail_lease(session, held, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED, "the engine left items out", NULL);
        return;
    }
    lt_supply_close(&held->supply);
    held->state = LT_HELD_SENT;
    drop_if_over(session, held);
}

static void start_draining(lt_worker_session *session);

static void on_engine_end(void *context, const lt_engine_end *end)
{
    lt_worker_session *session = context;
    lt_held *held = session->running;
    bool again = false;
    session->running = NULL;
    if (held) {
        flush_lease(session, held);
        if (end->kind == LT_ENGINE_END_DONE)
            after_done(session, held);
        else if (end->kind == LT_ENGINE_END_DIED)
            again = after_death(session, held, end);
        else if (end->kind == LT_ENGINE_END_FAILED)
            fail_lease(session, held, end->reason, end->detail, NULL);
        else
            held->state = LT_HELD_SENT; /* cancelled by a stop: its rows still want their acks */
    }
    if (session->stops && !again)
        start_draining(session);
}

/* ---- time ---- */

static void kill_if_hung(lt_worker_session *session)
{
    const uint64_t patience_ms = session->lease_ms * 2 / 3;
    if (!session->running || session->running->state != LT_HELD_RUNNING || !patience_ms ||
        lt_now_ms() - session->sign_ms < patience_ms)
        return;
    char why[96];
    snprintf(why, sizeof why, "the engine made no step for %lu ms", (unsigned long)patience_ms);
    session->sign_ms = lt_now_ms();
    lt_engine_kill(session->engine, why);
}

static void on_heartbeat(uv_timer_t *timer)
{
    lt_worker_session *session = timer->data;
    kill_if_hung(session);
    if (!session->leases)
        send_progress(session, NULL);
    for (const lt_held *held = session->leases; held; held = held->next)
        send_progress(session, held);
}

static void on_flush(uv_timer_t *timer)
{
    lt_worker_session *session = timer->data;
    for (lt_held *held = session->leases; held; held = held->next)
        flush_lease(session, held);
}

/* ---- what the coordinator says ---- */

static void drop_unstarted(lt_worker_session *session)
{
    for (lt_held *held = session->leases, *next; held; held = next) {
        next = held->next;
        if (held->state == LT_HELD_PREPARING || held->state == LT_HELD_READY)
            drop(session, held);
    }
}

static void on_welcome(void *context, const Lefttail__Welcome *welcome)
{
    lt_worker_session *session = context;
    const bool restarted = session->coordinator_epoch && session->coordinator_epoch != welcome->epoch;
    lt_log_info("welcome", "epoch", "%lu", welcome->epoch, "lease_ms", "%u", welcome->lease_ms, NULL);
    session->coordinator_epoch = welcome->epoch;
    session->lease_ms = welcome->lease_ms;
    if (restarted)
        drop_unstarted(session); /* it will give them out again, maybe to another */
    const uint64_t beat_ms = welcome->heartbeat_ms ? welcome->heartbeat_ms : HEARTBEAT_MS;
    uv_timer_start(&session->heartbeat, on_heartbeat, beat_ms, beat_ms);
    for (const lt_held *held = session->leases; held; held = held->next) {
        for (const lt_spooled *spooled = held->first; spooled; spooled = spooled->next)
            send_spooled(session, spooled);
        if (held->supply && held->state == LT_HELD_PREPARING)
            lt_supply_again(held->supply);
        send_progress(session, held);
    }
    send_credit(session);
}

static unsigned held_count(const lt_worker_session *session)
{
    unsigned count = 0;
    for (const lt_held *held = session->leases; held; held = held->next)
        count++;
    return count;
}

static void on_lease(lt_worker_session *session, const Lefttail__Lease *lease)
{
    lt_error error = {0};
    lt_held *held;
    if (session->stops || find(session, lease->lease, lease->epoch))
        return; /* Bye gives it back; or it was given again after a new Welcome */
    if (held_count(session) >= LEASES_HELD_MAX) {
        send_failure(session, lease, LEFTTAIL__FAILURE_REASON__FAILURE_WORKER_LOST, "more leases than credits", NULL);
        return;
    }
    if (lt_held_new(&held, lease, &error) != LT_OK) {
        char text[LT_ERROR_TEXT_BYTES];
        send_failure(session, lease, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, lt_error_text(&error, text, sizeof text), NULL);
        return;
    }
    lt_log_debug("lease", "lease", "%lu", lease->lease, "scorer", "%s", lease->scorer, "items", "%u", lease->item_count, NULL);
    held->owner = session;
    lt_held **at = &session->leases;
    while (*at)
        at = &(*at)->next;
    *at = held;
    if (held->open_items == 0)
        after_done(session, held);
    else
        prepare(session, held);
}

static void on_ack(lt_worker_session *session, const Lefttail__Ack *ack)
{
    lt_held *held = find(session, ack->lease, ack->epoch);
    if (!held)
        return;
    lt_held_ack(held, ack->sequence);
    drop_if_over(session, held);
}

static void on_revoke(lt_worker_session *session, const Lefttail__Revoke *revoke)
{
    lt_held *held = find(session, revoke->lease, revoke->epoch);
    if (!held)
        return;
    lt_log_info("lease_revoked", "lease", "%lu", revoke->lease, "reason", "%s", revoke->reason, NULL);
    const bool was_running = session->running == held;
    drop(session, held);
    if (was_running)
        lt_engine_cancel(session->engine);
    finish_if_drained(session);
}

static void on_message(void *context, const Lefttail__Message *message)
{
    lt_worker_session *session = context;
    switch (message->body_case) {
    case LEFTTAIL__MESSAGE__BODY_LEASE:
        on_lease(session, message->lease);
        break;
    case LEFTTAIL__MESSAGE__BODY_ACK:
        on_ack(session, message->ack);
        break;
    case LEFTTAIL__MESSAGE__BODY_REVOKE:
        on_revoke(session, message->revoke);
        break;
    case LEFTTAIL__MESSAGE__BODY_BLOB_CHUNK:
        for (lt_held *held = session->leases; held; held = held->next)
            if (held->supply && lt_supply_take_chunk(held->supply, message->blob_chunk))
                break;
        break;
    case LEFTTAIL__MESSAGE__BODY_BLOB_ERROR:
        for (lt_held *held = session->leases; held; held = held->next)
            if (held->supply && lt_supply_take_error(held->supply, message->blob_error))
                break;
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

/* ---- stopping ---- */

static void on_patience_over(uv_timer_t *timer)
{
    lt_worker_session *session = timer->data;
    if (session->draining)
        finish(session);
    else if (session->running)
        lt_engine_cancel(session->engine); /* ends in on_engine_end, at the latest with a kill */
    else
        start_draining(session);
}

static void start_draining(lt_worker_session *session)
{
    if (session->draining || session->closed)
        return;
    drop_unstarted(session);
    session->draining = true;
    uv_timer_start(&session->patience, on_patience_over, ACK_MS, 0);
    finish_if_drained(session);
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
    lt_log_info("stopping", "in_work", "%s", session->running ? session->running->lease->scorer : "nothing", NULL);
    send_credit(session);
    drop_unstarted(session);
    if (session->running)
        uv_timer_start(&session->patience, on_patience_over, session->stop_ms, 0);
    else
        start_draining(session);
}

static void on_timer_closed(uv_handle_t *handle)
{
    ((lt_worker_session *)handle->data)->timers_open--;
}

/* The leases themselves are freed with the session: a caller may stand in the middle of one. */
static void finish(lt_worker_session *session)
{
    if (session->closed)
        return;
    session->closed = true;
    lt_dialler_close(&session->dialler, "the worker is stopping");
    lt_engine_close(&session->engine);
    lt_cache_stop(session->cache);
    for (lt_held *held = session->leases; held; held = held->next)
        lt_supply_close(&held->supply);
    uv_close((uv_handle_t *)&session->heartbeat, on_timer_closed);
    uv_close((uv_handle_t *)&session->flush, on_timer_closed);
    uv_close((uv_handle_t *)&session->patience, on_timer_closed);
}

/* ---- life ---- */

static lt_status open_parts(lt_worker_session *session, const lt_worker_options *options, lt_error *error)
{
    const lt_engine_events engine_events = {session, on_engine_ready, on_engine_loaded, on_engine_row, on_engine_sign, on_engine_end};
    LT_TRY(lt_engine_open(&session->engine, session->loop, options->program, options->threads, &engine_events, error));
    const lt_dialler_options dialler_options = {.endpoint = options->coordinator, .keys = options->keys,
                                                .role = LEFTTAIL__ROLE__ROLE_WORKER, .name = options->name, .facts = options->facts};
    const lt_dialler_events dialler_events = {session, on_welcome, on_message, on_lost, on_refused};
    return lt_dialler_open(&session->dialler, session->loop, &dialler_options, &dialler_events, error);
}

lt_status lt_worker_session_open(lt_worker_session **out, uv_loop_t *loop, lt_cache *cache,
                                 const lt_worker_options *options, lt_error *error)
{
    lt_worker_session *session = lt_alloc(sizeof *session);
    *session = (lt_worker_session){.loop = loop, .cache = cache, .stop_ms = options->stop_ms, .timers_open = 3};
    uv_timer_t *timers[] = {&session->heartbeat, &session->flush, &session->patience};
    for (int i = 0; i < 3; i++) {
        uv_timer_init(loop, timers[i]);
        timers[i]->data = session;
    }
    uv_timer_start(&session->flush, on_flush, FLUSH_MS, FLUSH_MS);
    *out = session;
    const lt_status status = open_parts(session, options, error);
    if (status != LT_OK)
        finish(session);
    return status;
}

lt_status lt_worker_session_free(lt_worker_session **session, lt_error *error)
{
    if (!*session)
        return LT_OK;
    LT_ASSERT((*session)->timers_open == 0);
    while ((*session)->leases)
        drop(*session, (*session)->leases);
    const lt_status status = (*session)->error.status;
    if (status != LT_OK && error)
        *error = (*session)->error;
    free(*session);
    *session = NULL;
    return status;
}
