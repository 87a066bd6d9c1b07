/* Checkpoint files on this machine's disk, named by their SHA-256, and checkpoint folders made of
 * links to them. Several workers of a machine may share one folder.
 *
 *     DIR/blobs/HEX          a whole file, as verified when it was put there
 *     DIR/partial/HEX        a download under way; flock'ed by the worker that writes it
 *     DIR/checkpoints/HEX/   config.json -> ../../blobs/HEX, ...; HEX is the checkpoint's digest
 *
 * Nothing is believed unread: a file is hashed at its first use in a process, and again whenever
 * its size, time of change or inode is not what it was then. One that is wrong is deleted.
 *
 * The functions that hash (`_verify_path`, `_checkpoint`, `_finish`) take long on large files and
 * are made for work threads. The others are for the loop thread, and may run beside them. */
#ifndef LT_WORKER_CACHE_H
#define LT_WORKER_CACHE_H

#include "common/digest.h"
#include "lefttail.pb-c.h"

typedef struct lt_cache lt_cache;

/* Makes the folders. bytes_max 0: no limit. */
lt_status lt_cache_open(lt_cache **out, const char *dir, uint64_t bytes_max, lt_error *error);
void lt_cache_close(lt_cache **cache); /* safe on NULL; leaves NULL */
void lt_cache_stop(lt_cache *cache);   /* hashing under way ends with LT_CANCELLED. Any thread */

/* LT_OK when every file of the checkpoint is in the folder checkpoint->path with its size and
 * digest: it can be used as it is. LT_NOT_FOUND: one is missing, unreadable or another (the error
 * says which). Work thread. */
lt_status lt_cache_verify_path(lt_cache *cache, const Lefttail__Checkpoint *checkpoint,
                               lt_error *error);

/* LT_OK: all files are here; *dir is the folder to load (caller frees), and they are kept until
 * lt_cache_release. LT_NOT_FOUND: missing[i] is set for each file that must be fetched
 * ([n_files], caller's). Work thread. */
lt_status lt_cache_checkpoint(lt_cache *cache, const Lefttail__Checkpoint *checkpoint, char **dir,
                              bool *missing, lt_error *error);
void lt_cache_release(lt_cache *cache, const Lefttail__Checkpoint *checkpoint);

/* True when the files that were verified (by path or in the cache) still look as they did: no hash.
 * For just before and just after a checkpoint is loaded. Loop thread. */
bool lt_cache_unchanged(lt_cache *cache, const Lefttail__Checkpoint *checkpoint, const char *dir);

/* ---- a download, in order of its bytes ---- */

typedef struct lt_download {
    lt_digest digest;
    uint64_t bytes;  /* of the whole file */
    uint64_t offset; /* bytes that are here */
    int fd;          /* of the partial file, locked; -1: not open */
    char *path;
} lt_download;

/* Makes room, opens and locks the partial file, and goes on where it stopped. LT_CONFLICT: another
 * worker is at it; try again later. LT_FULL: no room within the limit, or on the disk. Loop thread.
 */
lt_status lt_download_open(lt_cache *cache, lt_download *download, const lt_digest *digest,
                           uint64_t bytes, lt_error *error);
lt_status lt_download_add(lt_download *download, const void *bytes, size_t count,
                          lt_error *error); /* LT_FULL, LT_IO */

/* All bytes are here: hashes them, and puts the file into blobs/. LT_FAILED: they are not what the
 * digest says; the partial file is deleted. Work thread. */
lt_status lt_download_finish(lt_cache *cache, lt_download *download, lt_error *error);
void lt_download_close(
    lt_download *download); /* keeps what is here; safe on zeroed memory with fd -1 */

#endif
