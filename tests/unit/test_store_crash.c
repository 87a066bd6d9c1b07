/* The store on a disk that fails: every write, sync and truncation of a run is, in turn, the first
 * that fails, whole or torn, and all after it fail too. Opened again on a good disk, the store has
 * every row that was acknowledged, and every row it has is one that was put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/row.h"
#include "coordinator/store.h"

/* ---- a file system that breaks ---- */

struct brittle_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs brittle_vfs;
static unsigned long operations, break_at; /* the first operation that fails; 0: none */
static bool torn;

static bool breaks(void)
{
    operations++;
    return break_at != 0 && operations >= break_at;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct brittle_file *)file)->real;
}

static int brittle_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int brittle_read(sqlite3_file *file, void *out, int count, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), out, count, at);
}

static int brittle_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    if (!breaks())
        return real_of(file)->pMethods->xWrite(real_of(file), bytes, count, at);
    if (torn && operations == break_at)
        real_of(file)->pMethods->xWrite(real_of(file), bytes, count / 2, at);
    return SQLITE_IOERR_WRITE;
}

static int brittle_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return breaks() ? SQLITE_IOERR_TRUNCATE
                    : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int brittle_sync(sqlite3_file *file, int flags)
{
    return breaks() ? SQLITE_IOERR_FSYNC : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int brittle_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int brittle_lock(sqlite3_file *file, int kind)
{
    return real_of(file)->pMethods->xLock(real_of(file), kind);
}

static int brittle_unlock(sqlite3_file *file, int kind)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), kind);
}

static int brittle_check(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int brittle_control(sqlite3_file *file, int op, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int brittle_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int brittle_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

/* Version 1: no shared memory, which the store must not need. */
static const sqlite3_io_methods brittle_methods = {1,
                                                   brittle_close,
                                                   brittle_read,
                                                   brittle_write,
                                                   brittle_truncate,
                                                   brittle_sync,
                                                   brittle_size,
                                                   brittle_lock,
                                                   brittle_unlock,
                                                   brittle_check,
                                                   brittle_control,
                                                   brittle_sector,
                                                   brittle_traits};

static int brittle_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                        int *flags_out)
{
    (void)vfs;
    struct brittle_file *brittle = (struct brittle_file *)file;
    brittle->real = (sqlite3_file *)(brittle + 1);
    const int rc = real_vfs->xOpen(real_vfs, name, brittle->real, flags, flags_out);
    brittle->base.pMethods = rc == SQLITE_OK ? &brittle_methods : NULL;
    return rc;
}

static int install_brittle(void **state)
{
    (void)state;
    real_vfs = sqlite3_vfs_find(NULL);
    brittle_vfs = *real_vfs;
    brittle_vfs.zName = "brittle";
    brittle_vfs.szOsFile = (int)sizeof(struct brittle_file) + real_vfs->szOsFile;
    brittle_vfs.xOpen = brittle_open;
    return sqlite3_vfs_register(&brittle_vfs, 1);
}

/* ---- the run ---- */

enum { ROWS = 60, BATCH = 7 };

static void make_row(Lefttail__Row *row, uint32_t item, uint8_t logits[40])
{
    lefttail__row__init(row);
    memset(logits, (int)item + 1, 40);
    row->item = item;
    row->state = LEFTTAIL__ROW_STATE__ROW_SCORED;
    row->logits = (ProtobufCBinaryData){40, logits};
    row->tokens = item;
    row->crc32c = lt_row_crc(row);
}

/* Puts ROWS rows, a commit after every BATCH, until something fails; returns how many were
 * acknowledged. */
static uint32_t work(const char *folder)
{
    lt_store *store = NULL;
    uint32_t acknowledged = 0;
    if (lt_store_open(folder, &store, NULL) != LT_OK)
        return 0;
    for (uint32_t item = 0; item < ROWS; item++) {
        Lefttail__Row row;
        uint8_t logits[40];
        lt_store_put_outcome outcome;
        make_row(&row, item, logits);
        if (lt_store_put_row(store, 1, 1, &row, &outcome, NULL) != LT_OK)
            break;
        if ((item + 1) % BATCH != 0)
            continue;
        if (lt_store_commit(store, NULL) != LT_OK)
            break;
        acknowledged = item + 1;
    }
    lt_store_close(&store);
    return acknowledged;
}

static bool check_row(void *context, const Lefttail__Row *row)
{
    uint32_t *next = context;
    Lefttail__Row expected;
    uint8_t logits[40];
    make_row(&expected, row->item, logits);
    assert_int_equal(row->item, (*next)++); /* a prefix of what was put */
    assert_int_equal(row->crc32c, expected.crc32c);
    return true;
}

static void check_after(const char *folder, uint32_t acknowledged)
{
    lt_store *store = NULL;
    lt_error error = {0};
    uint32_t rows = 0;
    break_at = 0;
    if (lt_store_open(folder, &store, &error) != LT_OK)
        fail_msg("after operation %lu: %s: %s", operations, error.where, error.what);
    assert_int_equal(lt_store_rows(store, 1, 1, 0, check_row, &rows, &error), LT_OK);
    assert_true(rows >= acknowledged);
    lt_store_close(&store);
}

/* Every operation of the run fails once; returns how many there are. */
static unsigned long fail_at_each(void)
{
    unsigned long tried = 0;
    for (bool reached = true; reached; tried++) {
        char folder[] = "/tmp/lefttail-crash-XXXXXX";
        assert_non_null(mkdtemp(folder));
        operations = 0;
        break_at = tried + 1;
        const uint32_t acknowledged = work(folder);
        reached = operations >= break_at;
        check_after(folder, acknowledged);
        if (!reached)
            assert_int_equal(acknowledged, ROWS / BATCH * BATCH);
        lt_dir_remove(folder, NULL);
    }
    return tried;
}

static void every_operation_may_be_the_last(void **state)
{
    (void)state;
    torn = false;
    const unsigned long tried = fail_at_each();
    assert_true(tried > 30);
    torn = true;
    assert_int_equal(fail_at_each(), tried);
    printf("%lu operations, each failed whole and torn\n", tried);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_operation_may_be_the_last)};
    return cmocka_run_group_tests(tests, install_brittle, NULL);
}
