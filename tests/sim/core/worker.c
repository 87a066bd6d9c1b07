/* A worker as the protocol wants it: works on its leases in order, keeps rows until they are
 * acknowledged, sends them again after each Welcome. */
#include "tests/sim/core/world.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define HEARTBEAT_MS 700
#define ACK_OVERDUE_MS 2000
#define ENGINE_START_MS 300

static void send(sim_world *sim, uint32_t index, sim_message message)
{
    message.instance = sim->workers[index].instance;
    sim_send(sim, index, false, &message);
}

/* ---- leases and the engine ---- */

static void engine_later(sim_world *sim, uint32_t index, uint64_t delay_ms)
{
    sim->workers[index].engine_busy = true;
    sim_at(
        sim, delay_ms,
        (sim_event){.kind = SIM_ENGINE, .worker = index, .stamp = sim->workers[index].engine_run});
}

static sim_lease *current(sim_worker *worker)
{
    for (uint32_t i = 0; i < worker->lease_count; i++)
        if (!worker->leases[i].finished)
            return &worker->leases[i];
    return NULL;
}

static void engine_wake(sim_world *sim, uint32_t index)
{
    sim_worker *worker = &sim->workers[index];
    const sim_lease *lease = current(worker);
    if (worker->engine_busy || worker->engine_hung || !lease)
        return;
    const bool load = !worker->loaded || worker->loaded_class != lease->given.class_id;
    engine_later(sim, index, load ? 100 + sim_random(sim, 1500) : sim->options.item_ms);
}

static void engine_restart(sim_world *sim, uint32_t index)
{
    sim_worker *worker = &sim->workers[index];
    worker->engine_run++;
    worker->engine_busy = worker->engine_hung = worker->loaded = false;
    worker->engine_steps = 0;
    if (current(worker))
        engine_later(sim, index, ENGINE_START_MS);
}

static void drop_lease(sim_worker *worker, const sim_lease *lease)
{
    const uint32_t i = (uint32_t)(lease - worker->leases);
    memmove(&worker->leases[i], &worker->leases[i + 1],
            (worker->lease_count - i - 1) * sizeof *lease);
    worker->lease_count--;
}

static sim_lease *find_lease(sim_worker *worker, uint64_t id)
{
    for (uint32_t i = 0; i < worker->lease_count; i++)
        if (worker->leases[i].given.lease == id)
            return &worker->leases[i];
    return NULL;
}

static bool has_unacked(const sim_worker *worker, uint64_t lease)
{
    for (const sim_batch *batch = worker->spool; batch; batch = batch->next)
        if (batch->message.lease == lease)
            return true;
    return false;
}

static void flush(sim_world *sim, uint32_t index, sim_lease *lease)
{
    sim_worker *worker = &sim->workers[index];
    if (lease->batch.row_count == 0)
        return;
    sim_message message = lease->given;
    message.kind = SIM_RESULTS;
    message.sequence = ++worker->sequence;
    message.row_count = lease->batch.row_count;
    memcpy(message.rows, lease->batch.rows, sizeof message.rows);
    message.instance = worker->instance;
    lease->batch.row_count = 0;
    sim_batch *batch = lt_alloc(sizeof *batch);
    batch->message = message;
    if (!worker->spool) {
        worker->spool_end = &worker->spool;
        worker->oldest_sent_ms = sim->now_ms;
    }
    *worker->spool_end = batch;
    worker->spool_end = &batch->next;
    if (worker->welcome)
        send(sim, index, message);
    if (sim->options.stranger && worker->welcome && sim_chance(sim, 20)) {
        sim->faults.stranger_items++;
        message.rows[0].item = message.first_item + message.item_count + SIM_ITEMS_MAX;
        send(sim, index, message);
        message.rows[0].item = batch->message.rows[0].item;
    }
    if (sim_chance(sim,
                   sim->options.forge)) { /* another worker, with a key, sends what it overheard */
        const uint32_t other = (index + 1) % sim->options.workers;
        sim->faults.forged_token++;
        if (sim->workers[other].up && sim->workers[other].welcome && other != index)
            send(sim, other, message);
    }
}

static void fail(sim_world *sim, uint32_t index, sim_lease *lease, Lefttail__FailureReason reason,
                 uint32_t item)
{
    flush(sim, index, lease);
    sim_message message = lease->given;
    message.kind = SIM_FAILURE;
    message.reason = reason;
    message.item = item;
    message.item_known =
        reason == LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED && sim->options.name_poison;
    if (sim->workers[index].welcome)
        send(sim, index, message);
    drop_lease(&sim->workers[index], lease);
}

static bool is_loadable(const sim_world *sim, uint32_t index, uint32_t class_id)
{
    if (class_id != 1)
        return true;
    return !sim->options.broken_everywhere && sim->options.broken_worker != index + 1;
}

static void skip_done(sim_lease *lease)
{
    const sim_message *given = &lease->given;
    while (lease->next_item < given->item_count &&
           (given->done[lease->next_item / 8] >> (lease->next_item % 8) & 1))
        lease->next_item++;
}

/* One text has gone through the engine. */
static void score(sim_world *sim, uint32_t index, sim_lease *lease)
{
    sim_worker *worker = &sim->workers[index];
    const uint32_t item = lease->given.first_item + lease->next_item;
    const uint8_t truth =
        sim_unit_of(sim, lease->given.class_id, lease->given.pack_id)->truth[item];
    if (truth == SIM_KILLS) {
        sim->faults.engine_died++;
        fail(sim, index, lease, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED, item);
        engine_restart(sim, index);
        return;
    }
    if (truth == SIM_HANGS) {
        sim->faults.engine_hung++;
        worker->engine_hung = true;
        flush(sim, index, lease);
        return;
    }
    worker->engine_steps++;
    lease->items_done++;
    lease->next_item++;
    lease->batch.rows[lease->batch.row_count++] =
        (lt_event_row){.item = item, .failed = truth == SIM_FAILS};
    skip_done(lease);
    if (lease->batch.row_count >= sim->options.batch_rows ||
        lease->next_item >= lease->given.item_count)
        flush(sim, index, lease);
    lease->finished = lease->next_item >= lease->given.item_count;
}

static void engine_event(sim_world *sim, uint32_t index)
{
    sim_worker *worker = &sim->workers[index];
    worker->engine_busy = false;
    sim_lease *lease = current(worker);
    if (!lease)
        return;
    if (!worker->loaded || worker->loaded_class != lease->given.class_id) {
        if (!is_loadable(sim, index, lease->given.class_id)) {
            sim->faults.checkpoint_unloadable++;
            fail(sim, index, lease, LEFTTAIL__FAILURE_REASON__FAILURE_CHECKPOINT, 0);
        } else {
            worker->loaded = true;
            worker->loaded_class = lease->given.class_id;
        }
    } else {
        score(sim, index, lease);
    }
    engine_wake(sim, index);
}

/* ---- the session ---- */

void sim_worker_hello(sim_world *sim, uint32_t index, uint64_t delay_ms)
{
    sim_worker *worker = &sim->workers[index];
    worker->welcome = false;
    sim_at(sim, delay_ms,
           (sim_event){.kind = SIM_WORKER_HELLO, .worker = index, .stamp = worker->life});
}

void sim_worker_start(sim_world *sim, uint32_t index)
{
    sim_worker *worker = &sim->workers[index];
    if (worker->up)
        return;
    const uint64_t connection = worker->connection + 1, life = worker->life + 1,
                   peer = worker->peer_connection;
    *worker = (sim_worker){.up = true,
                           .connection = connection,
                           .life = life,
                           .peer_connection = peer,
                           .instance = ++sim->instances,
                           .engine_run = life << 32};
    sim_worker_hello(sim, index, sim_random(sim, 300));
    sim_at(sim, HEARTBEAT_MS, (sim_event){.kind = SIM_WORKER_BEAT, .worker = index, .stamp = life});
}

void sim_worker_stop(sim_world *sim, uint32_t index)
{
    sim_worker *worker = &sim->workers[index];
    worker->up = worker->welcome = false;
    worker->connection++;
    for (sim_batch *batch = worker->spool, *next; batch; batch = next) {
        next = batch->next;
        free(batch);
    }
    worker->spool = NULL;
    worker->lease_count = 0;
}

static void beat(sim_world *sim, uint32_t index)
{
    sim_worker *worker = &sim->workers[index];
    if (worker->welcome) {
        const sim_lease *lease = current(worker);
        sim_message message = lease ? lease->given : (sim_message){0};
        message.kind = SIM_PROGRESS;
        message.items_done = lease ? lease->items_done : 0;
        message.engine_steps = worker->engine_steps;
        send(sim, index, message);
    }
    const bool rows_get_lost = sim->options.results_lost + sim->options.ack_lost > 0;
    const bool overdue =
        rows_get_lost && worker->spool && sim->now_ms - worker->oldest_sent_ms > ACK_OVERDUE_MS;
    if ((worker->welcome && overdue) ||
        (!worker->welcome && sim->now_ms - worker->hello_sent_ms > 3000)) {
        worker->oldest_sent_ms = sim->now_ms;
        worker->hello_sent_ms = sim->now_ms;
        sim_worker_hello(sim, index, sim_random(sim, 500));
    }
    sim_at(sim, HEARTBEAT_MS,
           (sim_event){.kind = SIM_WORKER_BEAT, .worker = index, .stamp = worker->life});
}

void sim_worker_event(sim_world *sim, const sim_event *event)
{
    const uint32_t index = event->worker;
    sim_worker *worker = &sim->workers[index];
    if (event->kind == SIM_WORKER_START) {
        sim_worker_start(sim, index);
    } else if (event->kind == SIM_ENGINE) {
        if (worker->up && event->stamp == worker->engine_run)
            engine_event(sim, index);
    } else if (worker->up && event->stamp == worker->life) {
        if (event->kind == SIM_WORKER_BEAT) {
            beat(sim, index);
        } else if (!worker->welcome) {
            worker->hello_sent_ms = sim->now_ms;
            send(sim, index, (sim_message){.kind = SIM_HELLO});
        }
    }
}

/* ---- what the coordinator says ---- */

static void on_welcome(sim_world *sim, uint32_t index)
{
    sim_worker *worker = &sim->workers[index];
    worker->welcome = true;
    worker->welcome_ms = sim->now_ms;
    send(sim, index, (sim_message){.kind = SIM_CREDIT, .credits = sim->options.credits});
    worker->oldest_sent_ms = sim->now_ms;
    for (const sim_batch *batch = worker->spool; batch && worker->welcome; batch = batch->next)
        send(sim, index, batch->message);
    for (uint32_t i = 0; i < worker->lease_count && worker->welcome; i++) {
        sim_message message = worker->leases[i].given;
        message.kind = SIM_PROGRESS;
        message.items_done = worker->leases[i].items_done;
        message.engine_steps = worker->engine_steps;
        send(sim, index, message);
    }
}

static void on_lease(sim_world *sim, uint32_t index, const sim_message *message)
{
    sim_worker *worker = &sim->workers[index];
    if (find_lease(worker, message->lease))
        return;
    if (worker->lease_count >= SIM_LEASES_MAX) {
        sim_trouble(sim, "worker %u was given more leases than it has room for", index);
        return;
    }
    sim_lease *lease = &worker->leases[worker->lease_count++];
    *lease = (sim_lease){.given = *message};
    skip_done(lease);
    lease->finished = lease->next_item >= message->item_count;
    engine_wake(sim, index);
}

static void on_ack(sim_world *sim, sim_worker *worker, const sim_message *message)
{
    for (sim_batch **link = &worker->spool; *link; link = &(*link)->next) {
        sim_batch *batch = *link;
        if (batch->message.lease != message->lease || batch->message.sequence != message->sequence)
            continue;
        *link = batch->next;
        if (worker->spool_end == &batch->next)
            worker->spool_end = link;
        free(batch);
        worker->oldest_sent_ms = sim->now_ms;
        break;
    }
    sim_lease *lease = find_lease(worker, message->lease);
    if (lease && lease->finished && !has_unacked(worker, message->lease))
        drop_lease(worker, lease);
}

static void on_revoke(sim_world *sim, uint32_t index, const sim_message *message)
{
    sim_worker *worker = &sim->workers[index];
    sim_lease *lease = find_lease(worker, message->lease);
    if (!lease)
        return;
    const bool at_work = lease == current(worker);
    drop_lease(worker, lease);
    if (at_work && worker->engine_hung)
        engine_restart(sim, index);
}

void sim_worker_deliver(sim_world *sim, uint32_t index, const sim_message *message)
{
    sim_worker *worker = &sim->workers[index];
    switch (message->kind) {
    case SIM_WELCOME:
        on_welcome(sim, index);
        break;
    case SIM_UNKNOWN_PEER:
        if (worker->welcome)
            sim_worker_hello(sim, index, sim_random(sim, 1500));
        break;
    case SIM_LEASE:
        on_lease(sim, index, message);
        break;
    case SIM_ACK:
        on_ack(sim, worker, message);
        break;
    case SIM_REVOKE:
        on_revoke(sim, index, message);
        break;
    default:
        sim_trouble(sim, "a worker got message %d", message->kind);
    }
}
