/* The store: what is committed is there after a reopen, the first row wins, a second owner is
 * refused, a full disk loses nothing, a torn log loses only what was never acknowledged, damage is
 * named. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/file.h"
#include "common/row.h"
#include "common/wire.h"
#include "coordinator/store.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/lefttail-store-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return lt_dir_remove(folder, NULL);
}

static lt_store *open_store(void)
{
    lt_store *store = NULL;
    lt_error error = {0};
    if (lt_store_open(folder, &store, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    return store;
}

/* A row with two logits made from its item; `logits` (8 bytes) belongs to the caller. */
static Lefttail__Row scored_row(uint32_t item, float value, uint8_t logits[8])
{
    Lefttail__Row row;
    lefttail__row__init(&row);
    row.item = item;
    row.state = LEFTTAIL__ROW_STATE__ROW_SCORED;
    const float values[2] = {value, (float)item};
    lt_wire_put_floats(values, 2, logits);
    row.logits.data = logits;
    row.logits.len = 8;
    row.tokens = 10 + item;
    row.crc32c = lt_row_crc(&row);
    return row;
}

static Lefttail__Row failed_row(uint32_t item, Lefttail__FailureReason reason)
{
    Lefttail__Row row;
    lefttail__row__init(&row);
    row.item = item;
    row.state = LEFTTAIL__ROW_STATE__ROW_FAILED;
    row.reason = reason;
    row.detail = "a word about it";
    row.crc32c = lt_row_crc(&row);
    return row;
}

static lt_status put_scored(lt_store *store, uint32_t pack_id, uint32_t item, float value,
                            lt_store_put_outcome *outcome, lt_error *error)
{
    uint8_t logits[8];
    const Lefttail__Row row = scored_row(item, value, logits);
    return lt_store_put_row(store, 1, pack_id, &row, outcome, error);
}

struct tally {
    uint32_t count, last_item;
    bool ascending;
};

static bool tally_row(void *context, const Lefttail__Row *row)
{
    struct tally *tally = context;
    tally->ascending = tally->ascending && (tally->count == 0 || row->item > tally->last_item);
    tally->last_item = row->item;
    tally->count++;
    return true;
}

static uint32_t count_rows(lt_store *store, uint32_t pack_id)
{
    struct tally tally = {0, 0, true};
    lt_error error;
    assert_int_equal(lt_store_rows(store, 1, pack_id, 0, tally_row, &tally, &error), LT_OK);
    assert_true(tally.ascending);
    return tally.count;
}

static void committed_rows_survive_a_reopen(void **state)
{
    (void)state;
    lt_store *store = open_store();
    assert_int_equal(lt_store_epoch(store), 1);
    const lt_digest digest = lt_digest_of("pack", 4), class = lt_digest_of("class", 5);
    uint32_t pack_id, class_id, again;
    lt_error error;
    assert_int_equal(lt_store_pack_id(store, &digest, 9, &pack_id, &error), LT_OK);
    assert_int_equal(lt_store_class_id(store, &class, &class_id, &error), LT_OK);
    assert_int_equal(lt_store_pack_id(store, &digest, 8, &again, &error), LT_INPUT);
    lt_store_put_outcome outcome;
    for (uint32_t item = 5; item-- > 0;)
        assert_int_equal(put_scored(store, pack_id, item, 1.5f, &outcome, &error), LT_OK);
    assert_int_equal(lt_store_commit(store, &error), LT_OK);
    assert_int_equal(put_scored(store, pack_id, 7, 1.5f, &outcome, &error), LT_OK);
    lt_store_close(&store); /* item 7 was never committed */

    store = open_store();
    assert_int_equal(lt_store_epoch(store), 2);
    assert_int_equal(lt_store_pack_id(store, &digest, 9, &again, &error), LT_OK);
    assert_int_equal(again, pack_id);
    assert_int_equal(count_rows(store, pack_id), 5);
    assert_int_equal(count_rows(store, pack_id + 1), 0);
    lt_store_close(&store);
}

static void the_first_row_wins(void **state)
{
    (void)state;
    lt_store *store = open_store();
    lt_error error;
    lt_store_put_outcome outcome;
    assert_int_equal(put_scored(store, 1, 3, 0.25f, &outcome, &error), LT_OK);
    assert_int_equal(outcome, LT_STORE_NEW);
    assert_int_equal(put_scored(store, 1, 3, 0.25f, &outcome, &error), LT_OK);
    assert_int_equal(outcome, LT_STORE_SAME);
    assert_int_equal(put_scored(store, 1, 3, 0.5f, &outcome, &error), LT_OK);
    assert_int_equal(outcome, LT_STORE_DIFFERENT);
    Lefttail__Row row = failed_row(3, LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED);
    assert_int_equal(lt_store_put_row(store, 1, 1, &row, &outcome, &error), LT_OK);
    assert_int_equal(outcome, LT_STORE_LATE);
    row = failed_row(3, LEFTTAIL__FAILURE_REASON__FAILURE_TOO_LONG);
    assert_int_equal(lt_store_put_row(store, 1, 1, &row, &outcome, &error), LT_OK);
    assert_int_equal(outcome, LT_STORE_DIFFERENT);
    assert_int_equal(lt_store_commit(store, &error), LT_OK);
    assert_int_equal(count_rows(store, 1), 1);
    lt_store_close(&store);
}

static void a_second_owner_is_refused(void **state)
{
    (void)state;
    lt_store *store = open_store(), *second = NULL;
    lt_error error;
    assert_int_equal(lt_store_open(folder, &second, &error), LT_CONFLICT);
    assert_non_null(strstr(error.what, "another coordinator"));
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_non_null(strstr(error.what, pid));
    assert_null(second);
    lt_store_close(&store);
    store = open_store();
    lt_store_close(&store);
}

static uint64_t file_size(const char *name)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    lt_store *store = open_store();
    lt_error error;
    lt_store_put_outcome outcome;
    assert_int_equal(put_scored(store, 1, 0, 1, &outcome, &error), LT_OK);
    assert_int_equal(lt_store_commit(store, &error), LT_OK);

    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = file_size("lefttail.db-wal") + 6000; /* room for one page */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    lt_status status = LT_OK;
    for (uint32_t item = 1; item < 2000 && status == LT_OK; item++)
        status = put_scored(store, 1, item, 1, &outcome, &error);
    if (status == LT_OK)
        status = lt_store_commit(store, &error);
    assert_int_equal(status, LT_FULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);

    assert_int_equal(count_rows(store, 1), 1); /* rolled back, still readable */
    for (uint32_t item = 1; item < 2000; item++)
        assert_int_equal(put_scored(store, 1, item, 1, &outcome, &error), LT_OK);
    assert_int_equal(lt_store_commit(store, &error), LT_OK);
    lt_store_close(&store);
    store = open_store();
    assert_int_equal(count_rows(store, 1), 2000);
    lt_store_close(&store);
}

/* A child commits rows one by one, says so, and is killed: leaves a log as SIGKILL leaves it. */
static uint32_t killed_writer(uint32_t rows)
{
    int told[2];
    assert_int_equal(pipe(told), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        lt_store *store = NULL;
        lt_store_put_outcome outcome;
        if (lt_store_open(folder, &store, NULL) != LT_OK)
            _exit(1);
        for (uint32_t item = 0; item < rows; item++) {
            if (put_scored(store, 1, item, 2, &outcome, NULL) != LT_OK ||
                lt_store_commit(store, NULL) != LT_OK || write(told[1], "x", 1) != 1)
                _exit(1);
        }
        put_scored(store, 1, rows, 2, &outcome, NULL); /* open when it dies */
        kill(getpid(), SIGKILL);
    }
    close(told[1]);
    uint32_t acknowledged = 0;
    for (char c; read(told[0], &c, 1) == 1;)
        acknowledged++;
    close(told[0]);
    int how;
    waitpid(child, &how, 0);
    assert_true(WIFSIGNALED(how));
    return acknowledged;
}

static void a_killed_writer_keeps_its_word(void **state)
{
    (void)state;
    assert_int_equal(killed_writer(40), 40);
    assert_true(file_size("lefttail.db-wal") > 0);
    lt_store *store = open_store();
    assert_int_equal(count_rows(store, 1), 40);
    lt_store_close(&store);
}

static void a_torn_log_loses_only_its_tail(void **state)
{
    (void)state;
    killed_writer(20);
    char wal[128];
    snprintf(wal, sizeof wal, "%s/lefttail.db-wal", folder);
    lt_buf copy = {0};
    char db[128];
    snprintf(db, sizeof db, "%s/lefttail.db", folder);
    lt_buf database = {0};
    assert_int_equal(lt_file_read(wal, 64 << 20, &copy, NULL), LT_OK);
    assert_int_equal(lt_file_read(db, 64 << 20, &database, NULL), LT_OK);
    uint32_t rows_before = 20;
    for (size_t cut = 1; cut < 9000 && cut < copy.len; cut += 997) {
        assert_int_equal(lt_file_write(db, database.data, database.len, NULL), LT_OK);
        assert_int_equal(lt_file_write(wal, copy.data, copy.len - cut, NULL), LT_OK);
        lt_store *store = open_store();
        const uint32_t rows = count_rows(store, 1);
        assert_true(rows <= rows_before &&
                    rows + 4 >= 20); /* a row takes a page or two of the log */
        rows_before = rows;
        lt_store_close(&store);
    }
    lt_buf_fini(&copy);
    lt_buf_fini(&database);
}

static void flip_byte(const char *name, const char *needle, size_t needle_bytes)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    lt_buf bytes = {0};
    assert_int_equal(lt_file_read(path, 64 << 20, &bytes, NULL), LT_OK);
    char *at = memmem(bytes.data, bytes.len, needle, needle_bytes);
    assert_non_null(at);
    *at ^= 1;
    assert_int_equal(lt_file_write(path, bytes.data, bytes.len, NULL), LT_OK);
    lt_buf_fini(&bytes);
}

static void damage_is_named(void **state)
{
    (void)state;
    lt_store *store = open_store();
    lt_error error;
    lt_store_put_outcome outcome;
    assert_int_equal(put_scored(store, 1, 6, 123.25f, &outcome, &error), LT_OK);
    assert_int_equal(lt_store_commit(store, &error), LT_OK);
    lt_store_close(&store);

    const float logit = 123.25f;
    flip_byte("lefttail.db", (const char *)&logit, 4); /* inside a row: its checksum tells */
    store = open_store();
    struct tally tally = {0, 0, true};
    assert_int_equal(lt_store_rows(store, 1, 1, 0, tally_row, &tally, &error), LT_IO);
    assert_non_null(strstr(error.what, "item 6"));
    lt_store_close(&store);

    flip_byte("lefttail.db", "SQLite format", 13); /* the file itself */
    assert_int_equal(lt_store_open(folder, &store, &error), LT_IO);
    assert_non_null(strstr(error.where, "lefttail.db"));
    assert_non_null(strstr(error.what, "damaged"));
}

static void another_schema_is_refused(void **state)
{
    (void)state;
    lt_store *store = open_store();
    lt_store_close(&store);
    char path[128];
    snprintf(path, sizeof path, "%s/lefttail.db", folder);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE meta SET value = 99 WHERE key = 'schema'", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    lt_error error;
    assert_int_equal(lt_store_open(folder, &store, &error), LT_UNSUPPORTED);
    assert_non_null(strstr(error.what, "99"));
    assert_non_null(strstr(error.where, "lefttail.db"));
}

static void collect_job(void *context, const lt_store_job *job)
{
    lt_store_job **next = context;
    *(*next)++ = *job;
}

static void jobs_are_kept_in_order(void **state)
{
    (void)state;
    lt_store *store = open_store();
    lt_error error;
    lt_store_job job = {.id = "0123456789abcdef",
                        .name = "second",
                        .state = LEFTTAIL__JOB_STATE__JOB_RUNNING,
                        .submitted_wall_ms = 20,
                        .rows_known = 4};
    assert_int_equal(lt_store_put_job(store, &job, &error), LT_OK);
    strcpy(job.id, "fedcba9876543210");
    strcpy(job.name, "first");
    job.submitted_wall_ms = 10;
    assert_int_equal(lt_store_put_job(store, &job, &error), LT_OK);
    job.state = LEFTTAIL__JOB_STATE__JOB_DONE;
    job.ended_wall_ms = 30;
    assert_int_equal(lt_store_put_job(store, &job, &error), LT_OK);
    assert_int_equal(lt_store_commit(store, &error), LT_OK);
    lt_store_close(&store);
    store = open_store();
    lt_store_job jobs[4], *end = jobs;
    assert_int_equal(lt_store_jobs(store, collect_job, &end, &error), LT_OK);
    assert_int_equal(end - jobs, 2);
    assert_string_equal(jobs[0].name, "first");
    assert_int_equal(jobs[0].state, LEFTTAIL__JOB_STATE__JOB_DONE);
    assert_int_equal(jobs[0].ended_wall_ms, 30);
    assert_string_equal(jobs[1].name, "second");
    assert_int_equal(jobs[1].rows_known, 4);
    lt_store_close(&store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(committed_rows_survive_a_reopen),
        TEST(the_first_row_wins),
        TEST(a_second_owner_is_refused),
        TEST(a_full_disk_loses_nothing),
        TEST(a_killed_writer_keeps_its_word),
        TEST(a_torn_log_loses_only_its_tail),
        TEST(damage_is_named),
        TEST(another_schema_is_refused),
        TEST(jobs_are_kept_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
