/* What blobs.c and blobs_chunks.c share. */
#ifndef LT_COORDINATOR_BLOBS_INNER_H
#define LT_COORDINATOR_BLOBS_INNER_H

#include <limits.h>

#include "coordinator/blobs.h"

enum { LT_BLOB_VERDICTS = 64 }; /* blobs whose compressibility is remembered */

/* Weights do not shrink: after one chunk that packing did not make smaller, a blob's other chunks
 * are sent as they are. A small table, overwritten in turn, is enough for what is being fetched. */
struct lt_blob_verdict {
    lt_digest digest;
    bool incompressible;
};

struct lt_blobs {
    char *root; /* DIR/blobs */
    lt_blobs_options options;
    struct lt_blob_verdict verdicts[LT_BLOB_VERDICTS];
    unsigned verdict_next;
    lt_buf raw, packed; /* scratch of one chunk */
};

/* Each writes the name into `out` and returns it. */
const char *lt_blob_path(const lt_blobs *blobs, const lt_digest *digest, char out[PATH_MAX]);
const char *lt_blob_record_path(const lt_blobs *blobs, const lt_digest *digest, char out[PATH_MAX]);
const char *lt_blob_part_path(const lt_blobs *blobs, const lt_digest *digest, char out[PATH_MAX]);

/* Where the bytes of a complete blob are; false if there are none. */
bool lt_blob_locate(const lt_blobs *blobs, const lt_digest *digest, char path[PATH_MAX],
                    uint64_t *bytes);

#endif
