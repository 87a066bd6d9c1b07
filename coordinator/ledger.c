#include "coordinator/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/row.h"
#include "common/wire.h"

static void clear(lt_ledger *ledger)
{
    for (size_t i = 0; i < ledger->kept_count; i++)
        lt_wire_free(&ledger->kept[i]);
    ledger->kept_count = ledger->count = ledger->rows = 0;
    ledger->ticket = 0;
    ledger->failed = false;
    lt_arena_reset(&ledger->arena);
}

void lt_ledger_fini(lt_ledger *ledger)
{
    clear(ledger);
    free(ledger->entries);
    free(ledger->kept);
    lt_arena_fini(&ledger->arena);
    memset(ledger, 0, sizeof *ledger);
}

void lt_ledger_keep(lt_ledger *ledger, Lefttail__Message *message)
{
    if (ledger->kept_count == ledger->kept_cap) {
        ledger->kept_cap = ledger->kept_cap ? ledger->kept_cap * 2 : 64;
        ledger->kept = lt_realloc(ledger->kept, ledger->kept_cap * sizeof *ledger->kept);
    }
    ledger->kept[ledger->kept_count++] = message;
}

lt_status lt_ledger_put(lt_ledger *ledger, lt_store *store, uint64_t ticket, uint32_t class_id,
                        uint32_t pack_id, const Lefttail__Row *row, lt_store_put_outcome *outcome,
                        lt_error *error)
{
    ledger->ticket = ticket;
    if (ledger->failed)
        return LT_FULL;
    const lt_status status = lt_store_put_row(store, class_id, pack_id, row, outcome, error);
    if (status != LT_OK) {
        ledger->failed = true;
        return status;
    }
    ledger->rows++;
    if (*outcome != LT_STORE_NEW)
        return LT_OK;
    if (ledger->count == ledger->cap) {
        ledger->cap = ledger->cap ? ledger->cap * 2 : LT_COMMIT_ROWS;
        ledger->entries = lt_realloc(ledger->entries, ledger->cap * sizeof *ledger->entries);
    }
    ledger->entries[ledger->count++] = (struct lt_ledger_entry){class_id, pack_id, row};
    return LT_OK;
}

lt_status lt_ledger_put_failure(lt_ledger *ledger, lt_store *store, uint64_t ticket,
                                uint32_t class_id, uint32_t pack_id, uint32_t item,
                                Lefttail__FailureReason reason, uint32_t attempts, lt_error *error)
{
    Lefttail__Row *row = lt_arena_alloc(&ledger->arena, sizeof *row);
    lefttail__row__init(row);
    char detail[LT_DETAIL_BYTES_MAX];
    if (attempts > 0)
        snprintf(detail, sizeof detail, "%s; tried %u times", lt_failure_sentence(reason),
                 attempts);
    else
        snprintf(detail, sizeof detail, "%s", lt_failure_sentence(reason));
    row->item = item;
    row->state = LEFTTAIL__ROW_STATE__ROW_FAILED;
    row->reason = reason;
    row->detail = lt_arena_strdup(&ledger->arena, detail);
    row->crc32c = lt_row_crc(row);
    lt_store_put_outcome outcome;
    return lt_ledger_put(ledger, store, ticket, class_id, pack_id, row, &outcome, error);
}

lt_status lt_ledger_commit(lt_ledger *ledger, lt_store *store, lt_jobs *jobs, uint64_t *ticket,
                           lt_error *error)
{
    lt_status status = ledger->failed ? lt_fail(error, LT_FULL, NULL, "no space for new rows")
                                      : lt_store_commit(store, error);
    *ticket = status == LT_OK ? ledger->ticket : 0;
    for (size_t i = 0; status == LT_OK && i < ledger->count; i++)
        lt_jobs_fold(jobs, ledger->entries[i].class_id, ledger->entries[i].pack_id,
                     ledger->entries[i].row);
    clear(ledger);
    return status;
}
