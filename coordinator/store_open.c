/* One connection with locking_mode=EXCLUSIVE keeps the log's index in memory: no -shm file, and a
 * second process cannot read half of a state. The lock on DIR/lock comes first, because SQLite
 * takes its own only at the first access and says "busy" without a name.
 *
 * A transaction is opened by the first write and ends in commit or rollback. SQLite may roll back
 * by itself (no space, i/o error), so every failure path asks sqlite3_get_autocommit. */
#include "coordinator/store_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "common/version.h"

enum { LOCK_TRIES = 20, LOCK_WAIT_MS = 100 };
#define APPLICATION_ID 0x4c465454 /* "LFTT" in the file's header */

static const char *const statement_sql[] = {
#define X(name, sql) sql,
    LT_STATEMENT_LIST(X)
#undef X
};

static const char schema_sql[] =
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS class (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE);"
    "CREATE TABLE IF NOT EXISTS pack (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,"
    " items INTEGER NOT NULL, variants BLOB);"
    "CREATE TABLE IF NOT EXISTS row (class INTEGER NOT NULL, pack INTEGER NOT NULL,"
    " item INTEGER NOT NULL, state INTEGER NOT NULL, tokens INTEGER NOT NULL,"
    " tokens_cut INTEGER NOT NULL, flags INTEGER NOT NULL, reason INTEGER NOT NULL, logits BLOB,"
    " detail TEXT, crc INTEGER NOT NULL, PRIMARY KEY (class, pack, item)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS job (id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL,"
    " manifest BLOB NOT NULL, name TEXT NOT NULL, state INTEGER NOT NULL,"
    " submitted INTEGER NOT NULL, ended INTEGER NOT NULL, known INTEGER NOT NULL,"
    " priority INTEGER NOT NULL, status BLOB) WITHOUT ROWID;";

/* ---- errors ---------------------------------------------------------------------------- */

/* errno of the last failed system call on the database or its log; 0 if none. */
static int last_errno(sqlite3 *db)
{
    static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    for (int i = 0; db && i < 2; i++) {
        sqlite3_file *file = NULL;
        int number = 0;
        if (sqlite3_file_control(db, "main", files[i], &file) == SQLITE_OK && file &&
            file->pMethods &&
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK &&
            number != 0)
            return number;
    }
    return 0;
}

static lt_status status_of(int rc, int number)
{
    if (rc == SQLITE_NOMEM)
        return LT_MEMORY;
    const bool no_space = number == ENOSPC || number == EDQUOT || number == EFBIG;
    return rc == SQLITE_FULL || (rc == SQLITE_IOERR_WRITE && no_space) ? LT_FULL : LT_IO;
}

lt_status lt_store_fail(lt_store *store, int rc, const char *doing, lt_error *error)
{
    const int number = (rc & 0xff) == SQLITE_IOERR ? last_errno(store->db) : 0;
    const lt_status status = status_of(rc, number);
    if (status == LT_FULL)
        lt_remedy(error, lt_fail(error, status, store->path, "no space while %s", doing),
                  "free space; the work goes on by itself");
    else if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        lt_remedy(
            error,
            lt_fail(error, status, store->path, "is damaged (%s while %s)", sqlite3_errstr(rc),
                    doing),
            "put a copy back, or start with another --data folder: jobs can be submitted again");
    else
        lt_fail(error, status, store->path, "%s%s%s while %s", sqlite3_errstr(rc),
                number ? ": " : "", number ? strerror(number) : "", doing);
    lt_store_rollback(store);
    return status;
}

/* ---- opening --------------------------------------------------------------------------- */

/* Whose number is in the lock file; 0: none that can be read. */
static long lock_owner(int fd)
{
    char text[32] = "";
    const ssize_t got = pread(fd, text, sizeof text - 1, 0);
    return got > 0 ? strtol(text, NULL, 10) : 0;
}

/* A coordinator that was killed a moment ago may still hold it: the system is taking it down. */
static bool lock_wait(int fd)
{
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK || tries >= LOCK_TRIES || lock_owner(fd) == (long)getpid())
            return false;
        usleep(LOCK_WAIT_MS * 1000);
    }
    return true;
}

static void lock_sign(int fd)
{
    char text[32];
    const int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return; /* the number is for people; the lock itself holds */
}

static lt_status lock_take(const char *dir, int *fd_out, lt_error *error)
{
    char *path = lt_path_join(dir, "lock");
    lt_status status = LT_OK;
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        status = lt_fail_errno(error, path, "cannot open the lock");
    } else if (!lock_wait(fd)) {
        status =
            lt_remedy(error,
                      lt_fail(error, LT_CONFLICT, dir,
                              "another coordinator (process %ld) uses this folder", lock_owner(fd)),
                      "stop it first, or give this one another --data folder");
        close(fd);
    } else {
        lock_sign(fd);
        *fd_out = fd;
    }
    free(path);
    return status;
}

static lt_status run_sql(lt_store *store, const char *sql, const char *doing, lt_error *error)
{
    const int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? LT_OK : lt_store_fail(store, rc, doing, error);
}

/* The first column of the first row; `fallback` when there is none. */
static lt_status query_number(lt_store *store, const char *sql, int64_t fallback, int64_t *out,
                              lt_error *error)
{
    sqlite3_stmt *query = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &query, NULL);
    *out = fallback;
    if (rc == SQLITE_OK && (rc = sqlite3_step(query)) == SQLITE_ROW)
        *out = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? LT_OK
                                                 : lt_store_fail(store, rc, "opening it", error);
}

static lt_status check_structure(lt_store *store, lt_error *error)
{
    sqlite3_stmt *query = NULL;
    int rc = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &query, NULL);
    lt_status status = LT_OK;
    if (rc == SQLITE_OK && (rc = sqlite3_step(query)) == SQLITE_ROW) {
        const char *word = (const char *)sqlite3_column_text(query, 0);
        if (!word || strcmp(word, "ok") != 0)
            status = lt_remedy(
                error, lt_fail(error, LT_IO, store->path, "is damaged: %s", word ? word : "?"),
                "put a copy back, or start with another --data folder");
    } else {
        status = lt_store_fail(store, rc, "checking it", error);
    }
    sqlite3_finalize(query);
    return status;
}

static lt_status check_owner(lt_store *store, lt_error *error)
{
    int64_t application, tables, schema;
    LT_TRY(query_number(store, "PRAGMA application_id", 0, &application, error));
    LT_TRY(query_number(store, "SELECT count(*) FROM sqlite_schema", 0, &tables, error));
    if (tables > 0 && application != APPLICATION_ID)
        return lt_fail(error, LT_INPUT, store->path, "is a database of another program");
    LT_TRY(run_sql(store, "BEGIN IMMEDIATE", "making its tables", error));
    if (tables == 0) {
        char sql[64];
        snprintf(sql, sizeof sql, "PRAGMA application_id = %d", APPLICATION_ID);
        LT_TRY(run_sql(store, sql, "making its tables", error));
        LT_TRY(run_sql(store, schema_sql, "making its tables", error));
        snprintf(sql, sizeof sql, "INSERT INTO meta VALUES ('schema', %d), ('epoch', 0)",
                 LT_STORE_SCHEMA);
        LT_TRY(run_sql(store, sql, "making its tables", error));
    }
    LT_TRY(query_number(store, "SELECT value FROM meta WHERE key = 'schema'", -1, &schema, error));
    if (schema != LT_STORE_SCHEMA)
        return lt_remedy(error,
                         lt_expected(error,
                                     lt_fail(error, LT_UNSUPPORTED, store->path,
                                             "has tables of version %lld", (long long)schema),
                                     "version %d", LT_STORE_SCHEMA),
                         "use the program that made it, or another --data folder");
    return LT_OK;
}

static lt_status open_database(lt_store *store, lt_error *error)
{
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int rc = sqlite3_open_v2(store->path, &store->db, flags, NULL);
    if (rc != SQLITE_OK)
        return lt_store_fail(store, rc, "opening it", error);
    sqlite3_busy_timeout(store->db, 0);
    LT_TRY(run_sql(
        store,
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384;"
        "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
        "opening it", error));
    LT_TRY(check_structure(store, error));
    LT_TRY(check_owner(store, error));
    LT_TRY(run_sql(store, "UPDATE meta SET value = value + 1 WHERE key = 'epoch'",
                   "counting the start", error));
    int64_t epoch;
    LT_TRY(query_number(store, "SELECT value FROM meta WHERE key = 'epoch'", 0, &epoch, error));
    if (epoch < 1)
        return lt_fail(error, LT_IO, store->path, "is damaged: it has no count of starts");
    store->epoch = (uint64_t)epoch;
    LT_TRY(run_sql(store, "COMMIT", "counting the start", error));
    for (int i = 0; i < LT_STATEMENT_COUNT; i++) {
        const int prepared =
            sqlite3_prepare_v3(store->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL);
        if (prepared != SQLITE_OK)
            return lt_store_fail(store, prepared, "preparing its statements", error);
    }
    return LT_OK;
}

lt_status lt_store_open(const char *dir, lt_store **out, lt_error *error)
{
    LT_TRY(lt_dir_make(dir, error));
    int lock_fd = -1;
    LT_TRY(lock_take(dir, &lock_fd, error));
    lt_store *store = lt_alloc(sizeof *store);
    store->lock_fd = lock_fd;
    store->path = lt_path_join(dir, "lefttail.db");
    lt_status status = open_database(store, error);
    if (status == LT_OK)
        status = lt_dir_sync(dir, error);
    if (status != LT_OK)
        lt_store_close(&store);
    else
        *out = store;
    return status;
}

void lt_store_close(lt_store **store_at)
{
    lt_store *store = *store_at;
    if (!store)
        return;
    lt_store_rollback(store);
    for (int i = 0; i < LT_STATEMENT_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    close(store->lock_fd);
    free(store->path);
    free(store);
    *store_at = NULL;
}

uint64_t lt_store_epoch(const lt_store *store)
{
    return store->epoch;
}

/* ---- transactions ------------------------------------------------------------------------ */

int lt_store_execute(lt_store *store, lt_statement name)
{
    const int rc = sqlite3_step(store->statements[name]);
    sqlite3_reset(store->statements[name]);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

lt_status lt_store_begin(lt_store *store, lt_error *error)
{
    if (!sqlite3_get_autocommit(store->db))
        return LT_OK;
    const int rc = lt_store_execute(store, LT_S_BEGIN);
    return rc == SQLITE_OK ? LT_OK : lt_store_fail(store, rc, "beginning a transaction", error);
}

lt_status lt_store_commit(lt_store *store, lt_error *error)
{
    if (sqlite3_get_autocommit(store->db))
        return LT_OK;
    const int rc = lt_store_execute(store, LT_S_COMMIT);
    return rc == SQLITE_OK ? LT_OK : lt_store_fail(store, rc, "committing", error);
}

void lt_store_rollback(lt_store *store)
{
    if (store->db && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

bool lt_store_has_space(const lt_store *store)
{
    char *path = lt_alloc(strlen(store->path) + 16);
    sprintf(path, "%s.space", store->path);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const bool space = fd >= 0 && posix_fallocate(fd, 0, 1 << 20) == 0;
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    free(path);
    return space;
}
