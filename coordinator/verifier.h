/* Whole-file digests and syncs off the loop's thread: a checkpoint of many gigabytes must not stop
 * leases from being renewed. One verification per digest runs at a time; whoever asks for
 * the same digest meanwhile waits for it. Calls and callbacks on the loop's thread. */
#ifndef LT_COORDINATOR_VERIFIER_H
#define LT_COORDINATOR_VERIFIER_H

#include <uv.h>

#include "coordinator/blobs.h"

typedef struct lt_verifier lt_verifier;

/* How it ended for one who waits: status LT_OK, or what lt_blobs_verify_part/_path returned. */
typedef void lt_verifier_done_fn(void *context, const lt_digest *digest, lt_status status,
                                 const lt_error *error);

lt_verifier *lt_verifier_new(uv_loop_t *loop, lt_blobs *blobs);

/* Verifies the part of `digest`, or with a path (copied) the file there. `done` comes later, from
 * the loop. LT_LIMIT: too many are under way. */
lt_status lt_verifier_add(lt_verifier *verifier, const lt_digest *digest, const char *path,
                          uint64_t bytes, lt_verifier_done_fn *done, void *context,
                          lt_error *error);

/* True while a verification of this digest is under way. */
bool lt_verifier_busy(const lt_verifier *verifier, const lt_digest *digest);

/* No callbacks from now on; memory goes when the loop has run what is under way. Keep the blobs
 * open until the loop has returned. */
void lt_verifier_close(lt_verifier **verifier);

#endif
