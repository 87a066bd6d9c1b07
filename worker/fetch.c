#include "worker/fetch.h"

#include "common/chunk.h"
#include "common/limits.h"

void lt_fetch_init(lt_fetch *fetch, const lt_digest *digest, uint64_t bytes, uint64_t have,
                   uint64_t now_ms)
{
    *fetch = (lt_fetch){
        .digest = *digest, .bytes = bytes, .have = have, .asked = have, .heard_ms = now_ms};
}

bool lt_fetch_next(lt_fetch *fetch, uint64_t *offset)
{
    if (fetch->outstanding >= LT_FETCH_WINDOW || fetch->asked >= fetch->bytes)
        return false;
    *offset = fetch->asked;
    fetch->asked += LT_BLOB_CHUNK_BYTES;
    fetch->outstanding++;
    return true;
}

void lt_fetch_again(lt_fetch *fetch, uint64_t now_ms)
{
    fetch->asked = fetch->have;
    fetch->outstanding = 0;
    fetch->heard_ms = now_ms;
}

lt_status lt_fetch_take(lt_fetch *fetch, const Lefttail__BlobChunk *chunk, lt_buf *scratch,
                        const uint8_t **raw, size_t *raw_bytes, uint64_t now_ms, lt_error *error)
{
    *raw_bytes = 0;
    fetch->heard_ms = now_ms;
    if (fetch->outstanding > 0)
        fetch->outstanding--;
    if (chunk->offset != fetch->have) {
        if (fetch->outstanding == 0)
            lt_fetch_again(fetch, now_ms);
        return LT_OK;
    }
    const void *opened;
    if (chunk->raw_bytes > 0 && chunk->blob_bytes == fetch->bytes &&
        lt_chunk_open(chunk, scratch, &opened, NULL) == LT_OK) {
        *raw = opened;
        *raw_bytes = chunk->raw_bytes;
        fetch->have += chunk->raw_bytes;
        if (fetch->have > fetch->asked || fetch->outstanding == 0)
            fetch->asked = fetch->have;
        return LT_OK;
    }
    char hex[LT_DIGEST_HEX_BYTES];
    if (++fetch->strikes < LT_FETCH_STRIKES_MAX) {
        lt_fetch_again(fetch, now_ms);
        return LT_OK;
    }
    return lt_fail(error, LT_FAILED, NULL, "blob %.16s: the chunk at byte %lu was wrong %u times",
                   lt_digest_hex(&fetch->digest, hex), (unsigned long)fetch->have, fetch->strikes);
}
