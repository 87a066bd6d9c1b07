/* A real worker against a coordinator that misbehaves, and with an engine that does. */
#include "tests/faults/worker_world.h"

static void a_lease_is_scored_and_bye_is_said(void **state)
{
    (void)state;
    world w;
    start(&w);
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 1);
    assert_int_equal(w.credit, 2);
    send_lease(&w, 1);
    EXPECT_SOON(&w, all_rows(&w));
    assert_int_equal(w.failures, 0);
    const unsigned seen = w.progresses;
    EXPECT_SOON(&w, w.progresses > seen + 2); /* an idle worker shows that it lives */
    uv_process_kill(&w.worker, SIGTERM);
    EXPECT_SOON(&w, !w.worker_runs);
    EXPECT_SOON(&w, w.byes == 1);
    assert_int_equal(w.exit_code, 0);
    assert_int_equal(w.credit, 0);
    stop(&w);
}

static void files_are_fetched_and_then_cached(void **state)
{
    (void)state;
    world w;
    start(&w);
    set_path(&w, "/nonexistent");
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, all_rows(&w));
    const unsigned gets = w.blob_gets;
    assert_true(gets > 10);
    send_lease(&w, 2);
    EXPECT_SOON(&w, w.rows_seen[0] == 2 && w.rows_seen[ITEMS - 1] == 2);
    assert_int_equal(w.blob_gets, gets + 1); /* the pack alone */
    stop(&w);
}

/* A download that broke off goes on where it stopped, in another process. */
static void a_download_is_resumed(void **state)
{
    (void)state;
    world w;
    start(&w);
    set_path(&w, "");
    w.bytes_served_max = 9 << 20;
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, w.bytes_served >= w.bytes_served_max);
    RUN_UNTIL(&w, 300, false);
    uv_process_kill(&w.worker, SIGKILL);
    EXPECT_SOON(&w, !w.worker_runs);
    const uint64_t before = w.bytes_served;
    w.bytes_served_max = 0;
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 2);
    send_lease(&w, 2);
    EXPECT_SOON(&w, all_rows(&w));
    uint64_t whole = 0;
    for (size_t i = 0; i < w.checkpoint->n_files; i++)
        whole += w.checkpoint->files[i]->bytes;
    assert_int_equal(w.bytes_served, whole); /* not a byte twice */
    assert_true(before >= 9 << 20);
    stop(&w);
}

static void a_corrupt_cache_file_is_fetched_again(void **state)
{
    (void)state;
    world w;
    start(&w);
    set_path(&w, "");
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, all_rows(&w));
    char hex[LT_DIGEST_HEX_BYTES], path[256];
    lt_digest digest;
    for (size_t i = 0; i < w.checkpoint->n_files; i++)
        if (strcmp(w.checkpoint->files[i]->name, "model.safetensors") == 0)
            lt_digest_from_bytes(w.checkpoint->files[i]->digest.data, LT_DIGEST_BYTES, &digest);
    snprintf(path, sizeof path, "%s/cache/blobs/%s", w.dir, lt_digest_hex(&digest, hex));
    assert_int_equal(truncate(path, 1000), 0);
    const unsigned gets = w.blob_gets;
    kill_engine(&w); /* it had the weights in memory */
    send_lease(&w, 2);
    EXPECT_SOON(&w, w.rows_seen[0] == 2 && w.rows_seen[ITEMS - 1] == 2);
    assert_true(w.blob_gets > gets + 5);
    stop(&w);
}

static void chunks_that_stay_wrong_fail_the_lease(void **state)
{
    (void)state;
    world w;
    start(&w);
    set_path(&w, "");
    w.corrupt_chunks = true;
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, w.failures == 1);
    assert_int_equal(w.reason, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB);
    stop(&w);
}

/* The path is there, and its config is not the one that the job was submitted with. */
static void another_file_at_the_path_is_not_used(void **state)
{
    (void)state;
    world w;
    start(&w);
    char dir[128], path[256];
    snprintf(dir, sizeof dir, "%s/other", w.dir);
    assert_int_equal(lt_dir_make(dir, NULL), LT_OK);
    for (size_t i = 0; i < w.checkpoint->n_files; i++) {
        lt_buf bytes = {0};
        snprintf(path, sizeof path, CHECKPOINT_DIR "/%s", w.checkpoint->files[i]->name);
        assert_int_equal(lt_file_read(path, 64 << 20, &bytes, NULL), LT_OK);
        if (strcmp(w.checkpoint->files[i]->name, "model.safetensors") == 0)
            bytes.data[bytes.len - 10] ^= 1;
        snprintf(path, sizeof path, "%s/%s", dir, w.checkpoint->files[i]->name);
        assert_int_equal(lt_file_write(path, bytes.data, bytes.len, NULL), LT_OK);
        lt_buf_fini(&bytes);
    }
    set_path(&w, dir);
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, all_rows(&w));
    assert_true(w.bytes_served > 17000000);
    stop(&w);
}

/* Loaded is loaded: files that vanish afterwards cost nothing while the engine lives; for a new one
 * they are fetched. */
static void files_that_vanish_after_the_load_cost_nothing(void **state)
{
    (void)state;
    world w;
    start(&w);
    char dir[128], command[512];
    snprintf(dir, sizeof dir, "%s/copy", w.dir);
    snprintf(command, sizeof command, "cp -r '%s' '%s'", CHECKPOINT_DIR, dir);
    assert_int_equal(system(command), 0);
    set_path(&w, dir);
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, all_rows(&w));
    assert_int_equal(lt_dir_remove(dir, NULL), LT_OK);
    send_lease(&w, 2);
    EXPECT_SOON(&w, w.rows_seen[0] == 2 && w.rows_seen[ITEMS - 1] == 2);
    assert_int_equal(w.bytes_served, 0);
    kill_engine(&w);
    send_lease(&w, 3);
    EXPECT_SOON(&w, w.rows_seen[0] == 3 && w.rows_seen[ITEMS - 1] == 3);
    assert_true(w.bytes_served > 17000000); /* the new engine's files came from the coordinator */
    stop(&w);
}

static void rows_are_kept_until_they_are_acknowledged(void **state)
{
    (void)state;
    world w;
    start(&w);
    w.no_acks = true;
    start_worker(&w);
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, all_rows(&w));
    const unsigned results = w.results;
    w.forget_peer = true; /* as after a restart */
    w.epoch = 2;
    w.no_acks = false;
    EXPECT_SOON(&w, w.hellos == 2 && w.rows_seen[0] == 2 && w.rows_seen[ITEMS - 1] == 2);
    assert_int_equal(w.results, 2 * results);
    w.forget_peer = true;
    w.epoch = 3;
    EXPECT_SOON(&w, w.hellos == 3);
    RUN_UNTIL(&w, 300, false);
    assert_int_equal(w.rows_seen[0], 2); /* acknowledged: not sent again */
    stop(&w);
}

static void the_text_that_kills_the_engine_is_named(void **state)
{
    (void)state;
    world w;
    start(&w);
    setenv("LEFTTAIL_TEST_ENGINE_CRASH", "POISON", 1);
    start_worker(&w);
    unsetenv("LEFTTAIL_TEST_ENGINE_CRASH");
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, w.failures == 1);
    assert_int_equal(w.reason, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED);
    assert_true(w.item_known);
    assert_int_equal(w.item, 2);
    assert_non_null(strstr(w.detail, "signal 6"));
    assert_true(w.worker_runs);
    assert_int_equal(w.hellos, 1); /* the worker lives on, with the same session */
    for (int i = 0; i < 2; i++)
        assert_int_equal(w.rows_seen[i], 1); /* what was scored before it came */
    stop(&w);
}

static void an_engine_that_hangs_is_killed_and_its_text_named(void **state)
{
    (void)state;
    world w;
    start(&w);
    w.lease_ms = 600;
    setenv("LEFTTAIL_TEST_ENGINE_HANG", "POISON", 1);
    start_worker(&w);
    unsetenv("LEFTTAIL_TEST_ENGINE_HANG");
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, w.failures == 1);
    assert_true(w.item_known);
    assert_int_equal(w.item, 2);
    assert_non_null(strstr(w.detail, "no step"));
    stop(&w);
}

/* A hung engine does not count steps, so the coordinator sees it; Revoke frees the worker. */
static void a_revoked_lease_frees_a_hung_engine(void **state)
{
    (void)state;
    world w;
    start(&w);
    setenv("LEFTTAIL_TEST_ENGINE_HANG", "POISON", 1);
    start_worker(&w);
    unsetenv("LEFTTAIL_TEST_ENGINE_HANG");
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, w.rows_seen[0] && w.rows_seen[1]);
    RUN_UNTIL(&w, 1500, false); /* the last sign of what was computed is under way for a while */
    const unsigned beats = w.progresses;
    const uint64_t steps = w.engine_steps;
    EXPECT_SOON(&w, w.progresses > beats + 3);
    assert_int_equal(w.engine_steps, steps);
    Lefttail__Revoke revoke = LEFTTAIL__REVOKE__INIT;
    revoke.lease = 1;
    revoke.epoch = 1;
    revoke.reason = "no progress until the lease was over";
    send_body(&w, LEFTTAIL__MESSAGE__BODY_REVOKE, &revoke);
    send_lease(&w, 2);
    EXPECT_SOON(&w, w.rows_seen[0] == 2 && w.rows_seen[1] == 2); /* by a new engine */
    assert_int_equal(w.failures, 0);
    stop(&w);
}

static void a_killed_engine_costs_nothing_but_time(void **state)
{
    (void)state;
    world w;
    start(&w);
    setenv("LEFTTAIL_TEST_SLOW_MS", "150", 1);
    start_worker(&w);
    unsetenv("LEFTTAIL_TEST_SLOW_MS");
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, w.rows_seen[0]);
    kill_engine(&w);
    EXPECT_SOON(&w, all_rows(&w));
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(w.rows_seen[i], 1);
    assert_int_equal(w.failures, 0);
    stop(&w);
}

static void sigterm_finishes_the_lease_in_work(void **state)
{
    (void)state;
    world w;
    start(&w);
    setenv("LEFTTAIL_TEST_SLOW_MS", "100", 1);
    start_worker(&w);
    unsetenv("LEFTTAIL_TEST_SLOW_MS");
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    send_lease(&w, 2);
    EXPECT_SOON(&w, w.rows_seen[0]);
    uv_process_kill(&w.worker, SIGTERM);
    EXPECT_SOON(&w, !w.worker_runs);
    EXPECT_SOON(&w, w.byes == 1);
    assert_int_equal(w.exit_code, 0);
    assert_true(all_rows(&w));
    assert_int_equal(w.rows_seen[ITEMS - 1], 1); /* the second lease was not begun */
    stop(&w);
}

static void sigterm_returns_what_cannot_be_finished(void **state)
{
    (void)state;
    world w;
    start(&w);
    setenv("LEFTTAIL_TEST_SLOW_MS", "2000", 1);
    start_worker(&w);
    unsetenv("LEFTTAIL_TEST_SLOW_MS");
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    EXPECT_SOON(&w, w.rows_seen[0]);
    const uint64_t start_ms = lt_now_ms();
    uv_process_kill(&w.worker, SIGTERM);
    EXPECT_SOON(&w, !w.worker_runs);
    EXPECT_SOON(&w, w.byes == 1);
    assert_int_equal(w.exit_code, 0);
    assert_true(lt_now_ms() - start_ms <
                8000); /* 3 s of --stop-ms, 2 s of patience with the engine */
    assert_false(all_rows(&w));
    stop(&w);
}

static void a_second_sigterm_ends_it_at_once(void **state)
{
    (void)state;
    world w;
    start(&w);
    setenv("LEFTTAIL_TEST_ENGINE_HANG", "I", 1);
    start_worker(&w);
    unsetenv("LEFTTAIL_TEST_ENGINE_HANG");
    EXPECT_SOON(&w, w.credits == 1);
    send_lease(&w, 1);
    RUN_UNTIL(&w, 300, false);
    uv_process_kill(&w.worker, SIGTERM);
    RUN_UNTIL(&w, 200, false);
    assert_true(w.worker_runs);
    const uint64_t start_ms = lt_now_ms();
    uv_process_kill(&w.worker, SIGTERM);
    EXPECT_SOON(&w, !w.worker_runs);
    assert_true(lt_now_ms() - start_ms < 2000);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_is_scored_and_bye_is_said),
        cmocka_unit_test(files_are_fetched_and_then_cached),
        cmocka_unit_test(a_download_is_resumed),
        cmocka_unit_test(a_corrupt_cache_file_is_fetched_again),
        cmocka_unit_test(chunks_that_stay_wrong_fail_the_lease),
        cmocka_unit_test(another_file_at_the_path_is_not_used),
        cmocka_unit_test(files_that_vanish_after_the_load_cost_nothing),
        cmocka_unit_test(rows_are_kept_until_they_are_acknowledged),
        cmocka_unit_test(the_text_that_kills_the_engine_is_named),
        cmocka_unit_test(an_engine_that_hangs_is_killed_and_its_text_named),
        cmocka_unit_test(a_revoked_lease_frees_a_hung_engine),
        cmocka_unit_test(a_killed_engine_costs_nothing_but_time),
        cmocka_unit_test(sigterm_finishes_the_lease_in_work),
        cmocka_unit_test(sigterm_returns_what_cannot_be_finished),
        cmocka_unit_test(a_second_sigterm_ends_it_at_once),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!failed) /* a test that failed left its sockets open */
        lt_net_fini();
    return failed;
}
