/* What a worker and its engine process say to each other over one Unix socket. Both are the same
 * program of the same build, so the form has no version: a length (4 bytes, little endian), a
 * kind, a body. */
#ifndef LT_WORKER_ENGINE_FRAME_H
#define LT_WORKER_ENGINE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/status.h"
#include "lefttail.pb-c.h"

/* kind, who sends it, body */
#define LT_ENGINE_FRAME_LIST(X)                                                                    \
    X(RUN)     /* worker: an lt_engine_run; only to an idle engine */                              \
    X(CANCEL)  /* worker: end the run in work soon; no body */                                     \
    X(LOADED)  /* engine: scoring begins; one byte: the checkpoint was read now, not in memory */  \
    X(TICK)    /* engine: it gets on, with a load or within texts; no body */                      \
    X(IN_WORK) /* engine: the one item now in work (careful runs); index in the pack, 4 bytes */   \
    X(ROW)     /* engine: a packed Row */                                                          \
    X(DONE)    /* engine: the run is over, all rows were sent (or cancelled); no body */           \
    X(FAILED)  /* engine: the run cannot be done; FailureReason as one byte, then words */
typedef enum lt_engine_frame {
#define X(name) LT_ENGINE_##name,
    LT_ENGINE_FRAME_LIST(X)
#undef X
} lt_engine_frame;

#define LT_ENGINE_FRAME_BYTES_MAX (80u << 20) /* a pack (LT_PACK_BYTES_MAX), a lease, a path */

/* One lease, ready to be scored. Everything is borrowed. */
typedef struct lt_engine_run {
    const Lefttail__Lease *lease;
    const char *checkpoint_dir;
    const void *pack; /* the pack's bytes */
    size_t pack_bytes;
    bool careful;     /* one text at a time, announced by IN_WORK: to find the one that kills */
    bool loaded_only; /* with a checkpoint that is in memory still, or FAILED with FAILURE_NONE */
} lt_engine_run;

void lt_engine_frame_put(lt_buf *out, lt_engine_frame kind, const void *body, size_t count);
void lt_engine_frame_put_run(lt_buf *out, const lt_engine_run *run);

/* The frame at the start of bytes[0..count): its kind, body and whole size. LT_OK with *whole 0
 * when there is not enough yet; LT_PROTOCOL when it cannot be one. */
lt_status lt_engine_frame_take(const void *bytes, size_t count, lt_engine_frame *kind,
                               const uint8_t **body, size_t *body_bytes, size_t *whole,
                               lt_error *error);

/* Reads a RUN body. The pack and the path are borrowed from it; *lease is freed with
 * lefttail__lease__free_unpacked(lease, NULL), and run->lease is it. */
lt_status lt_engine_frame_read_run(const uint8_t *body, size_t count, lt_engine_run *run,
                                   Lefttail__Lease **lease, lt_error *error);

#endif
