/* What store.c and store_open.c share. */
#ifndef LT_COORDINATOR_STORE_INNER_H
#define LT_COORDINATOR_STORE_INNER_H

#include <sqlite3.h>

#include "coordinator/store.h"

/* name, SQL */
#define LT_STATEMENT_LIST(X)                                                                       \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(CLASS_FIND, "SELECT id FROM class WHERE digest = ?1")                                        \
    X(CLASS_ADD, "INSERT INTO class (digest) VALUES (?1)")                                         \
    X(PACK_FIND, "SELECT id, items FROM pack WHERE digest = ?1")                                   \
    X(PACK_ADD, "INSERT INTO pack (digest, items) VALUES (?1, ?2)")                                \
    X(VARIANTS_GET, "SELECT variants FROM pack WHERE id = ?1")                                     \
    X(VARIANTS_PUT, "UPDATE pack SET variants = ?2 WHERE id = ?1")                                 \
    X(ROW_ADD, "INSERT OR IGNORE INTO row VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")  \
    X(ROWS, "SELECT item, state, tokens, tokens_cut, flags, reason, logits, detail, crc FROM row"  \
            " WHERE class = ?1 AND pack = ?2 AND item >= ?3 ORDER BY item")                        \
    X(JOB_PUT, "INSERT OR REPLACE INTO job VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")      \
    X(JOBS, "SELECT id, fingerprint, manifest, name, state, submitted, ended, known, priority,"    \
            " status FROM job ORDER BY submitted, id")

typedef enum lt_statement {
#define X(name, sql) LT_S_##name,
    LT_STATEMENT_LIST(X)
#undef X
        LT_STATEMENT_COUNT
} lt_statement;

struct lt_store {
    sqlite3 *db;
    sqlite3_stmt *statements[LT_STATEMENT_COUNT];
    char *path; /* DIR/lefttail.db */
    int lock_fd;
    uint64_t epoch;
};

/* Rolls back and says what happened while `doing`. */
lt_status lt_store_fail(lt_store *store, int rc, const char *doing, lt_error *error);

/* Runs a statement that returns no rows; SQLITE_OK when it did. */
int lt_store_execute(lt_store *store, lt_statement name);

/* Opens a transaction if there is none. */
lt_status lt_store_begin(lt_store *store, lt_error *error);

#endif
