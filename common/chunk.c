#include "common/chunk.h"

#include <zstd.h>

#include "common/digest.h"
#include "common/limits.h"

enum { ZSTD_LEVEL = 1 }; /* 300 MB/s and more on one core; texts shrink to a third */

bool lt_chunk_fill(Lefttail__BlobChunk *chunk, const void *raw, size_t raw_bytes, bool try_zstd,
                   lt_buf *packed)
{
    LT_ASSERT(raw_bytes <= LT_BLOB_CHUNK_BYTES);
    chunk->raw_bytes = (uint32_t)raw_bytes;
    chunk->crc32c = lt_crc32c(0, raw, raw_bytes);
    chunk->zstd = false;
    chunk->data.data = (uint8_t *)raw;
    chunk->data.len = raw_bytes;
    if (!try_zstd || raw_bytes == 0)
        return false;
    lt_buf_clear(packed);
    const size_t got =
        ZSTD_compress(lt_buf_reserve(packed, raw_bytes), raw_bytes, raw, raw_bytes, ZSTD_LEVEL);
    if (ZSTD_isError(got) || got > raw_bytes - raw_bytes / 16)
        return false;
    packed->len = got;
    chunk->zstd = true;
    chunk->data.data = (uint8_t *)packed->data;
    chunk->data.len = got;
    return true;
}

static lt_status unpack(const Lefttail__BlobChunk *chunk, lt_buf *unpacked, lt_error *error)
{
    lt_buf_clear(unpacked);
    char *out = lt_buf_reserve(unpacked, chunk->raw_bytes);
    const size_t got = ZSTD_decompress(out, chunk->raw_bytes, chunk->data.data, chunk->data.len);
    if (ZSTD_isError(got) || got != chunk->raw_bytes)
        return lt_fail(error, LT_PROTOCOL, "chunk.data", "does not unpack to its %u bytes",
                       chunk->raw_bytes);
    unpacked->len = got;
    return LT_OK;
}

lt_status lt_chunk_open(const Lefttail__BlobChunk *chunk, lt_buf *unpacked, const void **raw,
                        lt_error *error)
{
    if (chunk->raw_bytes > LT_BLOB_CHUNK_BYTES)
        return lt_fail(error, LT_PROTOCOL, "chunk.raw_bytes",
                       "%u bytes are more than a chunk may have", chunk->raw_bytes);
    if (chunk->offset > chunk->blob_bytes || chunk->raw_bytes > chunk->blob_bytes - chunk->offset)
        return lt_fail(error, LT_PROTOCOL, "chunk.raw_bytes",
                       "%u bytes reach behind the end of the blob", chunk->raw_bytes);
    if (chunk->zstd)
        LT_TRY(unpack(chunk, unpacked, error));
    else if (chunk->data.len != chunk->raw_bytes)
        return lt_fail(error, LT_PROTOCOL, "chunk.data", "%zu bytes, not %u", chunk->data.len,
                       chunk->raw_bytes);
    *raw = chunk->zstd ? (const void *)unpacked->data : chunk->data.data;
    if (lt_crc32c(0, *raw, chunk->raw_bytes) != chunk->crc32c)
        return lt_fail(error, LT_PROTOCOL, "chunk.crc32c", "the checksum is wrong");
    return LT_OK;
}
