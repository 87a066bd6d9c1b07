/* A piece of a blob on the wire: at most LT_BLOB_CHUNK_BYTES of content, packed with zstd where that
 * makes it smaller, with a CRC32C of the content. Pure functions, any thread. */
#ifndef LT_COMMON_CHUNK_H
#define LT_COMMON_CHUNK_H

#include "common/buf.h"
#include "common/status.h"
#include "lefttail.pb-c.h"

/* Fills data, zstd, raw_bytes and crc32c of *chunk for `raw`. The data borrows `raw` or, when packed,
 * *packed (cleared first). Without `try_zstd` nothing is packed; returns whether packing paid. */
bool lt_chunk_fill(Lefttail__BlobChunk *chunk, const void *raw, size_t raw_bytes, bool try_zstd, lt_buf *packed);

/* The content of a chunk from outside: *raw is chunk->raw_bytes long and borrows the chunk or *unpacked
 * (cleared first; never larger than LT_BLOB_CHUNK_BYTES). LT_PROTOCOL: lengths or checksum are wrong. */
lt_status lt_chunk_open(const Lefttail__BlobChunk *chunk, lt_buf *unpacked, const void **raw, lt_error *error);

#endif
