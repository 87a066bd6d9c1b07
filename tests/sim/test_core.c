/* The core under every fault that virtual workers, networks, disks and clocks can have. Each seed
 * is a world of its own: its size, what goes wrong in it and how often. It runs with faults for a
 * while, then in calm until every job has ended, and is checked after every step (core/check.c).
 * Some seeds run twice and must give the same events.
 *
 *     LT_SEED=n   one seed, told in full        LT_SEEDS=n   how many, from seed 1 on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "coordinator/core/state.h"
#include "tests/sim/core/world.h"

#define SEEDS_DEFAULT 2000
#define CALM_MS_MAX (4 * 3600 * 1000)

/* ---- a world from a seed ---- */

static uint32_t sometimes(sim_world *dice, uint32_t most)
{
    return sim_random(dice, 2) ? (uint32_t)sim_random(dice, most + 1) : 0;
}

static void choose_faults(sim_world *dice, sim_options *o)
{
    o->reset = sometimes(dice, 30);
    o->doubled = sometimes(dice, 500);
    o->late = sometimes(dice, 300);
    o->results_lost = sometimes(dice, 100);
    o->ack_lost = sometimes(dice, 500);
    o->worker_crash = sometimes(dice, 40);
    o->worker_pause = sometimes(dice, 60);
    o->worker_leave = sometimes(dice, 20);
    o->coordinator_crash = sometimes(dice, 60);
    o->coordinator_pause = sometimes(dice, 30);
    o->commit_crash = sometimes(dice, 60);
    o->disk_full = sometimes(dice, 300);
    o->poison = sometimes(dice, 60);
    o->hang = sometimes(dice, 20);
    o->final_failure = sometimes(dice, 200);
    o->forge = sometimes(dice, 100);
    o->name_poison = sim_random(dice, 2);
    o->cancel = sim_random(dice, 3) == 0;
    o->share = sim_random(dice, 2);
    o->stranger = sim_random(dice, 8) == 0;
    o->broken_everywhere = sim_random(dice, 12) == 0;
    o->broken_worker = sim_random(dice, 6) == 0 ? 1 : 0;
}

static sim_options choose(uint64_t seed)
{
    sim_world dice = {.random = seed * 0x9e3779b97f4a7c15u};
    sim_options o = {0};
    o.workers = 1 + (uint32_t)sim_random(&dice, sim_random(&dice, 4) ? 5 : SIM_WORKERS_MAX);
    o.jobs = 1 + (uint32_t)sim_random(&dice, sim_random(&dice, 3) ? 2 : SIM_JOBS_MAX);
    o.units_per_job = 1 + (uint32_t)sim_random(&dice, 7);
    o.items_max = 1 + (uint32_t)sim_random(&dice, sim_random(&dice, 4) ? 30 : SIM_ITEMS_MAX);
    choose_faults(&dice, &o);
    o.item_ms = 20 + (uint32_t)sim_random(&dice, 400);
    o.batch_rows = 1 + (uint32_t)sim_random(&dice, SIM_ROWS_MAX);
    o.credits = 1 + (uint32_t)sim_random(&dice, 3);
    o.core.worker_timeout_ms = 3000 + (uint32_t)sim_random(&dice, 3000);
    o.core.lease_ms = o.core.worker_timeout_ms + 5000 +
                      (uint32_t)sim_random(&dice, 4000); /* messages are late by 4 s */
    o.core.load_ms = 3000;
    o.core.turn_ms = 1000 + (uint32_t)sim_random(&dice, 20000);
    o.core.losses_max = 100;
    o.core.class_failures_max = 4 + (uint32_t)sim_random(&dice, 5);
    o.core.attempts_max = 2 + (uint32_t)sim_random(&dice, 2);
    o.core.rows_inflight_max = sim_random(&dice, 4) ? 4096 : 24;
    return o;
}

static sim_truth choose_truth(sim_world *sim)
{
    const uint64_t dice = sim_random(sim, 1000);
    const sim_options *o = &sim->options;
    if (dice < o->poison)
        return SIM_KILLS;
    if (dice < o->poison + o->hang)
        return SIM_HANGS;
    return dice < o->poison + o->hang + o->final_failure ? SIM_FAILS : SIM_SCORES;
}

static sim_unit *add_unit(sim_world *sim, uint32_t class_id)
{
    if (sim->options.share && sim->unit_count > 0 && sim_random(sim, 3) == 0) {
        sim->faults.shared_unit++;
        return &sim->units[sim_random(sim, sim->unit_count)];
    }
    sim_unit *unit = &sim->units[sim->unit_count++];
    unit->class_id = class_id;
    unit->pack_id = sim->unit_count;
    unit->items = 1 + (uint32_t)sim_random(sim, sim->options.items_max);
    for (uint32_t i = 0; i < unit->items; i++)
        unit->truth[i] = (uint8_t)choose_truth(sim);
    return unit;
}

static void make_jobs(sim_world *sim)
{
    for (uint32_t j = 0; j < sim->options.jobs; j++) {
        sim_job *job = &sim->jobs[j];
        job->id = 1000 + j;
        job->priority = sim_random(sim, 4) == 0 ? 1 : 0;
        for (uint32_t u = 0; u < sim->options.units_per_job; u++) {
            const sim_unit *unit = add_unit(sim, 1 + (uint32_t)sim_random(sim, 3));
            job->refs[job->ref_count++] = (lt_core_unit){.class_id = unit->class_id,
                                                         .pack_id = unit->pack_id,
                                                         .items = unit->items,
                                                         .scorer_index = unit->class_id,
                                                         .pack_index = u};
        }
        sim_at(sim, sim_random(sim, 4000), (sim_event){.kind = SIM_SUBMIT, .worker = j});
        if (sim->options.cancel)
            sim_at(sim, 1000 + sim_random(sim, 15000),
                   (sim_event){.kind = SIM_CANCEL, .worker = j});
    }
}

/* ---- running it ---- */

/* Once a virtual second. */
static void chaos(sim_world *sim)
{
    const sim_options *o = &sim->options;
    for (uint32_t w = 0; w < o->workers; w++) {
        sim_worker *worker = &sim->workers[w];
        if (!worker->up)
            continue;
        if (sim_chance(sim, o->worker_crash)) {
            sim->faults.worker_crashed++;
            sim_worker_stop(sim, w);
            sim_at(sim, 500 + sim_random(sim, 6000),
                   (sim_event){.kind = SIM_WORKER_START, .worker = w});
        } else if (sim_chance(sim, o->worker_pause)) {
            sim->faults.worker_paused++;
            worker->paused_until = sim->now_ms + 500 + sim_random(sim, 15000);
        } else if (sim_chance(sim, o->worker_leave) && worker->welcome) {
            sim->faults.worker_left++;
            sim_send(sim, w, false, &(sim_message){.kind = SIM_BYE, .instance = worker->instance});
            worker->paused_until = 0;
            sim_at(sim, 10, (sim_event){.kind = SIM_CHAOS, .worker = w, .stamp = worker->life});
        }
    }
    if (sim->core && sim_chance(sim, o->coordinator_crash)) {
        sim->faults.coordinator_crashed++;
        sim_coordinator_stop(sim);
        sim_at(sim, 200 + sim_random(sim, 8000), (sim_event){.kind = SIM_COORDINATOR_START});
    } else if (sim->core && sim_chance(sim, o->coordinator_pause)) {
        sim->faults.coordinator_paused++;
        sim->paused_until = sim->now_ms + 1000 + sim_random(sim, 20000);
    }
    sim_at(sim, 1000, (sim_event){.kind = SIM_CHAOS});
}

static void deliver(sim_world *sim, const sim_event *event)
{
    if (event->stamp != sim->workers[event->worker].connection)
        return;
    if (!event->to_worker) {
        if (sim->core)
            sim_coordinator_deliver(sim, event->worker, event->stamp, event->message);
    } else if (sim->workers[event->worker].up) {
        sim_worker_deliver(sim, event->worker, event->message);
    }
}

static void handle(sim_world *sim, const sim_event *event)
{
    switch (event->kind) {
    case SIM_DELIVER:
        deliver(sim, event);
        break;
    case SIM_WORKER_START:
    case SIM_WORKER_HELLO:
    case SIM_WORKER_BEAT:
    case SIM_ENGINE:
        sim_worker_event(sim, event);
        break;
    case SIM_CHAOS:
        if (event->stamp == 0) {
            chaos(sim);
        } else if (event->stamp == sim->workers[event->worker].life &&
                   sim->workers[event->worker].up) {
            sim_worker_stop(sim, event->worker); /* after its Bye */
            sim_at(sim, 1000 + sim_random(sim, 4000),
                   (sim_event){.kind = SIM_WORKER_START, .worker = event->worker});
        }
        break;
    case SIM_CALM:
        sim->calm = true;
        break;
    default:
        sim_coordinator_event(sim, event);
    }
}

/* Where a paused process is concerned, the event waits until it goes on. */
static bool is_held(sim_world *sim, const sim_event *event)
{
    uint64_t until_ms = 0;
    if (event->kind == SIM_DELIVER ? event->to_worker
                                   : event->kind == SIM_WORKER_BEAT || event->kind == SIM_ENGINE)
        until_ms = sim->workers[event->worker].paused_until;
    else if (event->kind == SIM_DELIVER || event->kind == SIM_TICK || event->kind == SIM_COMMIT ||
             event->kind == SIM_SUBMIT || event->kind == SIM_CANCEL || event->kind == SIM_STORE_OK)
        until_ms = sim->paused_until;
    if (until_ms <= sim->now_ms)
        return false;
    sim_at(sim, until_ms - sim->now_ms, *event);
    return true;
}

static void run(sim_world *sim, uint64_t seed, bool loud)
{
    const sim_options options = choose(seed);
    sim_init(sim, seed, &options);
    sim->loud = loud;
    make_jobs(sim);
    sim_coordinator_start(sim);
    for (uint32_t w = 0; w < options.workers; w++)
        sim_at(sim, sim_random(sim, 3000), (sim_event){.kind = SIM_WORKER_START, .worker = w});
    sim_at(sim, 1000, (sim_event){.kind = SIM_CHAOS});
    const uint64_t calm_ms = 3000 + sim_random(sim, 40000);
    sim_at(sim, calm_ms, (sim_event){.kind = SIM_CALM});
    sim_event event;
    while (!sim->trouble[0] && !sim_at_rest(sim) && sim_next(sim, &event)) {
        if (is_held(sim, &event))
            continue;
        handle(sim, &event);
        free(event.message);
        if (sim->now_ms > calm_ms + CALM_MS_MAX)
            sim_trouble(sim, "not at rest %d minutes after the last fault", CALM_MS_MAX / 60000);
    }
    if (!sim->trouble[0])
        sim_check_end(sim);
    if (sim->core)
        sim_coordinator_stop(sim); /* adds its counters */
}

/* ---- many worlds ---- */

typedef struct totals {
    sim_faults faults;
    lt_core_counters counters;
    uint64_t events, checks, virtual_ms;
} totals;

static void add_all(uint64_t *to, const uint64_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof *to; i++)
        to[i] += from[i];
}

static uint64_t run_seed(uint64_t seed, totals *sum, bool loud)
{
    sim_world *world = malloc(sizeof *world);
    run(world, seed, loud);
    if (world->trouble[0]) {
        printf("seed %llu, at %llu ms, after %llu events: %s\nagain with LT_SEED=%llu\n",
               (unsigned long long)seed, (unsigned long long)world->now_ms,
               (unsigned long long)world->events, world->trouble, (unsigned long long)seed);
        exit(1);
    }
    add_all((uint64_t *)&sum->faults, (const uint64_t *)&world->faults, sizeof sum->faults);
    add_all((uint64_t *)&sum->counters, (const uint64_t *)&world->counters, sizeof sum->counters);
    sum->events += world->events;
    sum->checks += world->checks;
    sum->virtual_ms += world->now_ms;
    if (loud)
        printf("seed %llu: %llu events, %llu virtual ms, hash %016llx\n", (unsigned long long)seed,
               (unsigned long long)world->events, (unsigned long long)world->now_ms,
               (unsigned long long)world->hash);
    const uint64_t hash = world->hash;
    sim_fini(world);
    free(world);
    return hash;
}

/* Names what never happened; a run of many seeds in which something never happens shows nothing
 * about it. */
static int missing(const totals *sum, bool loud)
{
    int count = 0;
#define X(name)                                                                                    \
    if (loud)                                                                                      \
        printf("  %-24s %llu\n", #name, (unsigned long long)sum->faults.name);                     \
    if (sum->faults.name == 0)                                                                     \
        count++, printf("the fault '%s' never happened\n", #name);
    SIM_FAULT_LIST(X)
#undef X
#define X(name)                                                                                    \
    if (loud)                                                                                      \
        printf("  %-24s %llu\n", #name, (unsigned long long)sum->counters.name);                   \
    if (sum->counters.name == 0)                                                                   \
        count++, printf("the core never counted '%s'\n", #name);
    LT_CORE_COUNTER_LIST(X)
#undef X
    return count;
}

int main(void)
{
    totals sum = {0};
    const char *one = getenv("LT_SEED"), *many = getenv("LT_SEEDS");
    if (one) {
        const uint64_t seed = strtoull(one, NULL, 10), first = run_seed(seed, &sum, true);
        return run_seed(seed, &sum, false) == first ? 0 : 1;
    }
    const uint64_t seeds = many ? strtoull(many, NULL, 10) : SEEDS_DEFAULT, start_ms = lt_now_ms();
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        const uint64_t hash = run_seed(seed, &sum, false);
        if (seed % 50 == 0 && run_seed(seed, &sum, false) != hash) {
            printf("seed %llu gave other events the second time\n", (unsigned long long)seed);
            return 1;
        }
    }
    printf("%llu seeds, %llu events, %llu checks, %llu virtual hours, %llu ms\n",
           (unsigned long long)seeds, (unsigned long long)sum.events,
           (unsigned long long)sum.checks, (unsigned long long)(sum.virtual_ms / 3600000),
           (unsigned long long)(lt_now_ms() - start_ms));
    return seeds >= 500 && missing(&sum, true) > 0 ? 1 : 0;
}
