/* What the core decided, as messages and rows. A message to a worker without a connection is
 * dropped: the core repeats its leases when the worker joins again, and the worker repeats its
 * results. */
#include "coordinator/shell.h"

#include <string.h>

#include "common/log.h"
#include "coordinator/figures.h"

static void send_to(lt_shell *shell, uint64_t number, Lefttail__Message *message)
{
    const lt_worker_record *worker = lt_peers_worker_by_number(&shell->worker_peers, number);
    if (worker && worker->peer != 0)
        lt_router_send(shell->worker_router, worker->peer, message);
}

static const char *worker_name(const lt_shell *shell, uint64_t number)
{
    const lt_worker_record *worker = lt_peers_worker_by_number(&shell->worker_peers, number);
    return worker ? worker->name : "";
}

static void act_lease(lt_shell *shell, const lt_action *action)
{
    const lt_job *job = lt_jobs_by_number(&shell->jobs, action->lease.job);
    const lt_worker_record *worker =
        lt_peers_worker_by_number(&shell->worker_peers, action->worker);
    if (!job || !job->plan.manifest || !worker)
        return;
    const Lefttail__Scorer *scorer = job->plan.manifest->scorers[action->lease.scorer_index];
    const Lefttail__PackRef *pack = job->plan.manifest->packs[action->lease.pack_index];
    lt_token_facts facts = {
        action->lease.id, action->lease.epoch, action->lease.class_id, action->lease.pack_id, {0}};
    memcpy(facts.instance, worker->instance, LT_INSTANCE_BYTES);
    uint8_t token[LT_TOKEN_BYTES];
    lt_token_make(&shell->token_key, &facts, token);
    Lefttail__Lease lease;
    lefttail__lease__init(&lease);
    lease.lease = action->lease.id;
    lease.epoch = action->lease.epoch;
    lease.token = (ProtobufCBinaryData){sizeof token, token};
    lease.job = (char *)job->record.id;
    lease.scorer = scorer->name;
    lease.spec = scorer->spec;
    lease.checkpoint = scorer->checkpoint;
    lease.pack = pack->digest;
    lease.pack_bytes = pack->bytes;
    lease.first_item = action->lease.first_item;
    lease.item_count = action->lease.item_count;
    lease.label_count = (uint32_t)scorer->n_labels;
    lease.done.len = (action->lease.item_count + 7) / 8;
    lease.done.data = lt_arena_alloc(&shell->arena, lease.done.len);
    lt_core_done_bits(shell->core, action->lease.class_id, action->lease.pack_id, lease.first_item,
                      lease.item_count, lease.done.data);
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.body_case = LEFTTAIL__MESSAGE__BODY_LEASE;
    message.lease = &lease;
    send_to(shell, action->worker, &message);
    lt_arena_reset(&shell->arena);
    lt_log_debug("lease_granted", "worker", "%s", worker->name, "lease", "%lu", action->lease.id,
                 "epoch", "%u", action->lease.epoch, "scorer", "%s", scorer->name, "pack", "%u",
                 action->lease.pack_index, "items", "%u", action->lease.item_count, NULL);
}

static void act_revoke(lt_shell *shell, const lt_action *action)
{
    const char *reason = lt_revoke_sentence(action->revoke.reason);
    if (action->revoke.reason == LT_REVOKE_EXPIRED) {
        lt_log_warn("lease_expired", "worker", "%s", worker_name(shell, action->worker), "lease",
                    "%lu", action->revoke.id, NULL);
        lt_watch_tell_all(shell, "lease_expired", "%s: %s", worker_name(shell, action->worker),
                          reason);
    }
    Lefttail__Revoke revoke;
    lefttail__revoke__init(&revoke);
    revoke.lease = action->revoke.id;
    revoke.epoch = action->revoke.epoch;
    revoke.reason = (char *)reason;
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.body_case = LEFTTAIL__MESSAGE__BODY_REVOKE;
    message.revoke = &revoke;
    send_to(shell, action->worker, &message);
}

static void act_ack(lt_shell *shell, const lt_action *action)
{
    Lefttail__Ack ack;
    lefttail__ack__init(&ack);
    ack.lease = action->ack.id;
    ack.epoch = action->ack.epoch;
    ack.sequence = action->ack.sequence;
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.body_case = LEFTTAIL__MESSAGE__BODY_ACK;
    message.ack = &ack;
    send_to(shell, action->worker, &message);
}

/* No space is told to the core after the step (lt_shell_commit); anything else ends the process. */
static void put_failed(lt_shell *shell, lt_status status, const lt_error *error)
{
    if (status == LT_FULL)
        return;
    lt_log_failure(LT_LOG_ERROR, "store_failed", error);
    lt_shell_stop(shell, 1);
}

static void act_record(lt_shell *shell, const lt_action *action, const Lefttail__Results *results)
{
    const uint32_t *indices = shell->actions.indices + action->record.first_index;
    lt_error error;
    for (uint32_t i = 0; i < action->record.count; i++) {
        lt_store_put_outcome outcome;
        const lt_status status = lt_ledger_put(&shell->ledger, shell->store, action->record.ticket,
                                               action->record.class_id, action->record.pack_id,
                                               results->rows[indices[i]], &outcome, &error);
        if (status != LT_OK) {
            put_failed(shell, status, &error);
            return;
        }
    }
}

static void act_record_failure(lt_shell *shell, const lt_action *action)
{
    lt_error error;
    const lt_status status = lt_ledger_put_failure(
        &shell->ledger, shell->store, action->failure.ticket, action->failure.class_id,
        action->failure.pack_id, action->failure.item, action->failure.reason,
        action->failure.attempts, &error);
    if (status != LT_OK)
        put_failed(shell, status, &error);
}

/* The job's end; what was held for it while it ran goes. Its record is saved with the next commit.
 */
static void act_job_ended(lt_shell *shell, const lt_action *action, Lefttail__JobState state)
{
    lt_job *job = lt_jobs_by_number(&shell->jobs, action->job.id);
    if (!job || job->record.state != LEFTTAIL__JOB_STATE__JOB_RUNNING)
        return;
    lt_figures_end(job, state, &action->job.facts);
    job->unsaved = shell->jobs_unsaved = true;
    job->ready = false;
    lt_fold_fini(&job->fold);
    lt_job_plan_fini(&job->plan);
}

static void act_forget(lt_shell *shell, const lt_action *action)
{
    lt_worker_record *worker = lt_peers_worker_by_number(&shell->worker_peers, action->worker);
    lt_session *session = worker ? lt_peers_find(&shell->worker_peers, worker->peer) : NULL;
    if (!session)
        return;
    if (action->kind == LT_ACTION_REFUSE) {
        const lt_session copy = *session; /* it goes */
        worker->peer = 0;                 /* the core has forgotten it already */
        lt_shell_spoiled(shell, shell->worker_router, copy.peer, copy.key,
                         "names items that do not exist");
        return;
    }
    if (action->kind == LT_ACTION_RESYNC) {
        lt_shell_refuse(shell->worker_router, session->peer,
                        LEFTTAIL__REFUSE_REASON__REFUSE_UNKNOWN_PEER,
                        "some results were dropped: say Hello again and send them again");
        lt_log_info("worker_resync", "worker", "%s", worker->name, NULL);
    }
    lt_shell_forget(shell, shell->worker_router, session, LT_LEFT_KNOWN);
}

void lt_shell_act(lt_shell *shell, const lt_action *action, const Lefttail__Results *results)
{
    switch (action->kind) {
    case LT_ACTION_LEASE:
        act_lease(shell, action);
        break;
    case LT_ACTION_REVOKE:
        act_revoke(shell, action);
        break;
    case LT_ACTION_ACK:
        act_ack(shell, action);
        break;
    case LT_ACTION_RECORD:
        LT_ASSERT(results != NULL);
        act_record(shell, action, results);
        break;
    case LT_ACTION_RECORD_FAILURE:
        act_record_failure(shell, action);
        break;
    case LT_ACTION_JOB_DONE:
        act_job_ended(shell, action, LEFTTAIL__JOB_STATE__JOB_DONE);
        break;
    case LT_ACTION_JOB_CANCELLED:
        act_job_ended(shell, action, LEFTTAIL__JOB_STATE__JOB_CANCELLED);
        break;
    case LT_ACTION_WORKER_LOST:
    case LT_ACTION_RESYNC:
    case LT_ACTION_REFUSE:
        act_forget(shell, action);
        break;
    }
}
