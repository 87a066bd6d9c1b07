#include "coordinator/core/class.h"

#include "common/buf.h"
#include "coordinator/core/shard.h"

static lt_class *find(const lt_core *core, uint32_t class_id)
{
    for (uint32_t i = 0; i < core->class_count; i++)
        if (core->classes[i].units > 0 && core->classes[i].class_id == class_id)
            return &core->classes[i];
    return NULL;
}

lt_class *lt_class_of(const lt_core *core, uint32_t class_id)
{
    lt_class *class = find(core, class_id);
    LT_ASSERT(class);
    return class;
}

void lt_class_hold(lt_core *core, uint32_t class_id)
{
    lt_class *class = find(core, class_id);
    for (uint32_t i = 0; !class && i < core->class_count; i++)
        if (core->classes[i].units == 0)
            class = &core->classes[i];
    if (!class) {
        core->classes = lt_realloc(core->classes, (core->class_count + 1) * sizeof *core->classes);
        class = &core->classes[core->class_count++];
        class->units = 0;
    }
    if (class->units == 0)
        *class = (lt_class){.class_id = class_id};
    class->units++;
}

void lt_class_release(lt_core *core, uint32_t class_id)
{
    lt_class_of(core, class_id)->units--;
}

static lt_pause *pause_of(lt_worker *worker, uint32_t class_id)
{
    for (int i = 0; i < LT_PAUSES_PER_WORKER; i++)
        if (worker->pauses[i].failures > 0 && worker->pauses[i].class_id == class_id)
            return &worker->pauses[i];
    return NULL;
}

bool lt_class_paused(const lt_core *core, uint32_t class_id, const lt_worker *worker)
{
    const lt_pause *pause = pause_of((lt_worker *)worker, class_id);
    return pause && core->now_ms < pause->until_ms;
}

/* The worker's pause is longer with each failure. Room is made by forgetting what ends first. */
void lt_class_pause(lt_core *core, uint32_t class_id, uint32_t index)
{
    lt_worker *worker = &core->workers[index];
    lt_pause *pause = pause_of(worker, class_id);
    if (!pause) {
        pause = &worker->pauses[0];
        for (int i = 1; i < LT_PAUSES_PER_WORKER; i++)
            if (pause->failures > 0 &&
                (worker->pauses[i].failures == 0 || worker->pauses[i].until_ms < pause->until_ms))
                pause = &worker->pauses[i];
        *pause = (lt_pause){.class_id = class_id};
    }
    const uint32_t doublings = pause->failures < 6 ? pause->failures : 6;
    pause->failures++;
    pause->until_ms = core->now_ms + ((uint64_t)core->options.class_pause_ms << doublings);
}

static void count_failure(lt_core *core, lt_class *class, uint32_t worker, uint32_t weight,
                          uint8_t reason)
{
    const uint64_t id = core->workers[worker].id;
    class->failures += weight;
    class->two_workers = class->two_workers || (class->blamed != 0 && class->blamed != id);
    class->blamed = id;
    const uint32_t most = 2 * core->options.class_failures_max;
    if (class->doom != 0 || class->failures < most)
        return;
    if (!class->two_workers && core->workers_present > 1 && class->failures < 2 * most)
        return;
    class->doom = reason;
    core->counters.class_given_up++;
    for (uint32_t job = 0; job < core->job_count; job++)
        for (uint32_t lane = 0; core->jobs[job].used && lane < core->jobs[job].lane_count; lane++)
            if (core->jobs[job].lanes[lane].class_id == class->class_id)
                lt_shard_requeue_lane(core, &core->jobs[job].lanes[lane]);
}

void lt_class_failed(lt_core *core, uint32_t class_id, uint32_t worker,
                     Lefttail__FailureReason reason)
{
    core->counters.class_failures++;
    lt_class_pause(core, class_id, worker);
    count_failure(core, lt_class_of(core, class_id), worker, 2, (uint8_t)reason);
}

void lt_class_died(lt_core *core, uint32_t class_id, uint32_t worker)
{
    lt_class *class = lt_class_of(core, class_id);
    if (!class->proven)
        count_failure(core, class, worker, 1, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED);
}

void lt_class_worked(lt_core *core, uint32_t class_id, uint32_t worker)
{
    lt_class *class = lt_class_of(core, class_id);
    class->failures = 0;
    class->two_workers = false;
    class->blamed = 0;
    class->proven = true;
    if (worker == LT_NONE)
        return;
    lt_pause *pause = pause_of(&core->workers[worker], class_id);
    if (pause)
        pause->failures = 0;
}
