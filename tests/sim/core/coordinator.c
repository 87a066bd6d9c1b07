/* The coordinator's shell as core.h wants it, with a disk that forgets what was not committed. */
#include "tests/sim/core/world.h"

#include <string.h>

#include "coordinator/core/state.h"
#include "coordinator/core/unit.h"

/* ---- sending ---- */

static uint32_t slot_of(const sim_world *sim, uint64_t instance)
{
    for (uint32_t i = 0; i < sim->options.workers; i++)
        if (sim->workers[i].instance == instance)
            return i;
    return LT_NONE;
}

static void send(sim_world *sim, uint64_t instance, const sim_message *message)
{
    const uint32_t slot = slot_of(sim, instance);
    if (slot != LT_NONE && sim->workers[slot].peer_connection == sim->workers[slot].connection)
        sim_send(sim, slot, true, message);
}

static void send_lease(sim_world *sim, const lt_action *action)
{
    const sim_unit *unit = sim_unit_of(sim, action->lease.class_id, action->lease.pack_id);
    sim_message message = {.kind = SIM_LEASE,
                           .lease = action->lease.id,
                           .epoch = action->lease.epoch,
                           .token = action->worker,
                           .class_id = unit->class_id,
                           .pack_id = unit->pack_id,
                           .first_item = action->lease.first_item,
                           .item_count = action->lease.item_count};
    lt_core_done_bits(sim->core, unit->class_id, unit->pack_id, message.first_item,
                      message.item_count, message.done);
    for (uint32_t i = 0; i < message.item_count; i++) {
        const uint32_t item = message.first_item + i;
        const bool done = message.done[i / 8] >> (i % 8) & 1;
        if (item >= unit->items || done != (unit->durable[item] != SIM_NO_ROW))
            sim_trouble(sim, "lease %llx: item %u is %s", (unsigned long long)action->lease.id,
                        item, done ? "called done and is not durable" : "durable and asked for");
        if (!action->lease.again && unit->put[item] != SIM_NO_ROW)
            sim_trouble(sim, "lease %llx asks for item %u whose row is with the store",
                        (unsigned long long)action->lease.id, item);
    }
    if (!action->lease.again && sim->store_full)
        sim_trouble(sim, "a lease while the disk is full");
    const uint32_t worker = lt_map_get(&sim->core->worker_map, action->worker);
    if (worker == LT_NONE ||
        sim->core->workers[worker].lease_count > sim->core->workers[worker].credits)
        sim_trouble(sim, "a lease beyond the credits");
    send(sim, action->worker, &message);
}

/* An ack speaks of rows that are durable, or that nobody asked for when they came, or that were
 * sent with another's token. */
static void send_ack(sim_world *sim, const lt_action *action)
{
    const uint32_t slot = slot_of(sim, action->worker);
    for (const sim_batch *batch = slot == LT_NONE ? NULL : sim->workers[slot].spool; batch;
         batch = batch->next) {
        const sim_message *m = &batch->message;
        const sim_unit *unit = sim_unit_of(sim, m->class_id, m->pack_id);
        if (m->lease != action->ack.id || m->sequence != action->ack.sequence ||
            m->token != action->worker)
            continue;
        for (uint32_t i = 0; i < m->row_count && !unit->cancelled; i++)
            if (unit->durable[m->rows[i].item] == SIM_NO_ROW)
                sim_trouble(sim, "an ack for item %u of pack %u, which is not durable",
                            m->rows[i].item, m->pack_id);
    }
    send(sim, action->worker,
         &(sim_message){.kind = SIM_ACK,
                        .lease = action->ack.id,
                        .epoch = action->ack.epoch,
                        .sequence = action->ack.sequence});
}

/* ---- the disk ---- */

static void plan_commit(sim_world *sim)
{
    if (sim->commit_due)
        return;
    sim->commit_due = true;
    sim_at(sim, 5 + sim_random(sim, sim_chance(sim, 50) ? 1500 : 40),
           (sim_event){.kind = SIM_COMMIT, .stamp = sim->life});
}

static void put(sim_world *sim, uint32_t class_id, uint32_t pack_id, uint32_t item, sim_row row,
                uint64_t ticket)
{
    sim_unit *unit = sim_unit_of(sim, class_id, pack_id);
    if (sim->store_full)
        sim_trouble(sim, "a row for a store that is full");
    if (unit->put[item] != SIM_NO_ROW || unit->durable[item] != SIM_NO_ROW)
        sim_trouble(sim, "item %u of pack %u is recorded twice", item, pack_id);
    unit->put[item] = (uint8_t)row;
    unit->ticket[item] = ticket;
    if (sim->puts++ == 0)
        sim->first_put_ticket = ticket;
    sim->last_put_ticket = ticket;
    plan_commit(sim);
}

/* Rows up to the ticket are kept or not; later ones are in the next transaction. */
static void end_transaction(sim_world *sim, bool keep, uint64_t ticket)
{
    sim->commit_due = false;
    for (uint32_t u = 0; sim->puts > 0 && u < sim->unit_count; u++)
        for (uint32_t i = 0; i < sim->units[u].items; i++) {
            if (sim->units[u].put[i] == SIM_NO_ROW || sim->units[u].ticket[i] > ticket)
                continue;
            if (keep)
                sim->units[u].durable[i] = sim->units[u].put[i];
            sim->units[u].put[i] = SIM_NO_ROW;
            sim->puts--;
        }
    sim->first_put_ticket = ticket + 1;
    if (sim->puts > 0)
        plan_commit(sim);
}

static void crash(sim_world *sim)
{
    sim->faults.coordinator_crashed++;
    sim_coordinator_stop(sim);
    sim_at(sim, 200 + sim_random(sim, 8000), (sim_event){.kind = SIM_COORDINATOR_START});
}

/* False: the process died, or the disk is full. */
static bool commit(sim_world *sim, bool partly)
{
    if (sim_chance(sim, sim->options.commit_crash)) {
        sim->faults.crashed_before_commit++;
        crash(sim);
        return false;
    }
    if (sim_chance(sim, sim->options.disk_full)) {
        sim->faults.disk_full++;
        end_transaction(sim, false, UINT64_MAX);
        sim->store_full = true;
        sim_at(sim, 500 + sim_random(sim, 8000),
               (sim_event){.kind = SIM_STORE_OK, .stamp = sim->life});
        sim_coordinator_step(sim, &(lt_event){.kind = LT_EVENT_STORE_BLOCKED});
        return false;
    }
    uint64_t ticket = sim->last_put_ticket;
    if (partly && sim_chance(sim, 100) && ticket > sim->first_put_ticket) {
        sim->faults.commit_partial++; /* the rest came while the disk was at work */
        ticket = sim->first_put_ticket + sim_random(sim, ticket - sim->first_put_ticket);
    }
    end_transaction(sim, true, ticket);
    if (sim_chance(sim, sim->options.commit_crash)) {
        sim->faults.crashed_after_commit++;
        crash(sim);
        return false;
    }
    sim_coordinator_step(sim, &(lt_event){.kind = LT_EVENT_COMMITTED, .committed.ticket = ticket});
    return true;
}

/* ---- actions ---- */

static sim_job *job_of(sim_world *sim, uint64_t id)
{
    for (uint32_t i = 0; i < sim->options.jobs; i++)
        if (sim->jobs[i].id == id)
            return &sim->jobs[i];
    return NULL;
}

static void job_done(sim_world *sim, const lt_action *action)
{
    sim_job *job = job_of(sim, action->job.id);
    uint64_t scored = 0, failed = 0;
    for (uint32_t r = 0; r < job->ref_count; r++) {
        const sim_unit *unit = sim_unit_of(sim, job->refs[r].class_id, job->refs[r].pack_id);
        for (uint32_t i = 0; i < unit->items; i++) {
            scored += unit->durable[i] == SIM_ROW_SCORED;
            failed += unit->durable[i] > SIM_ROW_SCORED;
            if (unit->durable[i] == SIM_NO_ROW)
                sim_trouble(sim, "job %llu is done without item %u of pack %u",
                            (unsigned long long)job->id, i, unit->pack_id);
        }
    }
    if (action->job.facts.rows_scored != scored || action->job.facts.rows_failed != failed)
        sim_trouble(
            sim, "job %llu: %llu scored and %llu failed rows are counted, %llu and %llu are there",
            (unsigned long long)job->id, (unsigned long long)action->job.facts.rows_scored,
            (unsigned long long)action->job.facts.rows_failed, (unsigned long long)scored,
            (unsigned long long)failed);
    job->state = SIM_JOB_DONE;
}

static void job_cancelled(sim_world *sim, const lt_action *action)
{
    sim_job *job = job_of(sim, action->job.id);
    job->state = SIM_JOB_CANCELLED;
    for (uint32_t r = 0; r < job->ref_count; r++)
        sim_unit_of(sim, job->refs[r].class_id, job->refs[r].pack_id)->cancelled = true;
}

static void record(sim_world *sim, const lt_event *event, const lt_action *action)
{
    for (uint32_t i = 0; i < action->record.count; i++) {
        const lt_event_row *row =
            &event->results.rows[sim->actions.indices[action->record.first_index + i]];
        put(sim, action->record.class_id, action->record.pack_id, row->item,
            row->failed ? SIM_ROW_FAILED : SIM_ROW_SCORED, action->record.ticket);
    }
}

static void forget_peer(sim_world *sim, uint64_t instance, bool say_so)
{
    const uint32_t slot = slot_of(sim, instance);
    if (slot == LT_NONE)
        return;
    if (say_so)
        send(sim, instance, &(sim_message){.kind = SIM_UNKNOWN_PEER});
    sim->workers[slot].peer_connection = 0;
}

/* A banned process is replaced by another, with another key. */
static void ban(sim_world *sim, uint64_t instance)
{
    const uint32_t slot = slot_of(sim, instance);
    sim_worker_stop(sim, slot);
    sim_at(sim, 1000, (sim_event){.kind = SIM_WORKER_START, .worker = slot});
}

/* A lease runs out only where something is wrong: an engine hangs, a process slept, a message was
 * lost. */
static void check_expiry(sim_world *sim, const lt_action *action)
{
    const uint32_t slot = slot_of(sim, action->worker);
    if (action->revoke.reason != LT_REVOKE_EXPIRED || slot == LT_NONE)
        return;
    const sim_worker *worker = &sim->workers[slot];
    const uint64_t lately = sim->now_ms - sim->options.core.lease_ms;
    if (worker->up && worker->welcome && worker->welcome_ms < lately &&
        worker->paused_until < lately && !worker->engine_hung && !worker->spool &&
        sim->paused_until < lately)
        sim_trouble(sim, "worker %u is well, and its lease %llx has expired", slot,
                    (unsigned long long)action->revoke.id);
}

static void act(sim_world *sim, const lt_event *event, const lt_action *action)
{
    sim_mix(sim, (uint64_t)action->kind << 56 ^ action->worker << 32 ^ action->lease.id);
    switch (action->kind) {
    case LT_ACTION_LEASE:
        send_lease(sim, action);
        break;
    case LT_ACTION_REVOKE:
        check_expiry(sim, action);
        send(sim, action->worker,
             &(sim_message){
                 .kind = SIM_REVOKE, .lease = action->revoke.id, .epoch = action->revoke.epoch});
        break;
    case LT_ACTION_ACK:
        send_ack(sim, action);
        break;
    case LT_ACTION_RECORD:
        record(sim, event, action);
        break;
    case LT_ACTION_RECORD_FAILURE:
        put(sim, action->failure.class_id, action->failure.pack_id, action->failure.item,
            SIM_ROW_GIVEN_UP, action->failure.ticket);
        sim_unit_of(sim, action->failure.class_id, action->failure.pack_id)
            ->reason[action->failure.item] = (uint8_t)action->failure.reason;
        break;
    case LT_ACTION_JOB_DONE:
        job_done(sim, action);
        break;
    case LT_ACTION_JOB_CANCELLED:
        job_cancelled(sim, action);
        break;
    case LT_ACTION_WORKER_LOST:
        forget_peer(sim, action->worker, false);
        break;
    case LT_ACTION_RESYNC:
        forget_peer(sim, action->worker, true);
        break;
    case LT_ACTION_REFUSE:
        ban(sim, action->worker);
        break;
    }
}

static void plan_tick(sim_world *sim)
{
    const uint64_t due_ms = lt_core_next_due_ms(sim->core);
    if (sim->tick_at_ms > sim->now_ms && sim->tick_at_ms <= due_ms)
        return;
    sim->tick_at_ms = due_ms > sim->now_ms ? due_ms : sim->now_ms + 1;
    sim_at(sim, sim->tick_at_ms - sim->now_ms, (sim_event){.kind = SIM_TICK, .stamp = sim->life});
}

void sim_coordinator_step(sim_world *sim, const lt_event *event)
{
    uint64_t now_ms = sim->now_ms;
    if (sim_chance(sim, 2) && now_ms > 100) {
        sim->faults.clock_back++;
        now_ms -= sim_random(sim, 100);
    }
    sim_mix(sim, (uint64_t)event->kind << 56 ^ event->worker << 40 ^ sim->now_ms);
    lt_core_step(sim->core, event, now_ms, &sim->actions);
    if (sim->loud)
        sim_tell(sim, event);
    for (size_t i = 0; i < sim->actions.count; i++)
        act(sim, event, &sim->actions.list[i]);
    sim_check(sim);
    plan_tick(sim);
}

/* ---- life ---- */

static void add_job(sim_world *sim, const sim_job *job)
{
    if (lt_core_add_job(sim->core, job->id, job->priority, job->refs, job->ref_count, NULL) !=
        LT_OK)
        sim_trouble(sim, "job %llu cannot be added", (unsigned long long)job->id);
    for (uint32_t r = 0; r < job->ref_count; r++) {
        const sim_unit *unit = sim_unit_of(sim, job->refs[r].class_id, job->refs[r].pack_id);
        for (uint32_t i = 0; i < unit->items; i++)
            if (unit->durable[i] != SIM_NO_ROW &&
                !lt_core_add_row(sim->core, unit->class_id, unit->pack_id, i,
                                 unit->durable[i] > SIM_ROW_SCORED))
                sim_trouble(sim, "row %u of pack %u is unknown to its job", i, unit->pack_id);
    }
}

static void ready(sim_world *sim, const sim_job *job)
{
    sim_coordinator_step(sim, &(lt_event){.kind = LT_EVENT_JOB_READY, .job.id = job->id});
}

void sim_coordinator_start(sim_world *sim)
{
    lt_core_options options = sim->options.core;
    options.epoch = ++sim->epoch;
    sim->core = lt_core_new(&options);
    sim->life++;
    const bool one_by_one = sim_random(sim, 2) != 0;
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < sim->options.jobs; i++) {
            sim_job *job = &sim->jobs[i];
            if (job->state != SIM_JOB_RUNS || (pass == 1 && one_by_one))
                continue;
            if (pass == 0)
                add_job(sim, job);
            if (pass == 1 || one_by_one)
                ready(sim, job);
        }
    plan_tick(sim);
}

static void add_counters(sim_world *sim)
{
    const uint64_t *from = (const uint64_t *)lt_core_counters_of(sim->core);
    uint64_t *to = (uint64_t *)&sim->counters;
    for (size_t i = 0; i < sizeof sim->counters / sizeof *to; i++)
        to[i] += from[i];
}

void sim_coordinator_stop(sim_world *sim)
{
    add_counters(sim);
    lt_core_free(&sim->core);
    sim->life++;
    sim->store_full = false;
    sim->tick_at_ms = 0;
    sim->paused_until = 0;
    end_transaction(sim, false, UINT64_MAX);
    for (uint32_t i = 0; i < SIM_WORKERS_MAX; i++)
        sim->workers[i].peer_connection = 0;
}

/* ---- jobs ---- */

static void submit(sim_world *sim, const sim_event *event)
{
    sim_job *job = &sim->jobs[event->worker];
    if (job->state == SIM_JOB_RUNS || job->state == SIM_JOB_DONE)
        return;
    if (!sim->core || sim->store_full || (sim->puts > 0 && !commit(sim, false))) {
        sim_at(sim, 500, *event); /* no answer: the client asks again */
        return;
    }
    sim->faults.job_resubmitted += job->state == SIM_JOB_CANCELLED;
    job->state = SIM_JOB_RUNS;
    add_job(sim, job);
    ready(sim, job);
}

static void cancel(sim_world *sim, const sim_event *event)
{
    const sim_job *job = &sim->jobs[event->worker];
    if (!sim->core || job->state != SIM_JOB_RUNS || sim->calm)
        return;
    sim->faults.job_cancelled++;
    sim_coordinator_step(sim, &(lt_event){.kind = LT_EVENT_JOB_CANCEL, .job.id = job->id});
    if (sim_random(sim, 4) > 0)
        sim_at(sim, sim_random(sim, 6000),
               (sim_event){.kind = SIM_SUBMIT, .worker = event->worker});
}

void sim_coordinator_event(sim_world *sim, const sim_event *event)
{
    switch (event->kind) {
    case SIM_TICK:
        if (sim->core && event->stamp == sim->life && event->at_ms >= sim->tick_at_ms)
            sim_coordinator_step(sim, &(lt_event){.kind = LT_EVENT_TICK});
        break;
    case SIM_COMMIT:
        if (sim->core && event->stamp == sim->life && sim->commit_due)
            commit(sim, true);
        break;
    case SIM_STORE_OK:
        if (sim->core && event->stamp == sim->life) {
            sim->store_full = false;
            sim_coordinator_step(sim, &(lt_event){.kind = LT_EVENT_STORE_OK});
        }
        break;
    case SIM_COORDINATOR_START:
        if (!sim->core)
            sim_coordinator_start(sim);
        break;
    case SIM_SUBMIT:
        submit(sim, event);
        break;
    case SIM_CANCEL:
        cancel(sim, event);
        break;
    default:
        break;
    }
}

/* ---- what workers say ---- */

static lt_event event_of(const sim_message *message, uint64_t sender)
{
    lt_event event = {.worker = sender};
    const lt_event_lease lease = {message->lease, message->epoch, message->token == sender};
    switch (message->kind) {
    case SIM_CREDIT:
        event.kind = LT_EVENT_CREDIT;
        event.credit.leases = message->credits;
        break;
    case SIM_PROGRESS:
        event.kind = LT_EVENT_PROGRESS;
        event.progress.lease = lease;
        event.progress.items_done = message->items_done;
        event.progress.engine_steps = message->engine_steps;
        break;
    case SIM_RESULTS:
        event.kind = LT_EVENT_RESULTS;
        event.results.lease = lease;
        event.results.sequence = message->sequence;
        event.results.class_id = message->class_id;
        event.results.pack_id = message->pack_id;
        event.results.rows = message->rows;
        event.results.row_count = message->row_count;
        break;
    case SIM_FAILURE:
        event.kind = LT_EVENT_FAILURE;
        event.failure.lease = lease;
        event.failure.reason = message->reason;
        event.failure.item_known = message->item_known;
        event.failure.item = message->item;
        break;
    default:
        event.kind = LT_EVENT_WORKER_ALIVE;
        break;
    }
    return event;
}

static void on_hello(sim_world *sim, uint32_t worker, uint64_t connection)
{
    sim->workers[worker].peer_connection = connection;
    const uint64_t instance = sim->workers[worker].instance;
    send(sim, instance, &(sim_message){.kind = SIM_WELCOME, .coordinator_epoch = sim->epoch});
    sim_coordinator_step(sim, &(lt_event){.kind = LT_EVENT_WORKER_JOINED, .worker = instance});
}

void sim_coordinator_deliver(sim_world *sim, uint32_t worker, uint64_t connection,
                             const sim_message *message)
{
    sim_worker *from = &sim->workers[worker];
    if (message->kind == SIM_HELLO) {
        on_hello(sim, worker, connection);
    } else if (from->peer_connection != connection) {
        sim_send(sim, worker, true, &(sim_message){.kind = SIM_UNKNOWN_PEER});
    } else if (message->kind == SIM_BYE) {
        from->peer_connection = 0;
        sim_coordinator_step(sim, &(lt_event){.kind = LT_EVENT_WORKER_LEFT,
                                              .worker = message->instance,
                                              .left.bye = true});
    } else {
        /* The session says who speaks, whatever the message was made from. */
        const lt_event event = event_of(message, from->instance);
        sim_coordinator_step(sim, &event);
    }
}
