/* The coordinator's core, one promise a test. Everything in it under fire: tests/sim/test_core.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coordinator/core/core.h"

enum { JOB = 77, CLASS = 5, PACK = 9 };

typedef struct fixture {
    lt_core *core;
    lt_actions actions;
    uint64_t now_ms, ticket;
} fixture;

static fixture make(const lt_core_options *options)
{
    return (fixture){.core = lt_core_new(options), .now_ms = 1000};
}

static void drop(fixture *f)
{
    lt_core_free(&f->core);
    lt_actions_fini(&f->actions);
}

static void step(fixture *f, lt_event event)
{
    lt_core_step(f->core, &event, f->now_ms, &f->actions);
}

/* The n-th action of a kind in the last step; NULL if there are fewer. */
static const lt_action *nth(const fixture *f, lt_action_kind kind, size_t n)
{
    for (size_t i = 0; i < f->actions.count; i++)
        if (f->actions.list[i].kind == kind && n-- == 0)
            return &f->actions.list[i];
    return NULL;
}

static const lt_action *must(const fixture *f, lt_action_kind kind)
{
    const lt_action *action = nth(f, kind, 0);
    assert_non_null(action);
    assert_null(nth(f, kind, 1));
    return action;
}

static void add_job(fixture *f, uint64_t job, uint32_t class_id, uint32_t pack_id, uint32_t items)
{
    const lt_core_unit unit = {class_id, pack_id, items, 0, 0};
    assert_int_equal(lt_core_add_job(f->core, job, 0, &unit, 1, NULL), LT_OK);
    step(f, (lt_event){.kind = LT_EVENT_JOB_READY, .job.id = job});
}

static void join(fixture *f, uint64_t worker, uint32_t credits)
{
    step(f, (lt_event){.kind = LT_EVENT_WORKER_JOINED, .worker = worker});
    step(f, (lt_event){.kind = LT_EVENT_CREDIT, .worker = worker, .credit.leases = credits});
}

static void send_rows(fixture *f, const lt_action *lease, uint64_t worker, uint32_t first,
                      uint32_t count, bool trusted)
{
    lt_event_row rows[64];
    for (uint32_t i = 0; i < count; i++)
        rows[i] = (lt_event_row){.item = first + i};
    step(f, (lt_event){.kind = LT_EVENT_RESULTS,
                       .worker = worker,
                       .results = {.lease = {lease->lease.id, lease->lease.epoch, trusted},
                                   .sequence = first + 1,
                                   .class_id = lease->lease.class_id,
                                   .pack_id = lease->lease.pack_id,
                                   .rows = rows,
                                   .row_count = count}});
    const lt_action *record = nth(f, LT_ACTION_RECORD, 0);
    if (record)
        f->ticket = record->record.ticket;
}

static void commit(fixture *f)
{
    step(f, (lt_event){.kind = LT_EVENT_COMMITTED, .committed.ticket = f->ticket});
}

static void engine_died(fixture *f, const lt_action *lease, uint64_t worker, int item)
{
    step(f, (lt_event){.kind = LT_EVENT_FAILURE,
                       .worker = worker,
                       .failure = {.lease = {lease->lease.id, lease->lease.epoch, true},
                                   .reason = LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED,
                                   .item_known = item >= 0,
                                   .item = (uint32_t)item}});
}

/* ---- the straight way ---- */

static void rows_are_acknowledged_after_the_commit(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){.epoch = 3});
    add_job(&f, JOB, CLASS, PACK, 8);
    join(&f, 1, 1);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    assert_int_equal(lease.lease.id >> 40, 3);
    assert_int_equal(lease.lease.item_count, 8);
    send_rows(&f, &lease, 1, 0, 8, true);
    assert_int_equal(must(&f, LT_ACTION_RECORD)->record.count, 8);
    assert_null(nth(&f, LT_ACTION_ACK, 0));
    commit(&f);
    assert_int_equal(must(&f, LT_ACTION_ACK)->ack.id, lease.lease.id);
    assert_int_equal(must(&f, LT_ACTION_JOB_DONE)->job.facts.rows_scored, 8);
    assert_null(nth(&f, LT_ACTION_REVOKE, 0));
    lt_core_job_facts facts;
    assert_false(lt_core_job(f.core, JOB, f.now_ms, &facts));
    drop(&f);
}

static void a_row_counts_once(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    add_job(&f, JOB, CLASS, PACK, 8);
    join(&f, 1, 1);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    send_rows(&f, &lease, 1, 0, 4, true);
    send_rows(&f, &lease, 1, 0, 4, true);
    assert_null(nth(&f, LT_ACTION_RECORD, 0));
    commit(&f);
    assert_non_null(nth(&f, LT_ACTION_ACK, 1)); /* both, now that the rows are durable */
    send_rows(&f, &lease, 1, 2, 4, true);
    assert_int_equal(must(&f, LT_ACTION_RECORD)->record.count, 2);
    assert_int_equal(f.actions.indices[must(&f, LT_ACTION_RECORD)->record.first_index], 2);
    assert_int_equal(lt_core_counters_of(f.core)->duplicates, 6);
    drop(&f);
}

static void known_rows_are_not_asked_for(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    const lt_core_unit unit = {CLASS, PACK, 10, 2, 4};
    assert_int_equal(lt_core_add_job(f.core, JOB, 0, &unit, 1, NULL), LT_OK);
    assert_int_equal(lt_core_add_job(f.core, JOB, 0, &unit, 1, NULL), LT_CONFLICT);
    assert_true(lt_core_add_row(f.core, CLASS, PACK, 0, false));
    assert_true(lt_core_add_row(f.core, CLASS, PACK, 9, true));
    assert_false(lt_core_add_row(f.core, CLASS, PACK, 10, false));
    assert_false(lt_core_add_row(f.core, CLASS, PACK + 1, 0, false));
    join(&f, 1, 1);
    assert_int_equal(f.actions.count, 0); /* the job is not ready */
    step(&f, (lt_event){.kind = LT_EVENT_JOB_READY, .job.id = JOB});
    const lt_action *lease = must(&f, LT_ACTION_LEASE);
    assert_int_equal(lease->lease.scorer_index, 2);
    assert_int_equal(lease->lease.pack_index, 4);
    uint8_t done[2];
    lt_core_done_bits(f.core, CLASS, PACK, 0, 10, done);
    assert_int_equal(done[0], 1);
    assert_int_equal(done[1], 2);
    lt_core_job_facts facts;
    assert_true(lt_core_job(f.core, JOB, f.now_ms, &facts));
    assert_int_equal(facts.rows_known, 2);
    assert_int_equal(facts.rows_failed, 1);
    drop(&f);
}

static void two_jobs_share_their_work(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    add_job(&f, JOB, CLASS, PACK, 4);
    add_job(&f, JOB + 1, CLASS, PACK, 4);
    join(&f, 1, 8);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    step(&f, (lt_event){.kind = LT_EVENT_JOB_CANCEL, .job.id = JOB});
    assert_null(nth(&f, LT_ACTION_REVOKE, 0)); /* the other job wants it */
    must(&f, LT_ACTION_JOB_CANCELLED);
    send_rows(&f, &lease, 1, 0, 4, true);
    commit(&f);
    assert_int_equal(must(&f, LT_ACTION_JOB_DONE)->job.id, JOB + 1);
    drop(&f);
}

static void a_cancelled_job_takes_its_leases_back(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    add_job(&f, JOB, CLASS, PACK, 4);
    join(&f, 1, 1);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    step(&f, (lt_event){.kind = LT_EVENT_JOB_CANCEL, .job.id = JOB});
    assert_int_equal(must(&f, LT_ACTION_REVOKE)->revoke.reason, LT_REVOKE_CANCELLED);
    send_rows(&f, &lease, 1, 0, 4,
              true); /* too late, and nobody wants them: the worker need not keep them */
    assert_null(nth(&f, LT_ACTION_RECORD, 0));
    must(&f, LT_ACTION_ACK);
    drop(&f);
}

/* ---- workers that go, hang, come late ---- */

static void a_silent_worker_loses_its_leases(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){.worker_timeout_ms = 5000});
    add_job(&f, JOB, CLASS, PACK, 4);
    join(&f, 1, 1);
    const lt_action old = *must(&f, LT_ACTION_LEASE);
    join(&f, 2, 1);
    for (int i = 0; i < 5; i++) {
        f.now_ms = lt_core_next_due_ms(f.core);
        step(&f, (lt_event){.kind = LT_EVENT_WORKER_ALIVE, .worker = 2});
        step(&f, (lt_event){.kind = LT_EVENT_TICK});
    }
    assert_int_equal(must(&f, LT_ACTION_WORKER_LOST)->worker, 1);
    const lt_action again = *must(&f, LT_ACTION_LEASE);
    assert_int_equal(again.worker, 2);
    assert_int_equal(again.lease.epoch, old.lease.epoch + 1);
    /* The first one was only asleep. Its rows are as good as any; the other one need not go on. */
    join(&f, 1, 1);
    send_rows(&f, &old, 1, 0, 4, true);
    must(&f, LT_ACTION_RECORD);
    commit(&f);
    assert_int_equal(must(&f, LT_ACTION_REVOKE)->worker, 2);
    assert_int_equal(must(&f, LT_ACTION_REVOKE)->revoke.reason, LT_REVOKE_RECORDED);
    must(&f, LT_ACTION_JOB_DONE);
    assert_int_equal(lt_core_counters_of(f.core)->rows_stale, 4);
    drop(&f);
}

static void progress_must_move(void **state)
{
    (void)state;
    fixture f =
        make(&(lt_core_options){.lease_ms = 2000, .load_ms = 1000, .worker_timeout_ms = 60000});
    add_job(&f, JOB, CLASS, PACK, 4);
    join(&f, 1, 1);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    lt_event progress = {.kind = LT_EVENT_PROGRESS,
                         .worker = 1,
                         .progress = {.lease = {lease.lease.id, lease.lease.epoch, true},
                                      .items_done = 1,
                                      .engine_steps = 1}};
    for (int i = 0; i < 20; i++) {
        f.now_ms += 500;
        progress.progress.engine_steps += i < 10;
        step(&f, progress);
        step(&f, (lt_event){.kind = LT_EVENT_TICK});
        assert_true((nth(&f, LT_ACTION_REVOKE, 0) != NULL) ==
                    (i == 13)); /* 4 x 500 ms after the tenth */
        if (i == 13)
            break;
    }
    assert_int_equal(must(&f, LT_ACTION_REVOKE)->revoke.reason, LT_REVOKE_EXPIRED);
    step(&f, progress); /* of a lease that is over */
    assert_int_equal(must(&f, LT_ACTION_REVOKE)->revoke.reason, LT_REVOKE_UNKNOWN);
    drop(&f);
}

static void a_coordinator_that_stood_still_blames_nobody(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    add_job(&f, JOB, CLASS, PACK, 4);
    join(&f, 1, 1);
    f.now_ms += 3600 * 1000;
    step(&f, (lt_event){.kind = LT_EVENT_TICK});
    assert_int_equal(f.actions.count, 0);
    assert_int_equal(lt_core_counters_of(f.core)->stalls, 1);
    drop(&f);
}

static void a_worker_that_joins_again_keeps_its_leases(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    add_job(&f, JOB, CLASS, PACK, 4);
    join(&f, 1, 1);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    step(&f, (lt_event){.kind = LT_EVENT_WORKER_JOINED, .worker = 1});
    assert_int_equal(must(&f, LT_ACTION_LEASE)->lease.id, lease.lease.id);
    assert_true(must(&f, LT_ACTION_LEASE)->lease.again);
    step(&f, (lt_event){.kind = LT_EVENT_WORKER_LEFT, .worker = 1, .left.bye = true});
    join(&f, 2, 1);
    assert_int_not_equal(must(&f, LT_ACTION_LEASE)->lease.id, lease.lease.id);
    drop(&f);
}

static void rows_of_an_earlier_life_count(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){.epoch = 2});
    add_job(&f, JOB, CLASS, PACK, 4);
    join(&f, 1, 1);
    lt_action old = *must(&f, LT_ACTION_LEASE);
    old.lease.id = UINT64_C(1) << 40 | 7; /* of epoch 1 */
    send_rows(&f, &old, 1, 0, 2, true);
    assert_int_equal(must(&f, LT_ACTION_RECORD)->record.count, 2);
    assert_int_equal(must(&f, LT_ACTION_REVOKE)->revoke.id, old.lease.id);
    send_rows(&f, &old, 1, 2, 2, false); /* with somebody else's token they do not */
    assert_null(nth(&f, LT_ACTION_RECORD, 0));
    assert_int_equal(lt_core_counters_of(f.core)->batches_untrusted, 1);
    drop(&f);
}

static void items_that_do_not_exist_end_the_session(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    add_job(&f, JOB, CLASS, PACK, 4);
    join(&f, 1, 1);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    send_rows(&f, &lease, 1, 2, 3, true);
    assert_int_equal(must(&f, LT_ACTION_REFUSE)->worker, 1);
    assert_null(nth(&f, LT_ACTION_RECORD, 0));
    assert_int_equal(lt_core_totals_of(f.core).workers, 0);
    drop(&f);
}

/* ---- texts that kill ---- */

/* Workers take turns until the job is done; the text `poison` kills every engine. Returns the
 * deaths. */
static int play(fixture *f, int poison, bool named, const uint64_t *workers, size_t worker_count)
{
    int deaths = 0;
    lt_action given[64];
    size_t waiting = 0;
    for (size_t w = 0; w < worker_count; w++) {
        join(f, workers[w], 1);
        for (size_t i = 0; nth(f, LT_ACTION_LEASE, i); i++)
            given[waiting++] = *nth(f, LT_ACTION_LEASE, i);
    }
    for (int round = 0; round < 200; round++) {
        if (waiting > 0) {
            const lt_action lease = given[--waiting];
            const int offset = poison - (int)lease.lease.first_item;
            const bool dies = offset >= 0 && offset < (int)lease.lease.item_count;
            deaths += dies;
            if (dies)
                engine_died(f, &lease, lease.worker, named ? poison : -1);
            else
                send_rows(f, &lease, lease.worker, lease.lease.first_item, lease.lease.item_count,
                          true);
        } else {
            f->now_ms += 1000;
            for (size_t w = 0; w < worker_count; w++)
                step(f, (lt_event){.kind = LT_EVENT_WORKER_ALIVE, .worker = workers[w]});
            step(f, (lt_event){.kind = LT_EVENT_TICK});
        }
        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; nth(f, LT_ACTION_LEASE, i); i++)
                given[waiting++] = *nth(f, LT_ACTION_LEASE, i);
            if (nth(f, LT_ACTION_RECORD_FAILURE, 0)) {
                assert_int_equal(must(f, LT_ACTION_RECORD_FAILURE)->failure.item, poison);
                f->ticket = must(f, LT_ACTION_RECORD_FAILURE)->failure.ticket;
            }
            if (pass == 0)
                commit(f);
        }
        if (nth(f, LT_ACTION_JOB_DONE, 0)) {
            assert_int_equal(must(f, LT_ACTION_JOB_DONE)->job.facts.rows_failed, 1);
            assert_int_equal(must(f, LT_ACTION_JOB_DONE)->job.facts.rows_scored, 63);
            return deaths;
        }
    }
    fail_msg("the job did not end");
    return -1;
}

static void a_poison_is_cornered(void **state)
{
    (void)state;
    static const uint64_t workers[] = {1, 2};
    for (int poison = 0; poison < 64; poison += 21) {
        fixture f = make(&(lt_core_options){0});
        add_job(&f, JOB, CLASS, PACK, 64);
        assert_int_equal(play(&f, poison, true, workers, 2), 3);
        drop(&f);
        f = make(&(lt_core_options){0});
        add_job(&f, JOB, CLASS, PACK, 64);
        assert_in_range(play(&f, poison, false, workers, 2), 3, 10); /* 2 + log2(64) + 2 */
        drop(&f);
        f = make(&(lt_core_options){0});
        add_job(&f, JOB, CLASS, PACK, 64);
        assert_int_equal(play(&f, poison, true, workers, 1), 3); /* alone, it is believed */
        drop(&f);
    }
}

/* Rows that the store has not committed yet may fall back; they are not part of what is given up.
 */
static void only_the_poison_is_given_up(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){.attempts_max = 1});
    add_job(&f, JOB, CLASS, PACK, 4);
    join(&f, 1, 1);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    send_rows(&f, &lease, 1, 0, 3, true);
    engine_died(&f, &lease, 1, -1);
    assert_int_equal(must(&f, LT_ACTION_RECORD_FAILURE)->failure.item, 3);
    step(&f, (lt_event){.kind = LT_EVENT_STORE_BLOCKED});
    step(&f, (lt_event){.kind = LT_EVENT_STORE_OK});
    assert_int_equal(must(&f, LT_ACTION_RECORD_FAILURE)->failure.item, 3);
    step(&f, (lt_event){.kind = LT_EVENT_WORKER_JOINED, .worker = 1});
    assert_int_equal(must(&f, LT_ACTION_LEASE)->lease.item_count, 3);
    drop(&f);
}

static void a_checkpoint_that_nobody_can_load_ends_the_job(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){.class_failures_max = 3, .class_pause_ms = 100});
    add_job(&f, JOB, CLASS, PACK, 5);
    join(&f, 1, 1);
    int failures = 0;
    for (int i = 0; i < 100 && !nth(&f, LT_ACTION_RECORD_FAILURE, 0); i++) {
        const lt_action *lease = nth(&f, LT_ACTION_LEASE, 0);
        if (lease) {
            failures++;
            step(&f,
                 (lt_event){.kind = LT_EVENT_FAILURE,
                            .worker = 1,
                            .failure = {.lease = {lease->lease.id, lease->lease.epoch, true},
                                        .reason = LEFTTAIL__FAILURE_REASON__FAILURE_CHECKPOINT}});
        } else {
            f.now_ms += 500;
            step(&f, (lt_event){.kind = LT_EVENT_WORKER_ALIVE, .worker = 1});
        }
    }
    assert_int_equal(failures, 3);
    const lt_action *last = nth(&f, LT_ACTION_RECORD_FAILURE, 4);
    assert_non_null(last);
    assert_int_equal(last->failure.reason, LEFTTAIL__FAILURE_REASON__FAILURE_CHECKPOINT);
    f.ticket = last->failure.ticket;
    commit(&f);
    assert_int_equal(must(&f, LT_ACTION_JOB_DONE)->job.facts.rows_failed, 5);
    drop(&f);
}

/* ---- the store ---- */

static void a_full_disk_stops_leases_and_acks(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    const lt_core_unit units[] = {{CLASS, PACK, 4, 0, 0}, {CLASS, PACK + 1, 4, 0, 1}};
    assert_int_equal(lt_core_add_job(f.core, JOB, 0, units, 2, NULL), LT_OK);
    step(&f, (lt_event){.kind = LT_EVENT_JOB_READY, .job.id = JOB});
    join(&f, 1, 1);
    const lt_action lease = *must(&f, LT_ACTION_LEASE);
    send_rows(&f, &lease, 1, 0, 4, true);
    step(&f, (lt_event){.kind = LT_EVENT_STORE_BLOCKED});
    assert_int_equal(f.actions.count, 0);
    assert_int_equal(lt_core_totals_of(f.core).rows_inflight, 0);
    send_rows(&f, &lease, 1, 0, 4, true);
    assert_int_equal(f.actions.count, 0);
    step(&f, (lt_event){.kind = LT_EVENT_STORE_OK});
    assert_int_equal(must(&f, LT_ACTION_RESYNC)->worker, 1);
    step(&f, (lt_event){.kind = LT_EVENT_WORKER_JOINED, .worker = 1});
    assert_true(must(&f, LT_ACTION_LEASE)->lease.again);
    send_rows(&f, &lease, 1, 0, 4, true);
    commit(&f);
    must(&f, LT_ACTION_ACK);
    assert_int_equal(must(&f, LT_ACTION_LEASE)->lease.pack_id, PACK + 1);
    drop(&f);
}

/* ---- who gets what ---- */

static void workers_stay_with_their_checkpoint_and_spread(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){0});
    lt_core_unit units[40];
    for (uint32_t i = 0; i < 40; i++)
        units[i] = (lt_core_unit){CLASS + i / 20, PACK + i % 20, 4, i / 20, i % 20};
    assert_int_equal(lt_core_add_job(f.core, JOB, 0, units, 40, NULL), LT_OK);
    step(&f, (lt_event){.kind = LT_EVENT_JOB_READY, .job.id = JOB});
    join(&f, 1, 1);
    lt_action first = *must(&f, LT_ACTION_LEASE);
    join(&f, 2, 1);
    lt_action second = *must(&f, LT_ACTION_LEASE);
    assert_int_not_equal(first.lease.class_id, second.lease.class_id);
    for (int i = 0; i < 19; i++) {
        send_rows(&f, &first, 1, 0, 4, true);
        commit(&f);
        const lt_action next = *must(&f, LT_ACTION_LEASE);
        assert_int_equal(next.lease.class_id, first.lease.class_id);
        first = next;
    }
    send_rows(&f, &first, 1, 0, 4, true);
    commit(&f);
    assert_int_equal(must(&f, LT_ACTION_LEASE)->lease.class_id,
                     second.lease.class_id); /* helps with the rest */
    drop(&f);
}

static void jobs_take_turns(void **state)
{
    (void)state;
    fixture f = make(&(lt_core_options){.turn_ms = 10000, .worker_timeout_ms = 3600000});
    lt_core_unit units[50];
    for (uint32_t job = 0; job < 2; job++) {
        for (uint32_t i = 0; i < 50; i++)
            units[i] = (lt_core_unit){CLASS + job, PACK + i, 1, 0, i};
        assert_int_equal(lt_core_add_job(f.core, JOB + job, 0, units, 50, NULL), LT_OK);
        step(&f, (lt_event){.kind = LT_EVENT_JOB_READY, .job.id = JOB + job});
    }
    join(&f, 1, 1);
    int switches = 0, served[2] = {0};
    for (int i = 0; i < 99; i++) {
        const lt_action lease = *must(&f, LT_ACTION_LEASE);
        served[lease.lease.job - JOB]++;
        f.now_ms += 1000;
        send_rows(&f, &lease, 1, 0, 1, true);
        commit(&f);
        switches += must(&f, LT_ACTION_LEASE)->lease.job != lease.lease.job;
    }
    assert_in_range(switches, 8, 10); /* every ten seconds, not at every lease */
    assert_in_range(served[0], 45, 50);
    drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_acknowledged_after_the_commit),
        cmocka_unit_test(a_row_counts_once),
        cmocka_unit_test(known_rows_are_not_asked_for),
        cmocka_unit_test(two_jobs_share_their_work),
        cmocka_unit_test(a_cancelled_job_takes_its_leases_back),
        cmocka_unit_test(a_silent_worker_loses_its_leases),
        cmocka_unit_test(progress_must_move),
        cmocka_unit_test(a_coordinator_that_stood_still_blames_nobody),
        cmocka_unit_test(a_worker_that_joins_again_keeps_its_leases),
        cmocka_unit_test(rows_of_an_earlier_life_count),
        cmocka_unit_test(items_that_do_not_exist_end_the_session),
        cmocka_unit_test(a_poison_is_cornered),
        cmocka_unit_test(only_the_poison_is_given_up),
        cmocka_unit_test(a_checkpoint_that_nobody_can_load_ends_the_job),
        cmocka_unit_test(a_full_disk_stops_leases_and_acks),
        cmocka_unit_test(workers_stay_with_their_checkpoint_and_spread),
        cmocka_unit_test(jobs_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
