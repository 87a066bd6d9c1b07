/* A piece of a blob on the wire: at most LT_BLOB_CHUNK_BYTES of content, packed with zstd where
 * that makes it smaller, with a CRC32C of the content. Pure functions, any thread. */
#ifndef LT_COMMON_CHUNK_H
#define LT_COMMON_CHUNK_H

#include "common/buf.h"
#include "common/status.h"
#include "lefttail.pb-c.h"

/* Fills data, zstd, raw_bytes and crc32c of *chunk for `raw` (at most LT_BLOB_CHUNK_BYTES) and
 * leaves its digest and place in the blob alone. With `try_zstd` it is packed where that saves a
 * sixteenth or more; returns whether it was. The data borrows `raw` or, when packed, *packed
 * (cleared first). */
bool lt_chunk_fill(Lefttail__BlobChunk *chunk, const void *raw, size_t raw_bytes, bool try_zstd,
                   lt_buf *packed);

/* Checks the lengths and the checksum of a chunk from outside (not its digest, which the caller
 * knows what to do with). *raw is chunk->raw_bytes long and borrows the chunk or *unpacked (cleared
 * first; never asked for more than LT_BLOB_CHUNK_BYTES, whatever the zstd frame says).
 * LT_PROTOCOL: lengths or checksum are wrong. */
lt_status lt_chunk_open(const Lefttail__BlobChunk *chunk, lt_buf *unpacked, const void **raw,
                        lt_error *error);

#endif
