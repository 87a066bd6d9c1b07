/* Which files this process has hashed, what their digest was, and how to tell that they are still
 * the same files: device, inode, size, time of change. Thread-safe. */
#ifndef LT_WORKER_VERIFIED_H
#define LT_WORKER_VERIFIED_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/digest.h"

typedef struct lt_verified {
    pthread_mutex_t lock;
    struct lt_verified_file *files;
    size_t count;
    atomic_bool stop; /* ends hashing with LT_CANCELLED */
} lt_verified;

void lt_verified_init(lt_verified *verified);
void lt_verified_fini(lt_verified *verified);

/* LT_OK: the file has these bytes and this digest. LT_NOT_FOUND: it is not there or cannot be read.
 * LT_FAILED: it is another file. Hashes it unless it is known and unchanged. */
lt_status lt_verified_check(lt_verified *verified, const char *path, const lt_digest *digest,
                            uint64_t bytes, lt_error *error);

/* Known, with this digest, and unchanged. Never reads the file. */
bool lt_verified_unchanged(lt_verified *verified, const char *path, const lt_digest *digest);

/* The file was renamed. */
void lt_verified_moved(lt_verified *verified, const char *from, const char *to);

#endif
