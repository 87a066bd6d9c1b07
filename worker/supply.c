/* The checkpoint side is a small machine; `work` is a job on a work thread, at most one at a time:
 *
 *     LOOKING (work: path? cache?) --all here--> HAVE
 *        ^  ^             | files are missing
 *        |  |             v
 *        | WAITING <--  FETCHING (chunks of one file) --complete--> FINISHING (work: hash, rename)
 *        |  (another worker fetches it)                                  |
 *        '---------------------------------------------------------------'
 *
 * The pack is fetched beside it, into memory. */
#include "worker/supply.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/wire.h"
#include "worker/fetch.h"

#define TICK_MS 250
#define SILENCE_MS 10000 /* no chunk for so long: ask again */
#define BAD_FILES_MAX 3  /* whole files that came with a wrong digest */

enum state { LOOKING, WAITING, FETCHING, FINISHING, HAVE, ENDED };

struct lt_supply {
    uv_loop_t *loop;
    lt_cache *cache;
    Lefttail__Checkpoint
        *checkpoint; /* our own: a work thread may still read it after the lease is over */
    lt_supply_events events;
    enum state state;
    uv_work_t work;
    bool working, closing, timer_closed;
    bool pack_only; /* the checkpoint is not looked for */
    uv_timer_t timer;
    /* of the work */
    lt_status status;
    lt_error error;
    char *dir;
    bool pinned;   /* the cache keeps the files for us */
    bool *missing; /* [checkpoint->n_files] */
    unsigned bad_files;
    /* of the file that is fetched */
    lt_download download;
    lt_fetch file_fetch;
    /* of the pack */
    lt_buf pack;
    lt_fetch pack_fetch;
    bool has_pack;
    unsigned bad_packs;
    lt_buf scratch;
};

static void look(lt_supply *supply);

/* ---- small parts ---- */

static void give_up(lt_supply *supply, Lefttail__FailureReason reason, const lt_error *error)
{
    if (supply->state == ENDED || supply->closing)
        return;
    supply->state = ENDED;
    supply->events.on_failed(supply->events.context, reason, error);
}

static void ask_more(lt_supply *supply, lt_fetch *fetch)
{
    uint64_t offset;
    while (lt_fetch_next(fetch, &offset))
        supply->events.ask(supply->events.context, &fetch->digest, offset);
}

static void tell_if_ready(lt_supply *supply)
{
    if (supply->state == HAVE && supply->has_pack && !supply->closing)
        supply->events.on_ready(supply->events.context);
}

static void free_if_over(lt_supply *supply)
{
    if (!supply->closing || supply->working || !supply->timer_closed)
        return;
    if (supply->pinned)
        lt_cache_release(supply->cache, supply->checkpoint);
    lefttail__checkpoint__free_unpacked(supply->checkpoint, NULL);
    lt_download_close(&supply->download);
    free(supply->dir);
    free(supply->missing);
    lt_buf_fini(&supply->pack);
    lt_buf_fini(&supply->scratch);
    free(supply);
}

/* ---- looking for the checkpoint ---- */

static void look_on_thread(uv_work_t *work)
{
    lt_supply *supply = work->data;
    const Lefttail__Checkpoint *checkpoint = supply->checkpoint;
    supply->error = (lt_error){0};
    if (lt_cache_verify_path(supply->cache, checkpoint, &supply->error) == LT_OK) {
        supply->dir = lt_strdup(checkpoint->path);
        supply->status = LT_OK;
        return;
    }
    if (lt_dir_exists(checkpoint->path))
        lt_log_failure(LT_LOG_INFO, "checkpoint_not_at_path", &supply->error);
    supply->status = lt_cache_checkpoint(supply->cache, checkpoint, &supply->dir, supply->missing,
                                         &supply->error);
    supply->pinned = supply->status == LT_OK;
}

static void fetch_next_missing(lt_supply *supply)
{
    const Lefttail__Checkpoint *checkpoint = supply->checkpoint;
    size_t i = 0;
    while (i < checkpoint->n_files && !supply->missing[i])
        i++;
    if (i == checkpoint->n_files) {
        look(supply);
        return;
    }
    const Lefttail__CheckpointFile *file = checkpoint->files[i];
    lt_digest digest;
    lt_error error = {0};
    lt_status status = LT_PROTOCOL;
    if (lt_digest_from_bytes(file->digest.data, file->digest.len, &digest))
        status = lt_download_open(supply->cache, &supply->download, &digest, file->bytes, &error);
    supply->missing[i] = false;
    if (status == LT_CONFLICT) {
        supply->state = WAITING;
    } else if (status != LT_OK) {
        give_up(supply, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, &error);
    } else {
        lt_log_info("fetch", "file", "%s", file->name, "bytes", "%lu", file->bytes, "from", "%lu",
                    supply->download.offset, NULL);
        supply->state = FETCHING;
        lt_fetch_init(&supply->file_fetch, &digest, file->bytes, supply->download.offset,
                      lt_now_ms());
        ask_more(supply, &supply->file_fetch);
    }
}

static void on_looked(uv_work_t *work, int cancelled)
{
    (void)cancelled;
    lt_supply *supply = work->data;
    supply->working = false;
    if (supply->closing) {
        free_if_over(supply);
        return;
    }
    if (supply->state == ENDED)
        return;
    supply->events.on_step(supply->events.context);
    if (supply->status == LT_OK) {
        supply->state = HAVE;
        tell_if_ready(supply);
    } else if (supply->status == LT_NOT_FOUND) {
        fetch_next_missing(supply);
    } else {
        give_up(supply, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, &supply->error);
    }
}

static void look(lt_supply *supply)
{
    supply->state = LOOKING;
    supply->working = true;
    LT_ASSERT(uv_queue_work(supply->loop, &supply->work, look_on_thread, on_looked) == 0);
}

/* ---- finishing a file ---- */

static void finish_on_thread(uv_work_t *work)
{
    lt_supply *supply = work->data;
    supply->error = (lt_error){0};
    supply->status = lt_download_finish(supply->cache, &supply->download, &supply->error);
}

static void on_finished(uv_work_t *work, int cancelled)
{
    (void)cancelled;
    lt_supply *supply = work->data;
    supply->working = false;
    lt_download_close(&supply->download);
    if (supply->closing) {
        free_if_over(supply);
        return;
    }
    supply->events.on_step(supply->events.context);
    if (supply->status == LT_OK)
        fetch_next_missing(supply);
    else if (supply->status == LT_FAILED && ++supply->bad_files < BAD_FILES_MAX)
        look(supply);
    else
        give_up(supply, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, &supply->error);
}

static void finish_file(lt_supply *supply)
{
    supply->state = FINISHING;
    supply->working = true;
    LT_ASSERT(uv_queue_work(supply->loop, &supply->work, finish_on_thread, on_finished) == 0);
}

/* ---- chunks ---- */

static void take_file_chunk(lt_supply *supply, const Lefttail__BlobChunk *chunk)
{
    const uint8_t *raw;
    size_t raw_bytes;
    lt_error error = {0};
    lt_status status = lt_fetch_take(&supply->file_fetch, chunk, &supply->scratch, &raw, &raw_bytes,
                                     lt_now_ms(), &error);
    if (status == LT_OK && raw_bytes)
        status = lt_download_add(&supply->download, raw, raw_bytes, &error);
    if (status != LT_OK)
        give_up(supply, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, &error);
    else if (supply->file_fetch.have == supply->file_fetch.bytes)
        finish_file(supply);
    else
        ask_more(supply, &supply->file_fetch);
}

static void finish_pack(lt_supply *supply)
{
    const lt_digest found = lt_digest_of(supply->pack.data, supply->pack.len);
    if (lt_digest_equal(&found, &supply->pack_fetch.digest)) {
        supply->has_pack = true;
        tell_if_ready(supply);
        return;
    }
    lt_error error = {0};
    lt_fail(&error, LT_FAILED, NULL, "the pack came with another digest");
    if (++supply->bad_packs >= BAD_FILES_MAX) {
        give_up(supply, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, &error);
        return;
    }
    lt_buf_clear(&supply->pack);
    const lt_digest digest = supply->pack_fetch.digest;
    lt_fetch_init(&supply->pack_fetch, &digest, supply->pack_fetch.bytes, 0, lt_now_ms());
    ask_more(supply, &supply->pack_fetch);
}

static void take_pack_chunk(lt_supply *supply, const Lefttail__BlobChunk *chunk)
{
    const uint8_t *raw;
    size_t raw_bytes;
    lt_error error = {0};
    if (lt_fetch_take(&supply->pack_fetch, chunk, &supply->scratch, &raw, &raw_bytes, lt_now_ms(),
                      &error) != LT_OK) {
        give_up(supply, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, &error);
        return;
    }
    if (raw_bytes)
        lt_buf_add(&supply->pack, raw, raw_bytes);
    if (supply->pack_fetch.have == supply->pack_fetch.bytes)
        finish_pack(supply);
    else
        ask_more(supply, &supply->pack_fetch);
}

static bool is_pack(const lt_supply *supply, const lt_digest *digest)
{
    return !supply->has_pack && supply->state != ENDED &&
           lt_digest_equal(digest, &supply->pack_fetch.digest);
}

static bool is_file(const lt_supply *supply, const lt_digest *digest)
{
    return supply->state == FETCHING && lt_digest_equal(digest, &supply->file_fetch.digest);
}

bool lt_supply_take_chunk(lt_supply *supply, const Lefttail__BlobChunk *chunk)
{
    lt_digest digest;
    if (!lt_digest_from_bytes(chunk->digest.data, chunk->digest.len, &digest))
        return false;
    if (is_pack(supply, &digest)) {
        supply->events.on_step(supply->events.context);
        take_pack_chunk(supply, chunk);
        return true;
    }
    if (is_file(supply, &digest)) {
        supply->events.on_step(supply->events.context);
        take_file_chunk(supply, chunk);
        return true;
    }
    return false;
}

bool lt_supply_take_error(lt_supply *supply, const Lefttail__BlobError *blob_error)
{
    lt_digest digest;
    if (!lt_digest_from_bytes(blob_error->digest.data, blob_error->digest.len, &digest) ||
        (!is_pack(supply, &digest) && !is_file(supply, &digest)))
        return false;
    lt_error error = {0};
    char hex[LT_DIGEST_HEX_BYTES];
    lt_fail(&error, LT_NOT_FOUND, NULL, "the coordinator cannot give blob %.16s: %s",
            lt_digest_hex(&digest, hex), blob_error->text);
    give_up(supply, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, &error);
    return true;
}

/* ---- time ---- */

static void ask_again(lt_supply *supply, lt_fetch *fetch)
{
    lt_fetch_again(fetch, lt_now_ms());
    ask_more(supply, fetch);
}

void lt_supply_again(lt_supply *supply)
{
    if (supply->state == ENDED)
        return;
    if (!supply->has_pack)
        ask_again(supply, &supply->pack_fetch);
    if (supply->state == FETCHING)
        ask_again(supply, &supply->file_fetch);
}

static void on_tick(uv_timer_t *timer)
{
    lt_supply *supply = timer->data;
    const uint64_t now_ms = lt_now_ms();
    if (supply->state == ENDED || supply->closing)
        return;
    if (supply->state == WAITING)
        look(supply);
    if (!supply->has_pack && now_ms - supply->pack_fetch.heard_ms > SILENCE_MS)
        ask_again(supply, &supply->pack_fetch);
    if (supply->state == FETCHING && now_ms - supply->file_fetch.heard_ms > SILENCE_MS)
        ask_again(supply, &supply->file_fetch);
    if (supply->state == FETCHING && supply->file_fetch.have == supply->file_fetch.bytes)
        finish_file(supply); /* the partial file was whole already, or the file is empty */
    if (supply->has_pack && supply->state == HAVE)
        uv_timer_stop(&supply->timer);
}

/* ---- life ---- */

static Lefttail__Checkpoint *copy_of(const Lefttail__Checkpoint *checkpoint)
{
    lt_buf packed = {0};
    lt_wire_pack(&checkpoint->base, &packed);
    Lefttail__Checkpoint *copy =
        lefttail__checkpoint__unpack(NULL, packed.len, (const uint8_t *)lt_buf_str(&packed));
    LT_ASSERT(copy);
    lt_buf_fini(&packed);
    return copy;
}

void lt_supply_open(lt_supply **out, uv_loop_t *loop, lt_cache *cache, const Lefttail__Lease *lease,
                    bool pack_only, const lt_supply_events *events)
{
    lt_supply *supply = lt_alloc(sizeof *supply);
    *supply = (lt_supply){.loop = loop, .cache = cache, .events = *events, .download = {.fd = -1}};
    supply->checkpoint = copy_of(lease->checkpoint);
    supply->missing = lt_alloc((lease->checkpoint->n_files + 1) * sizeof *supply->missing);
    supply->work.data = supply;
    uv_timer_init(loop, &supply->timer);
    supply->timer.data = supply;
    uv_timer_start(&supply->timer, on_tick, TICK_MS, TICK_MS);
    lt_digest digest = {{0}};
    lt_digest_from_bytes(lease->pack.data, lease->pack.len, &digest);
    lt_fetch_init(&supply->pack_fetch, &digest, lease->pack_bytes, 0, lt_now_ms());
    *out = supply;
    ask_more(supply, &supply->pack_fetch);
    supply->pack_only = pack_only;
    if (pack_only)
        supply->state = HAVE;
    else
        look(supply);
}

void lt_supply_need_checkpoint(lt_supply *supply)
{
    LT_ASSERT(supply->pack_only);
    supply->pack_only = false;
    uv_timer_start(&supply->timer, on_tick, TICK_MS, TICK_MS);
    look(supply);
}

bool lt_supply_is_pack_only(const lt_supply *supply)
{
    return supply->pack_only;
}

bool lt_supply_is_ready(const lt_supply *supply)
{
    return supply->state == HAVE && supply->has_pack;
}

const char *lt_supply_dir(const lt_supply *supply)
{
    return supply->dir ? supply->dir : "";
}

const lt_buf *lt_supply_pack(const lt_supply *supply)
{
    return &supply->pack;
}

bool lt_supply_unchanged(const lt_supply *supply)
{
    return supply->pack_only || lt_cache_unchanged(supply->cache, supply->checkpoint, supply->dir);
}

static void on_timer_closed(uv_handle_t *handle)
{
    lt_supply *supply = handle->data;
    supply->timer_closed = true;
    free_if_over(supply);
}

void lt_supply_close(lt_supply **supply)
{
    if (!*supply)
        return;
    (*supply)->closing = true;
    uv_close((uv_handle_t *)&(*supply)->timer, on_timer_closed);
    *supply = NULL;
}
