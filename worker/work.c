#include "worker/work.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/outgoing.h"

#define LEASES_HELD_MAX 8 /* with those that wait for acks or come from a restarted coordinator */
#define FLUSH_ROWS 64

static void run_next(lt_work *work);

/* ---- leases ---- */

static lt_held *find(lt_work *work, uint64_t lease, uint32_t epoch)
{
    for (lt_held *held = work->leases; held; held = held->next)
        if (held->lease->lease == lease && held->lease->epoch == epoch)
            return held;
    return NULL;
}

/* Its run, if it has one, goes on in the engine until it is cancelled: nothing of it is taken. */
static void drop(lt_work *work, lt_held *held)
{
    lt_held **at = &work->leases;
    while (*at != held)
        at = &(*at)->next;
    *at = held->next;
    if (work->running == held)
        work->running = NULL;
    lt_held_free(&held);
}

static void drop_if_over(lt_work *work, lt_held *held)
{
    if (held->state == LT_HELD_SENT && lt_held_is_acked(held))
        drop(work, held);
    work->on_change(work->context);
}

static void fail_lease(lt_work *work, lt_held *held, Lefttail__FailureReason reason,
                       const char *detail, const uint32_t *item)
{
    lt_send_pending(work->dialler, held);
    lt_send_failure(work->dialler, held->lease, reason, detail, item);
    drop(work, held);
}

void lt_work_drop_unstarted(lt_work *work)
{
    for (lt_held *held = work->leases, *next; held; held = next) {
        next = held->next;
        if (held->state == LT_HELD_PREPARING || (held->state == LT_HELD_READY && !held->careful))
            drop(work, held);
    }
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
    ((lt_work *)((lt_held *)context)->owner)->steps++;
}

static void on_supply_ask(void *context, const lt_digest *digest, uint64_t offset)
{
    lt_send_blob_get(((lt_work *)((lt_held *)context)->owner)->dialler, digest, offset);
}

static void prepare(lt_work *work, lt_held *held)
{
    const lt_supply_events events = {held, on_supply_ready, on_supply_failed, on_supply_step,
                                     on_supply_ask};
    lt_supply_close(&held->supply);
    held->state = LT_HELD_PREPARING;
    held->renew_supply = false;
    lt_supply_open(&held->supply, work->loop, work->cache, held->lease,
                   lt_engine_has_loaded(work->engine, &held->numerics_class), &events);
}

/* ---- runs ---- */

static void find_checkpoint(lt_held *held)
{
    held->state = LT_HELD_PREPARING;
    lt_supply_need_checkpoint(held->supply);
}

static lt_held *next_ready(lt_work *work)
{
    for (lt_held *held = work->leases; held; held = held->next) {
        if (held->state != LT_HELD_READY || (work->stopping && !held->careful))
            continue;
        if (lt_supply_is_pack_only(held->supply) &&
            !lt_engine_has_loaded(work->engine, &held->numerics_class)) {
            find_checkpoint(held); /* that engine has died */
            continue;
        }
        if (lt_supply_unchanged(held->supply))
            return held;
        lt_log_warn("checkpoint_changed", "scorer", "%s", held->lease->scorer, "path", "%s",
                    lt_supply_dir(held->supply), NULL);
        prepare(work, held);
    }
    return NULL;
}

static void run_next(lt_work *work)
{
    if (work->running || !work->engine || !lt_engine_is_ready(work->engine))
        return;
    lt_held *held = next_ready(work);
    if (!held)
        return;
    const lt_buf *pack = lt_supply_pack(held->supply);
    const lt_engine_run run = {held->lease,   lt_supply_dir(held->supply),
                               pack->data,    pack->len,
                               held->careful, lt_supply_is_pack_only(held->supply)};
    work->running = held;
    work->sign_ms = lt_now_ms();
    held->state = LT_HELD_RUNNING;
    lt_engine_start_run(work->engine, &run);
}

static void on_engine_ready(void *context)
{
    run_next(context);
}

static void on_engine_sign(void *context)
{
    lt_work *work = context;
    work->steps++;
    work->sign_ms = lt_now_ms();
}

/* The files were hashed before the engine read them; were they changed in between, what it loaded
 * is not known. */
static void on_engine_loaded(void *context)
{
    lt_work *work = context;
    lt_held *held = work->running;
    if (!held || lt_supply_unchanged(held->supply))
        return;
    held->renew_supply = true;
    lt_engine_kill(work->engine, "the checkpoint's files changed while they were loaded");
}

static void on_engine_row(void *context, Lefttail__Row *row)
{
    lt_work *work = context;
    lt_held *held = work->running;
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
    work->tokens_done += tokens;
    if (held->pending_count >= FLUSH_ROWS)
        lt_send_pending(work->dialler, held);
}

static void after_death(lt_work *work, lt_held *held, const lt_engine_end *end)
{
    if (held->renew_supply && !work->stopping) {
        prepare(work, held);
    } else if (!held->renew_supply && !held->careful && held->open_items > 0) {
        held->careful = true;
        held->state = LT_HELD_READY;
        lt_log_info("lease_again", "lease", "%lu", held->lease->lease, "open_items", "%u",
                    held->open_items, "mode", "text by text", NULL);
    } else {
        fail_lease(work, held, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED, end->detail,
                   end->item_known ? &end->item : NULL);
    }
}

static void after_done(lt_work *work, lt_held *held)
{
    if (held->open_items > 0) {
        fail_lease(work, held, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED,
                   "the engine left items out", NULL);
        return;
    }
    lt_supply_close(&held->supply);
    held->state = LT_HELD_SENT;
    if (lt_held_is_acked(held))
        drop(work, held);
}

static void on_engine_end(void *context, const lt_engine_end *end)
{
    lt_work *work = context;
    lt_held *held = work->running;
    work->running = NULL;
    if (held) {
        lt_send_pending(work->dialler, held);
        if (end->kind == LT_ENGINE_END_DONE)
            after_done(work, held);
        else if (end->kind == LT_ENGINE_END_DIED)
            after_death(work, held, end);
        else if (end->kind == LT_ENGINE_END_FAILED &&
                 end->reason == LEFTTAIL__FAILURE_REASON__FAILURE_NONE)
            find_checkpoint(held);
        else if (end->kind == LT_ENGINE_END_FAILED)
            fail_lease(work, held, end->reason, end->detail, NULL);
        else
            held->state = LT_HELD_SENT; /* cancelled by a stop: its rows still want their acks */
    }
    work->on_change(work->context);
}

/* ---- what the coordinator says ---- */

static unsigned held_count(const lt_work *work)
{
    unsigned count = 0;
    for (const lt_held *held = work->leases; held; held = held->next)
        count++;
    return count;
}

void lt_work_take_lease(lt_work *work, const Lefttail__Lease *lease)
{
    lt_error error = {0};
    lt_held *held;
    if (work->stopping || find(work, lease->lease, lease->epoch))
        return; /* Bye gives it back; or it was given again after a new Welcome */
    if (held_count(work) >= LEASES_HELD_MAX) {
        lt_send_failure(work->dialler, lease, LEFTTAIL__FAILURE_REASON__FAILURE_WORKER_LOST,
                        "more leases than credits", NULL);
        return;
    }
    if (lt_held_new(&held, lease, &error) != LT_OK) {
        char text[LT_ERROR_TEXT_BYTES];
        lt_send_failure(work->dialler, lease, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB,
                        lt_error_text(&error, text, sizeof text), NULL);
        return;
    }
    lt_log_debug("lease", "lease", "%lu", lease->lease, "scorer", "%s", lease->scorer, "items",
                 "%u", lease->item_count, NULL);
    held->owner = work;
    lt_held **at = &work->leases;
    while (*at)
        at = &(*at)->next;
    *at = held;
    if (held->open_items == 0)
        after_done(work, held);
    else
        prepare(work, held);
}

void lt_work_take_ack(lt_work *work, const Lefttail__Ack *ack)
{
    lt_held *held = find(work, ack->lease, ack->epoch);
    if (!held)
        return;
    lt_held_ack(held, ack->sequence);
    drop_if_over(work, held);
}

void lt_work_take_revoke(lt_work *work, const Lefttail__Revoke *revoke)
{
    lt_held *held = find(work, revoke->lease, revoke->epoch);
    if (!held)
        return;
    lt_log_info("lease_revoked", "lease", "%lu", revoke->lease, "reason", "%s", revoke->reason,
                NULL);
    const bool was_running = work->running == held;
    drop(work, held);
    if (was_running)
        lt_engine_cancel(work->engine);
    work->on_change(work->context);
}

/* A blob may be wanted by several leases (the same pack for two scorers); each asked for itself,
 * and takes one answer. */
void lt_work_take_chunk(lt_work *work, const Lefttail__BlobChunk *chunk)
{
    for (lt_held *held = work->leases; held; held = held->next)
        if (held->supply && lt_supply_take_chunk(held->supply, chunk))
            return;
}

void lt_work_take_error(lt_work *work, const Lefttail__BlobError *blob_error)
{
    for (lt_held *held = work->leases; held; held = held->next)
        if (held->supply && lt_supply_take_error(held->supply, blob_error))
            return;
}

/* ---- what the session asks ---- */

void lt_work_resend(lt_work *work)
{
    for (lt_held *held = work->leases; held; held = held->next) {
        lt_send_spool(work->dialler, held);
        if (held->supply && held->state == LT_HELD_PREPARING)
            lt_supply_again(held->supply);
        lt_send_progress(work->dialler, held, work->steps, work->tokens_done);
    }
}

static void kill_if_hung(lt_work *work, uint64_t patience_ms)
{
    if (!work->running || !patience_ms || lt_now_ms() - work->sign_ms < patience_ms)
        return;
    char why[96];
    snprintf(why, sizeof why, "the engine made no step for %lu ms", (unsigned long)patience_ms);
    work->sign_ms = lt_now_ms();
    lt_engine_kill(work->engine, why);
}

void lt_work_beat(lt_work *work, uint64_t lease_ms)
{
    kill_if_hung(work, lease_ms * 2 / 3);
    if (!work->leases)
        lt_send_progress(work->dialler, NULL, work->steps, work->tokens_done);
    for (const lt_held *held = work->leases; held; held = held->next)
        lt_send_progress(work->dialler, held, work->steps, work->tokens_done);
}

void lt_work_flush(lt_work *work)
{
    for (lt_held *held = work->leases; held; held = held->next)
        lt_send_pending(work->dialler, held);
}

void lt_work_stop(lt_work *work)
{
    work->stopping = true;
    lt_work_drop_unstarted(work);
}

void lt_work_cancel(lt_work *work)
{
    if (work->running)
        lt_engine_cancel(work->engine); /* ends in on_engine_end, at the latest with a kill */
}

bool lt_work_is_busy(const lt_work *work)
{
    for (const lt_held *held = work->leases; held; held = held->next)
        if (held->state == LT_HELD_RUNNING || held->state == LT_HELD_READY)
            return true;
    return false;
}

bool lt_work_is_acked(const lt_work *work)
{
    for (const lt_held *held = work->leases; held; held = held->next)
        if (!lt_held_is_acked(held))
            return false;
    return true;
}

/* ---- life ---- */

lt_status lt_work_open(lt_work *work, const char *program, int threads, lt_error *error)
{
    const lt_engine_events events = {work,          on_engine_ready, on_engine_loaded,
                                     on_engine_row, on_engine_sign,  on_engine_end};
    return lt_engine_open(&work->engine, work->loop, program, threads, &events, error);
}

/* The leases themselves stay: a caller may stand in the middle of one. */
void lt_work_close(lt_work *work)
{
    work->stopping = true;
    lt_engine_close(&work->engine);
    lt_cache_stop(work->cache);
    for (lt_held *held = work->leases; held; held = held->next)
        lt_supply_close(&held->supply);
}

void lt_work_fini(lt_work *work)
{
    while (work->leases)
        drop(work, work->leases);
}
