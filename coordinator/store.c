/* Rows, jobs and the numbers of digests. How the file is opened, locked and committed:
 * store_open.c. */
#include "coordinator/store_inner.h"

#include <string.h>

#include "common/buf.h"
#include "common/row.h"

/* ---- digests as numbers ---------------------------------------------------------------------- */

/* The id of `digest`, or 0; `items` (may be NULL) gets the second column. */
static lt_status find_id(lt_store *store, lt_statement name, const lt_digest *digest, int64_t *id,
                         int64_t *items, lt_error *error)
{
    sqlite3_stmt *query = store->statements[name];
    sqlite3_bind_blob(query, 1, digest->bytes, LT_DIGEST_BYTES, SQLITE_STATIC);
    const int rc = sqlite3_step(query);
    *id = rc == SQLITE_ROW ? sqlite3_column_int64(query, 0) : 0;
    if (items && rc == SQLITE_ROW)
        *items = sqlite3_column_int64(query, 1);
    sqlite3_reset(query);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? LT_OK
                                                 : lt_store_fail(store, rc, "reading", error);
}

lt_status lt_store_class_id(lt_store *store, const lt_digest *class, uint32_t *id, lt_error *error)
{
    int64_t found;
    LT_TRY(find_id(store, LT_S_CLASS_FIND, class, &found, NULL, error));
    if (found == 0) {
        LT_TRY(lt_store_begin(store, error));
        sqlite3_bind_blob(store->statements[LT_S_CLASS_ADD], 1, class->bytes, LT_DIGEST_BYTES,
                          SQLITE_STATIC);
        const int rc = lt_store_execute(store, LT_S_CLASS_ADD);
        if (rc != SQLITE_OK)
            return lt_store_fail(store, rc, "recording a numerics class", error);
        found = sqlite3_last_insert_rowid(store->db);
    }
    *id = (uint32_t)found;
    return LT_OK;
}

lt_status lt_store_pack_id(lt_store *store, const lt_digest *pack, uint32_t items, uint32_t *id,
                           lt_error *error)
{
    int64_t found, items_found = items;
    LT_TRY(find_id(store, LT_S_PACK_FIND, pack, &found, &items_found, error));
    if (items_found != items)
        return lt_expected(
            error,
            lt_fail(error, LT_INPUT, "manifest.packs", "a pack is said to have %u items", items),
            "%lld, as an earlier job said of the same content", (long long)items_found);
    if (found == 0) {
        LT_TRY(lt_store_begin(store, error));
        sqlite3_stmt *add = store->statements[LT_S_PACK_ADD];
        sqlite3_bind_blob(add, 1, pack->bytes, LT_DIGEST_BYTES, SQLITE_STATIC);
        sqlite3_bind_int64(add, 2, items);
        const int rc = lt_store_execute(store, LT_S_PACK_ADD);
        if (rc != SQLITE_OK)
            return lt_store_fail(store, rc, "recording a pack", error);
        found = sqlite3_last_insert_rowid(store->db);
    }
    *id = (uint32_t)found;
    return LT_OK;
}

/* Kept as 16-bit numbers and a CRC32C behind them. */
lt_status lt_store_pack_variants(lt_store *store, uint32_t pack_id, uint16_t *variants,
                                 uint32_t items, lt_error *error)
{
    sqlite3_stmt *query = store->statements[LT_S_VARIANTS_GET];
    sqlite3_bind_int64(query, 1, pack_id);
    const int rc = sqlite3_step(query);
    lt_status status = LT_NOT_FOUND;
    const size_t bytes = (size_t)items * 2;
    if (rc == SQLITE_ROW && (size_t)sqlite3_column_bytes(query, 0) == bytes + 4) {
        const uint8_t *held = sqlite3_column_blob(query, 0);
        uint32_t crc;
        memcpy(&crc, held + bytes, 4);
        memcpy(variants, held, bytes);
        status =
            crc == lt_crc32c(0, held, bytes)
                ? LT_OK
                : lt_fail(error, LT_IO, store->path,
                          "is damaged: the variants of pack %u have a wrong checksum", pack_id);
    } else if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        status = lt_store_fail(store, rc, "reading a pack", error);
    }
    sqlite3_reset(query);
    return status;
}

lt_status lt_store_put_pack_variants(lt_store *store, uint32_t pack_id, const uint16_t *variants,
                                     uint32_t items, lt_error *error)
{
    LT_TRY(lt_store_begin(store, error));
    lt_buf bytes = {0};
    lt_buf_add(&bytes, variants, (size_t)items * 2);
    const uint32_t crc = lt_crc32c(0, bytes.data, bytes.len);
    lt_buf_add(&bytes, &crc, sizeof crc);
    sqlite3_stmt *put = store->statements[LT_S_VARIANTS_PUT];
    sqlite3_bind_int64(put, 1, pack_id);
    sqlite3_bind_blob(put, 2, bytes.data, (int)bytes.len, SQLITE_STATIC);
    const int rc = lt_store_execute(store, LT_S_VARIANTS_PUT);
    sqlite3_clear_bindings(put);
    lt_buf_fini(&bytes);
    return rc == SQLITE_OK ? LT_OK : lt_store_fail(store, rc, "recording a pack", error);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void bind_row(sqlite3_stmt *add, uint32_t class_id, uint32_t pack_id,
                     const Lefttail__Row *row)
{
    const int64_t numbers[] = {class_id,    pack_id,         row->item,  row->state,
                               row->tokens, row->tokens_cut, row->flags, row->reason};
    for (int i = 0; i < 8; i++)
        sqlite3_bind_int64(add, i + 1, numbers[i]);
    if (row->logits.len > 0)
        sqlite3_bind_blob(add, 9, row->logits.data, (int)row->logits.len, SQLITE_STATIC);
    else
        sqlite3_bind_null(add, 9);
    if (row->detail[0])
        sqlite3_bind_text(add, 10, row->detail, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(add, 10);
    sqlite3_bind_int64(add, 11, row->crc32c);
}

/* The current row of LT_S_ROWS. Pointers belong to SQLite until the next step. */
static void read_row(sqlite3_stmt *query, Lefttail__Row *row)
{
    lefttail__row__init(row);
    row->item = (uint32_t)sqlite3_column_int64(query, 0);
    row->state = (Lefttail__RowState)sqlite3_column_int(query, 1);
    row->tokens = (uint32_t)sqlite3_column_int64(query, 2);
    row->tokens_cut = (uint32_t)sqlite3_column_int64(query, 3);
    row->flags = (uint32_t)sqlite3_column_int64(query, 4);
    row->reason = (Lefttail__FailureReason)sqlite3_column_int(query, 5);
    row->logits.data = (uint8_t *)sqlite3_column_blob(query, 6);
    row->logits.len = (size_t)sqlite3_column_bytes(query, 6);
    const char *detail = (const char *)sqlite3_column_text(query, 7);
    row->detail = (char *)(detail ? detail : "");
    row->crc32c = (uint32_t)sqlite3_column_int64(query, 8);
}

static lt_status check_row(lt_store *store, uint32_t class_id, uint32_t pack_id,
                           const Lefttail__Row *row, lt_error *error)
{
    if (row->crc32c == lt_row_crc(row) && strlen(row->detail) <= LT_DETAIL_BYTES_MAX)
        return LT_OK;
    return lt_remedy(
        error,
        lt_fail(error, LT_IO, store->path,
                "the row (class %u, pack %u, item %u) is damaged: its checksum is wrong", class_id,
                pack_id, row->item),
        "put a copy of the file back, or start with another --data folder");
}

lt_status lt_store_rows(lt_store *store, uint32_t class_id, uint32_t pack_id, uint32_t first_item,
                        lt_store_row_fn *each, void *context, lt_error *error)
{
    sqlite3_stmt *query = store->statements[LT_S_ROWS];
    sqlite3_bind_int64(query, 1, class_id);
    sqlite3_bind_int64(query, 2, pack_id);
    sqlite3_bind_int64(query, 3, first_item);
    lt_status status = LT_OK;
    int rc;
    bool more = true;
    while (more && status == LT_OK && (rc = sqlite3_step(query)) == SQLITE_ROW) {
        Lefttail__Row row;
        read_row(query, &row);
        status = check_row(store, class_id, pack_id, &row, error);
        more = status == LT_OK && each(context, &row);
    }
    sqlite3_reset(query);
    if (more && status == LT_OK && rc != SQLITE_DONE)
        return lt_store_fail(store, rc, "reading rows", error);
    return status;
}

struct comparison {
    const Lefttail__Row *offered;
    lt_store_put_outcome outcome;
};

static bool curable(const Lefttail__Row *row)
{
    return row->state == LEFTTAIL__ROW_STATE__ROW_FAILED && !lt_failure_is_final(row->reason);
}

static bool compare_row(void *context, const Lefttail__Row *held)
{
    struct comparison *comparison = context;
    const Lefttail__Row *offered = comparison->offered;
    if (held->item != offered->item)
        return false; /* the next one: there is none for this item */
    if (held->crc32c == offered->crc32c && held->logits.len == offered->logits.len &&
        (held->logits.len == 0 ||
         memcmp(held->logits.data, offered->logits.data, held->logits.len) == 0))
        comparison->outcome = LT_STORE_SAME;
    else
        comparison->outcome =
            curable(held) || curable(offered) ? LT_STORE_LATE : LT_STORE_DIFFERENT;
    return false;
}

lt_status lt_store_put_row(lt_store *store, uint32_t class_id, uint32_t pack_id,
                           const Lefttail__Row *row, lt_store_put_outcome *outcome, lt_error *error)
{
    LT_TRY(lt_store_begin(store, error));
    sqlite3_stmt *add = store->statements[LT_S_ROW_ADD];
    bind_row(add, class_id, pack_id, row);
    const int rc = lt_store_execute(store, LT_S_ROW_ADD);
    sqlite3_clear_bindings(add);
    if (rc != SQLITE_OK)
        return lt_store_fail(store, rc, "recording a row", error);
    if (sqlite3_changes(store->db) == 1) {
        *outcome = LT_STORE_NEW;
        return LT_OK;
    }
    return lt_store_compare_row(store, class_id, pack_id, row, outcome, error);
}

lt_status lt_store_compare_row(lt_store *store, uint32_t class_id, uint32_t pack_id,
                               const Lefttail__Row *row, lt_store_put_outcome *outcome,
                               lt_error *error)
{
    struct comparison comparison = {row, LT_STORE_NEW};
    LT_TRY(lt_store_rows(store, class_id, pack_id, row->item, compare_row, &comparison, error));
    *outcome = comparison.outcome;
    return LT_OK;
}

/* ---- jobs ---------------------------------------------------------------------------------- */

lt_status lt_store_put_job(lt_store *store, const lt_store_job *job, lt_error *error)
{
    LT_TRY(lt_store_begin(store, error));
    sqlite3_stmt *put = store->statements[LT_S_JOB_PUT];
    sqlite3_bind_text(put, 1, job->id, -1, SQLITE_STATIC);
    sqlite3_bind_blob(put, 2, job->fingerprint.bytes, LT_DIGEST_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(put, 3, job->manifest.bytes, LT_DIGEST_BYTES, SQLITE_STATIC);
    sqlite3_bind_text(put, 4, job->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(put, 5, job->state);
    sqlite3_bind_int64(put, 6, (int64_t)job->submitted_wall_ms);
    sqlite3_bind_int64(put, 7, (int64_t)job->ended_wall_ms);
    sqlite3_bind_int64(put, 8, (int64_t)job->rows_known);
    sqlite3_bind_int64(put, 9, job->priority);
    if (job->status_bytes > 0)
        sqlite3_bind_blob64(put, 10, job->status, job->status_bytes, SQLITE_STATIC);
    const int rc = lt_store_execute(store, LT_S_JOB_PUT);
    sqlite3_clear_bindings(put);
    return rc == SQLITE_OK ? LT_OK : lt_store_fail(store, rc, "recording a job", error);
}

static bool read_job(sqlite3_stmt *query, lt_store_job *job)
{
    memset(job, 0, sizeof *job);
    const char *id = (const char *)sqlite3_column_text(query, 0);
    const char *name = (const char *)sqlite3_column_text(query, 3);
    if (!id || strlen(id) != 16 || !name || strlen(name) > LT_NAME_BYTES_MAX)
        return false;
    strcpy(job->id, id);
    strcpy(job->name, name);
    job->state = (Lefttail__JobState)sqlite3_column_int(query, 4);
    job->submitted_wall_ms = (uint64_t)sqlite3_column_int64(query, 5);
    job->ended_wall_ms = (uint64_t)sqlite3_column_int64(query, 6);
    job->rows_known = (uint64_t)sqlite3_column_int64(query, 7);
    job->priority = sqlite3_column_int(query, 8);
    job->status = sqlite3_column_blob(query, 9);
    job->status_bytes = (size_t)sqlite3_column_bytes(query, 9);
    return lt_digest_from_bytes(sqlite3_column_blob(query, 1),
                                (size_t)sqlite3_column_bytes(query, 1), &job->fingerprint) &&
           lt_digest_from_bytes(sqlite3_column_blob(query, 2),
                                (size_t)sqlite3_column_bytes(query, 2), &job->manifest) &&
           job->state >= LEFTTAIL__JOB_STATE__JOB_RUNNING &&
           job->state <= LEFTTAIL__JOB_STATE__JOB_CANCELLED;
}

lt_status lt_store_jobs(lt_store *store, lt_store_job_fn *each, void *context, lt_error *error)
{
    sqlite3_stmt *query = store->statements[LT_S_JOBS];
    int rc;
    while ((rc = sqlite3_step(query)) == SQLITE_ROW) {
        lt_store_job job;
        if (!read_job(query, &job)) {
            sqlite3_reset(query);
            return lt_fail(error, LT_IO, store->path,
                           "is damaged: a record of its jobs cannot be read");
        }
        each(context, &job);
    }
    sqlite3_reset(query);
    return rc == SQLITE_DONE ? LT_OK : lt_store_fail(store, rc, "reading jobs", error);
}
