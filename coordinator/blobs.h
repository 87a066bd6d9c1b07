/* Content-addressed files that clients bring and workers fetch: checkpoint files, packs, manifests.
 *
 *   DIR/blobs/aa/HEX         a complete blob; aa are the first two hex digits of its SHA-256 HEX
 *   DIR/blobs/aa/HEX.path    in its place with --trust-paths: where the same bytes lie, and the
 *                            file's size, inode and times when they were verified
 *   DIR/blobs/part/HEX       what has arrived of a blob; its size is the offset to go on from
 *
 * A part becomes a blob after its bytes gave the digest and were synced: readers never see an
 * unverified file. Nothing is kept in memory about uploads, so a client that disappears leaves a
 * part and nothing else, and a restart resumes at the same byte. All calls belong to one thread,
 * except lt_blobs_verify_part and lt_blobs_verify_path, which any thread may run (they read whole
 * files). */
#ifndef LT_COORDINATOR_BLOBS_H
#define LT_COORDINATOR_BLOBS_H

#include "common/buf.h"
#include "common/digest.h"
#include "lefttail.pb-c.h"

typedef struct lt_blobs lt_blobs;

typedef struct lt_blobs_options {
    uint64_t blob_bytes_max;  /* larger blobs are refused; 0: 64 GiB */
    uint64_t part_age_ms_max; /* parts older than this are removed; 0: 7 days */
    bool trust_paths;         /* paths in offers may be read */
} lt_blobs_options;

lt_status lt_blobs_open(const char *dir, const lt_blobs_options *options, lt_blobs **out,
                        lt_error *error);
void lt_blobs_close(lt_blobs **blobs);

/* Removes parts that nobody has touched for part_age_ms_max; also done at open. */
void lt_blobs_sweep(lt_blobs *blobs);

/* The size of a complete blob, or LT_NOT_FOUND. A path record whose file has changed counts as
 * missing and is removed. */
lt_status lt_blobs_find(lt_blobs *blobs, const lt_digest *digest, uint64_t *bytes, lt_error *error);

/* Where an offered blob stands. COMPLETE: here and verified. PARTIAL: *offset bytes are here, the
 * rest is needed. UNVERIFIED: all bytes are here, lt_blobs_verify_part decides. LT_LIMIT: too
 * large. */
typedef enum lt_blob_state { LT_BLOB_COMPLETE, LT_BLOB_PARTIAL, LT_BLOB_UNVERIFIED } lt_blob_state;
lt_status lt_blobs_offer(lt_blobs *blobs, const lt_digest *digest, uint64_t bytes,
                         lt_blob_state *state, uint64_t *offset, lt_error *error);

/* Checks a chunk as it came from outside and appends it; keeps nothing of *chunk. A chunk that is
 * not the next one is no error: *offset says where to go on. LT_PROTOCOL: no digest, a lie about
 * sizes or a wrong checksum, nothing was written. LT_LIMIT: too large a blob. LT_FULL, LT_IO: no
 * space, a failed write; what was there before stays. */
lt_status lt_blobs_put_chunk(lt_blobs *blobs, const Lefttail__BlobChunk *chunk,
                             lt_blob_state *state, uint64_t *offset, lt_error *error);

/* Reads the part, compares the digest, syncs and renames it into place. LT_INPUT: other bytes than
 * promised; the part is removed. Any thread; one call per digest at a time. */
lt_status lt_blobs_verify_part(const lt_blobs *blobs, const lt_digest *digest, lt_error *error);

/* True if an offered path may stand for the blob, so far as that is quick to see: --trust-paths,
 * absolute, a regular file of that size. */
bool lt_blobs_path_plausible(const lt_blobs *blobs, const char *path, uint64_t bytes);

/* Reads the file at `path`; when it has the digest, records the path in place of a copy. LT_INPUT:
 * other bytes or changed meanwhile. Any thread; one call per digest at a time. */
lt_status lt_blobs_verify_path(const lt_blobs *blobs, const lt_digest *digest, const char *path,
                               uint64_t bytes, lt_error *error);

/* The chunk at `offset`, ready to be sent: at most LT_BLOB_CHUNK_BYTES raw, packed where that makes
 * it smaller. Nothing in *chunk is to be freed: its digest borrows *digest, its data borrows
 * `blobs` and is good until the next call that takes or gives a chunk. LT_NOT_FOUND, LT_INPUT
 * (offset at or past the end, where an empty blob has the one chunk at 0), LT_IO. */
lt_status lt_blobs_chunk(lt_blobs *blobs, const lt_digest *digest, uint64_t offset,
                         Lefttail__BlobChunk *chunk, lt_error *error);

/* The whole blob, which must not be larger than bytes_max; its digest is verified again. LT_FAILED:
 * it is damaged, and counts as missing from now on. */
lt_status lt_blobs_read(lt_blobs *blobs, const lt_digest *digest, size_t bytes_max, lt_buf *out,
                        lt_error *error);

#endif
