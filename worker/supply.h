/* What a lease needs before it can be scored: its pack in memory and a folder with its checkpoint,
 * found at the path that the lease names, or in the cache, or fetched into it. Loop thread; hashing
 * runs on libuv's work threads. Callbacks come from the loop. */
#ifndef LT_WORKER_SUPPLY_H
#define LT_WORKER_SUPPLY_H

#include <uv.h>

#include "common/buf.h"
#include "worker/cache.h"

typedef struct lt_supply lt_supply;

typedef struct lt_supply_events {
    void *context;
    void (*on_ready)(void *context);
    /* Once, and nothing more: FAILURE_BLOB or FAILURE_CHECKPOINT. */
    void (*on_failed)(void *context, Lefttail__FailureReason reason, const lt_error *error);
    void (*on_step)(void *context); /* bytes came, a file was verified: it is alive */
    /* Send BlobGet. May be dropped while there is no session: lt_supply_again asks anew. */
    void (*ask)(void *context, const lt_digest *digest, uint64_t offset);
} lt_supply_events;

/* What is needed of the lease is copied; the cache must outlive the loop's work. pack_only: the
 * engine has the checkpoint in memory; its files are not looked at, and the folder is "". */
void lt_supply_open(lt_supply **out, uv_loop_t *loop, lt_cache *cache, const Lefttail__Lease *lease,
                    bool pack_only, const lt_supply_events *events);

/* The engine did not have it after all: looks for the checkpoint too. on_ready comes again. */
void lt_supply_need_checkpoint(lt_supply *supply);
bool lt_supply_is_pack_only(const lt_supply *supply);

/* Messages from the coordinator; false: not about a blob of this supply. Both may call back. */
bool lt_supply_take_chunk(lt_supply *supply, const Lefttail__BlobChunk *chunk);
bool lt_supply_take_error(lt_supply *supply, const Lefttail__BlobError *blob_error);
void lt_supply_again(lt_supply *supply); /* a new session: what was asked for is forgotten there */

bool lt_supply_is_ready(const lt_supply *supply);
const char *lt_supply_dir(const lt_supply *supply);    /* when ready */
const lt_buf *lt_supply_pack(const lt_supply *supply); /* when ready */

/* The checkpoint's files are still those that were verified; true when pack_only. */
bool lt_supply_unchanged(const lt_supply *supply);

/* Releases cache and download; memory goes when the loop has run. Safe on NULL; leaves NULL. */
void lt_supply_close(lt_supply **supply);

#endif
