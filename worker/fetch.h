/* One blob on its way from the coordinator: which chunks to ask for, and what to do with one that
 * came. Plain data; whoever owns it sends and stores. */
#ifndef LT_WORKER_FETCH_H
#define LT_WORKER_FETCH_H

#include "common/buf.h"
#include "common/digest.h"
#include "lefttail.pb-c.h"

#define LT_FETCH_WINDOW 4      /* chunks asked for and not yet here */
#define LT_FETCH_STRIKES_MAX 3 /* chunks that were wrong, before the blob is given up */

typedef struct lt_fetch {
    lt_digest digest;
    uint64_t bytes;
    uint64_t have;  /* the next byte that is wanted */
    uint64_t asked; /* the next offset to ask for */
    unsigned outstanding, strikes;
    uint64_t heard_ms; /* when a chunk came, or asking began */
} lt_fetch;

void lt_fetch_init(lt_fetch *fetch, const lt_digest *digest, uint64_t bytes, uint64_t have,
                   uint64_t now_ms);

/* True: ask for the chunk at *offset. Call until false. */
bool lt_fetch_next(lt_fetch *fetch, uint64_t *offset);

/* Asks anew for everything from `have` on: after a new session, or a silence. */
void lt_fetch_again(lt_fetch *fetch, uint64_t now_ms);

/* A chunk of this blob. LT_OK with *raw and *raw_bytes set: store them (raw points into the chunk
 * or into *scratch) and `have` has moved on; *raw_bytes 0: not the next one, ask again when nothing
 * is outstanding. LT_FAILED: wrong too often. */
lt_status lt_fetch_take(lt_fetch *fetch, const Lefttail__BlobChunk *chunk, lt_buf *scratch,
                        const uint8_t **raw, size_t *raw_bytes, uint64_t now_ms, lt_error *error);

#endif
