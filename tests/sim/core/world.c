/* Time, chance and the network. */
#include "tests/sim/core/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

void sim_init(sim_world *sim, uint64_t seed, const sim_options *options)
{
    memset(sim, 0, sizeof *sim);
    sim->seed = seed;
    sim->random = seed;
    sim->options = *options;
    sim->hash = 0xcbf29ce484222325u;
}

void sim_fini(sim_world *sim)
{
    for (size_t i = 0; i < sim->heap_count; i++)
        free(sim->heap[i].message);
    free(sim->heap);
    for (uint32_t i = 0; i < SIM_WORKERS_MAX; i++)
        for (sim_batch *batch = sim->workers[i].spool, *next; batch; batch = next) {
            next = batch->next;
            free(batch);
        }
    lt_actions_fini(&sim->actions);
    lt_core_free(&sim->core);
}

/* splitmix64 */
uint64_t sim_random(sim_world *sim, uint64_t below)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return below ? (z ^ (z >> 31)) % below : 0;
}

bool sim_chance(sim_world *sim, uint32_t per_1000)
{
    return !sim->calm && per_1000 > 0 && sim_random(sim, 1000) < per_1000;
}

void sim_mix(sim_world *sim, uint64_t value)
{
    sim->hash = (sim->hash ^ value) * 0x100000001b3u;
    sim->hash ^= sim->hash >> 29;
}

void sim_trouble(sim_world *sim, const char *format, ...)
{
    if (sim->trouble[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(sim->trouble, sizeof sim->trouble, format, args);
    va_end(args);
}

sim_unit *sim_unit_of(sim_world *sim, uint32_t class_id, uint32_t pack_id)
{
    for (uint32_t i = 0; i < sim->unit_count; i++)
        if (sim->units[i].class_id == class_id && sim->units[i].pack_id == pack_id)
            return &sim->units[i];
    return NULL;
}

/* ---- the heap of events ---- */

static bool earlier(const sim_event *a, const sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void sim_at(sim_world *sim, uint64_t delay_ms, sim_event event)
{
    if (sim->heap_count == sim->heap_cap) {
        sim->heap_cap = sim->heap_cap ? 2 * sim->heap_cap : 256;
        sim->heap = lt_realloc(sim->heap, sim->heap_cap * sizeof *sim->heap);
    }
    event.at_ms = sim->now_ms + delay_ms;
    event.order = ++sim->order;
    size_t i = sim->heap_count++;
    for (; i > 0 && earlier(&event, &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
        sim->heap[i] = sim->heap[(i - 1) / 2];
    sim->heap[i] = event;
}

bool sim_next(sim_world *sim, sim_event *out)
{
    if (sim->heap_count == 0)
        return false;
    *out = sim->heap[0];
    const sim_event last = sim->heap[--sim->heap_count];
    size_t i = 0;
    for (size_t child = 1; child < sim->heap_count; child = 2 * i + 1) {
        if (child + 1 < sim->heap_count && earlier(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!earlier(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    if (sim->heap_count > 0)
        sim->heap[i] = last;
    sim->now_ms = out->at_ms;
    sim->events++;
    return true;
}

/* ---- the network ---- */

static bool may_vanish(sim_world *sim, uint32_t worker, sim_message_kind kind)
{
    if (kind == SIM_RESULTS && sim_chance(sim, sim->options.results_lost)) {
        sim->faults.results_lost++; /* rows do not get lost and leave the session as it was */
        if (sim->workers[worker].up)
            sim_worker_hello(sim, worker, 100 + sim_random(sim, 500));
        return true;
    }
    if (kind == SIM_ACK && sim_chance(sim, sim->options.ack_lost))
        return sim->faults.ack_lost++, true;
    if (kind == SIM_REVOKE && sim_chance(sim, sim->options.ack_lost))
        return sim->faults.revoke_lost++, true;
    return false;
}

static void deliver_after(sim_world *sim, uint64_t delay_ms, uint32_t worker, bool to_worker,
                          const sim_message *message)
{
    sim_message *copy = lt_alloc(sizeof *copy);
    *copy = *message;
    sim_at(sim, delay_ms,
           (sim_event){.kind = SIM_DELIVER,
                       .worker = worker,
                       .to_worker = to_worker,
                       .stamp = sim->workers[worker].connection,
                       .message = copy});
}

/* Messages of a connection arrive within a few milliseconds, mostly in order. A reset loses those
 * that are under way; late ones overtake nobody and are overtaken by all. */
void sim_send(sim_world *sim, uint32_t worker, bool to_worker, const sim_message *message)
{
    sim_worker *to = &sim->workers[worker];
    if (may_vanish(sim, worker, message->kind))
        return;
    if (sim_chance(sim, sim->options.reset)) {
        sim->faults.connection_reset++;
        to->connection++;
        if (to->up)
            sim_worker_hello(sim, worker, 200 + sim_random(sim, 2000));
        return;
    }
    uint64_t delay_ms = 2;
    if ((message->kind == SIM_RESULTS || message->kind == SIM_ACK ||
         message->kind == SIM_PROGRESS) &&
        sim_chance(sim, sim->options.late)) {
        sim->faults.message_late++;
        delay_ms += sim_random(sim, 4000);
    }
    deliver_after(sim, delay_ms, worker, to_worker, message);
    if ((message->kind == SIM_RESULTS || message->kind == SIM_ACK) &&
        sim_chance(sim, sim->options.doubled)) {
        sim->faults.message_doubled++;
        deliver_after(sim, delay_ms + sim_random(sim, 500), worker, to_worker, message);
    }
}
