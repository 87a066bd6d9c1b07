/* What workers say, as events. Every number and every row is checked here; the core decides what
 * they are worth. */
#include "coordinator/shell.h"

#include <string.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/row.h"

enum { CREDITS_MAX = 1024 };

static void spoiled(lt_shell *shell, const lt_session *session, const char *why)
{
    char key[LT_KEY_TEXT_BYTES];
    memcpy(key, session->key, sizeof key); /* the session goes */
    lt_shell_spoiled(shell, shell->worker_router, session->peer, key, why);
}

/* Who gave this lease, so far as its token tells; class and pack are 0 when it tells nothing. */
static lt_event_lease read_lease(lt_shell *shell, const lt_session *session, uint64_t lease,
                                 uint32_t epoch, const ProtobufCBinaryData *token,
                                 uint32_t *class_id, uint32_t *pack_id)
{
    lt_token_facts facts = {.lease = lease, .epoch = epoch};
    memcpy(facts.instance, session->worker->instance, LT_INSTANCE_BYTES);
    const bool trusted = lt_token_check(&shell->token_key, token->data, token->len, &facts);
    *class_id = trusted ? facts.class_id : 0;
    *pack_id = trusted ? facts.pack_id : 0;
    return (lt_event_lease){lease, epoch, trusted};
}

static void on_credit(lt_shell *shell, lt_session *session, const Lefttail__Credit *credit)
{
    if (credit->leases > CREDITS_MAX) {
        spoiled(shell, session, "Credit: more leases than a worker may hold");
        return;
    }
    lt_shell_step(shell,
                  &(lt_event){.kind = LT_EVENT_CREDIT,
                              .worker = session->worker->number,
                              .credit = {credit->leases}},
                  NULL);
}

static void on_progress(lt_shell *shell, lt_session *session, const Lefttail__Progress *progress)
{
    const lt_event event = {
        .kind = LT_EVENT_PROGRESS,
        .worker = session->worker->number,
        .progress = {{progress->lease, progress->epoch, true},
                     progress->items_done,
                     progress->engine_steps,
                     progress->tokens_done},
    };
    lt_shell_step(shell, &event, NULL);
}

/* Every row against what its class says; the unit may be unknown (a job of long ago), then against
 * itself. */
static bool rows_good(lt_shell *shell, const Lefttail__Results *results, uint32_t class_id,
                      lt_error *error)
{
    const uint32_t label_count = class_id ? lt_jobs_label_count(&shell->jobs, class_id) : 0;
    for (size_t i = 0; i < results->n_rows; i++) {
        const Lefttail__Row *row = results->rows[i];
        const uint32_t labels = label_count ? label_count : (uint32_t)(row->logits.len / 4);
        if (labels > LT_LABELS_MAX || lt_row_check(row, labels, error) != LT_OK) {
            shell->counts.rows_refused++;
            return false;
        }
    }
    return true;
}

static void on_results(lt_shell *shell, lt_session *session, Lefttail__Message **message)
{
    const Lefttail__Results *results = (*message)->results;
    lt_error error = {0};
    uint32_t class_id, pack_id;
    const lt_event_lease lease = read_lease(shell, session, results->lease, results->epoch,
                                            &results->token, &class_id, &pack_id);
    if (results->n_rows > LT_ROWS_PER_RESULTS_MAX || results->sequence == 0) {
        spoiled(shell, session, "Results: too many rows, or no sequence");
        return;
    }
    if (!rows_good(shell, results, class_id, &error)) {
        char text[LT_ERROR_TEXT_BYTES];
        spoiled(shell, session, lt_error_text(&error, text, sizeof text));
        return;
    }
    lt_event_row rows[LT_ROWS_PER_RESULTS_MAX];
    for (size_t i = 0; i < results->n_rows; i++)
        rows[i] = (lt_event_row){results->rows[i]->item,
                                 results->rows[i]->state == LEFTTAIL__ROW_STATE__ROW_FAILED};
    const lt_event event = {
        .kind = LT_EVENT_RESULTS,
        .worker = session->worker->number,
        .results = {lease, results->sequence, class_id, pack_id, rows, (uint32_t)results->n_rows},
    };
    lt_shell_step(shell, &event, *message);
    *message = NULL;
}

static void on_failure(lt_shell *shell, lt_session *session, const Lefttail__Failure *failure)
{
    uint32_t class_id, pack_id;
    const lt_event_lease lease = read_lease(shell, session, failure->lease, failure->epoch,
                                            &failure->token, &class_id, &pack_id);
    if (strlen(failure->detail) > LT_DETAIL_BYTES_MAX ||
        strcmp(lt_failure_word(failure->reason), "unknown") == 0) {
        spoiled(shell, session, "Failure: unknown reason, or too many words");
        return;
    }
    lt_log_warn("lease_failed", "worker", "%s", session->name, "lease", "%lu", failure->lease,
                "reason", "%s", lt_failure_word(failure->reason), "detail", "%s", failure->detail,
                NULL);
    lt_watch_tell_all(shell, "lease_failed", "%s: %s", session->name,
                      failure->detail[0] ? failure->detail : lt_failure_sentence(failure->reason));
    const lt_event event = {
        .kind = LT_EVENT_FAILURE,
        .worker = session->worker->number,
        .failure = {lease, failure->reason, failure->item_known, failure->item},
    };
    lt_shell_step(shell, &event, NULL);
}

static void on_get(lt_shell *shell, lt_session *session, const Lefttail__BlobGet *get)
{
    const lt_peer peer = session->peer;
    lt_shell_on_get(shell, shell->worker_router, peer, 0, get);
    lt_shell_step(shell,
                  &(lt_event){.kind = LT_EVENT_WORKER_ALIVE,
                              .worker = session->worker->number,
                              .alive = {true}},
                  NULL);
}

void lt_shell_on_worker(lt_shell *shell, lt_session *session, Lefttail__Message **message_at)
{
    const Lefttail__Message *message = *message_at;
    session->worker->seen_wall_ms = lt_wall_ms();
    switch (message->body_case) {
    case LEFTTAIL__MESSAGE__BODY_CREDIT:
        on_credit(shell, session, message->credit);
        break;
    case LEFTTAIL__MESSAGE__BODY_PROGRESS:
        on_progress(shell, session, message->progress);
        break;
    case LEFTTAIL__MESSAGE__BODY_RESULTS:
        on_results(shell, session, message_at);
        break;
    case LEFTTAIL__MESSAGE__BODY_FAILURE:
        on_failure(shell, session, message->failure);
        break;
    case LEFTTAIL__MESSAGE__BODY_BLOB_GET:
        on_get(shell, session, message->blob_get);
        break;
    default:
        spoiled(shell, session, "a worker may not send this");
    }
}
