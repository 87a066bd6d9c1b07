/* Links are relative and symbolic, so a blob has one name with bytes behind it and evicting it
 * frees them. Its last use is its access time, set by hand: file systems are mounted noatime.
 *
 * Blobs in use are kept open with a shared flock; who makes room tries an exclusive one, so
 * workers that share a folder respect each other. */
#include "worker/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checkpoint.h"
#include "common/file.h"
#include "common/log.h"
#include "worker/verified.h"

#define PINS_MAX 256

struct pin {
    lt_digest digest;
    int fd; /* with the shared lock */
    unsigned uses;
};

struct lt_cache {
    char *dir;
    uint64_t bytes_max;
    lt_verified verified;
    pthread_mutex_t lock;      /* pins */
    pthread_mutex_t work_lock; /* one hashes at a time: the next finds what it learned */
    struct pin pins[PINS_MAX];
    size_t pin_count;
};

static char *path_in(const lt_cache *cache, const char *folder, const lt_digest *digest)
{
    char hex[LT_DIGEST_HEX_BYTES];
    lt_buf path = {0};
    lt_buf_printf(&path, "%s/%s/%s", cache->dir, folder, lt_digest_hex(digest, hex));
    return lt_buf_take(&path);
}

static lt_digest digest_of(const Lefttail__CheckpointFile *file)
{
    lt_digest digest = {{0}};
    lt_digest_from_bytes(file->digest.data, file->digest.len, &digest);
    return digest;
}

lt_status lt_cache_open(lt_cache **out, const char *dir, uint64_t bytes_max, lt_error *error)
{
    static const char *const folders[] = {"blobs", "partial", "checkpoints"};
    *out = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path = lt_path_join(dir, folders[i]);
        const lt_status status = lt_dir_make(path, error);
        free(path);
        LT_TRY(status);
    }
    lt_cache *cache = lt_alloc(sizeof *cache);
    cache->dir = lt_path_absolute(dir);
    cache->bytes_max = bytes_max;
    lt_verified_init(&cache->verified);
    pthread_mutex_init(&cache->lock, NULL);
    pthread_mutex_init(&cache->work_lock, NULL);
    *out = cache;
    return LT_OK;
}

void lt_cache_close(lt_cache **cache)
{
    if (!*cache)
        return;
    for (size_t i = 0; i < (*cache)->pin_count; i++)
        close((*cache)->pins[i].fd);
    lt_verified_fini(&(*cache)->verified);
    pthread_mutex_destroy(&(*cache)->lock);
    pthread_mutex_destroy(&(*cache)->work_lock);
    free((*cache)->dir);
    free(*cache);
    *cache = NULL;
}

void lt_cache_stop(lt_cache *cache)
{
    atomic_store(&cache->verified.stop, true);
}

static lt_status check(lt_cache *cache, const char *path, const lt_digest *digest, uint64_t bytes,
                       lt_error *error)
{
    pthread_mutex_lock(&cache->work_lock);
    const lt_status status = lt_verified_check(&cache->verified, path, digest, bytes, error);
    pthread_mutex_unlock(&cache->work_lock);
    return status;
}

lt_status lt_cache_verify_path(lt_cache *cache, const Lefttail__Checkpoint *checkpoint,
                               lt_error *error)
{
    if (!*checkpoint->path)
        return lt_fail(error, LT_NOT_FOUND, NULL, "the checkpoint has no path");
    lt_status status = LT_OK;
    for (size_t i = 0; i < checkpoint->n_files && status == LT_OK; i++) {
        const lt_digest digest = digest_of(checkpoint->files[i]);
        char *path = lt_path_join(checkpoint->path, checkpoint->files[i]->name);
        status = check(cache, path, &digest, checkpoint->files[i]->bytes, error);
        free(path);
    }
    return status == LT_OK || status == LT_CANCELLED ? status : LT_NOT_FOUND;
}

bool lt_cache_unchanged(lt_cache *cache, const Lefttail__Checkpoint *checkpoint, const char *dir)
{
    const bool in_cache = strcmp(dir, checkpoint->path) != 0;
    bool good = true;
    for (size_t i = 0; i < checkpoint->n_files && good; i++) {
        const lt_digest digest = digest_of(checkpoint->files[i]);
        char *path = in_cache ? path_in(cache, "blobs", &digest)
                              : lt_path_join(dir, checkpoint->files[i]->name);
        good = lt_verified_unchanged(&cache->verified, path, &digest);
        free(path);
    }
    return good;
}

/* ---- blobs in use ---- */

static bool pin(lt_cache *cache, const lt_digest *digest)
{
    char *path = path_in(cache, "blobs", digest);
    pthread_mutex_lock(&cache->lock);
    struct pin *found = NULL;
    for (size_t i = 0; i < cache->pin_count && !found; i++)
        if (lt_digest_equal(&cache->pins[i].digest, digest))
            found = &cache->pins[i];
    const int fd = found || cache->pin_count == PINS_MAX ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        flock(fd, LOCK_SH | LOCK_NB);
        found = &cache->pins[cache->pin_count++];
        *found = (struct pin){*digest, fd, 0};
    }
    if (found)
        found->uses++;
    pthread_mutex_unlock(&cache->lock);
    free(path);
    return found != NULL;
}

static void unpin(lt_cache *cache, const lt_digest *digest)
{
    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->pin_count; i++)
        if (lt_digest_equal(&cache->pins[i].digest, digest)) {
            if (--cache->pins[i].uses == 0) {
                close(cache->pins[i].fd);
                cache->pins[i] = cache->pins[--cache->pin_count];
            }
            break;
        }
    pthread_mutex_unlock(&cache->lock);
}

static bool is_pinned_here(lt_cache *cache, const lt_digest *digest)
{
    bool found = false;
    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->pin_count; i++)
        found = found || lt_digest_equal(&cache->pins[i].digest, digest);
    pthread_mutex_unlock(&cache->lock);
    return found;
}

/* ---- checkpoints ---- */

static void touch(const char *path)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    utimensat(AT_FDCWD, path, times, 0);
}

/* The blob is here and right; a wrong one is deleted. */
static lt_status check_blob(lt_cache *cache, const Lefttail__CheckpointFile *file, lt_error *error)
{
    const lt_digest digest = digest_of(file);
    char *path = path_in(cache, "blobs", &digest);
    touch(path);
    lt_status status = check(cache, path, &digest, file->bytes, error);
    if (status == LT_FAILED) {
        lt_log_warn("cache_corrupt", "file", "%s", path, "checkpoint_file", "%s", file->name, NULL);
        unlink(path);
    }
    free(path);
    return status;
}

static lt_status link_files(const Lefttail__Checkpoint *checkpoint, const char *dir,
                            lt_error *error)
{
    LT_TRY(lt_dir_make(dir, error));
    lt_status status = LT_OK;
    for (size_t i = 0; i < checkpoint->n_files && status == LT_OK; i++) {
        const lt_digest digest = digest_of(checkpoint->files[i]);
        char hex[LT_DIGEST_HEX_BYTES], target[16 + LT_DIGEST_HEX_BYTES];
        snprintf(target, sizeof target, "../../blobs/%s", lt_digest_hex(&digest, hex));
        char *name = lt_path_join(dir, checkpoint->files[i]->name);
        if (symlink(target, name) != 0 && errno != EEXIST)
            status = lt_fail_errno(error, name, "cannot link");
        free(name);
    }
    return status;
}

static void release_first(lt_cache *cache, const Lefttail__Checkpoint *checkpoint, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const lt_digest digest = digest_of(checkpoint->files[i]);
        unpin(cache, &digest);
    }
}

lt_status lt_cache_checkpoint(lt_cache *cache, const Lefttail__Checkpoint *checkpoint, char **dir,
                              bool *missing, lt_error *error)
{
    *dir = NULL;
    LT_TRY(lt_checkpoint_check(checkpoint, error)); /* names come from outside and become paths */
    size_t missing_count = 0;
    for (size_t i = 0; i < checkpoint->n_files; i++) {
        const lt_status status = check_blob(cache, checkpoint->files[i], error);
        if (status == LT_CANCELLED)
            return status;
        missing[i] = status != LT_OK;
        missing_count += missing[i];
    }
    if (missing_count)
        return LT_NOT_FOUND;
    for (size_t i = 0; i < checkpoint->n_files; i++) {
        const lt_digest digest = digest_of(checkpoint->files[i]);
        if (!pin(cache, &digest)) {
            release_first(cache, checkpoint, i);
            return lt_fail(error, LT_LIMIT, NULL, "too many checkpoint files are in use at once");
        }
    }
    const lt_digest digest = lt_checkpoint_digest(checkpoint);
    *dir = path_in(cache, "checkpoints", &digest);
    const lt_status status = link_files(checkpoint, *dir, error);
    if (status != LT_OK) {
        lt_cache_release(cache, checkpoint);
        free(*dir);
        *dir = NULL;
    }
    return status;
}

void lt_cache_release(lt_cache *cache, const Lefttail__Checkpoint *checkpoint)
{
    release_first(cache, checkpoint, checkpoint->n_files);
}

/* ---- room ---- */

struct stored {
    char name[LT_DIGEST_HEX_BYTES];
    uint64_t bytes;
    struct timespec used;
};

static int older(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

static struct stored *list(const char *folder, size_t *count, uint64_t *bytes)
{
    struct stored *found = NULL;
    DIR *dir = opendir(folder);
    *count = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat st;
        lt_digest digest;
        if (!lt_digest_from_hex(entry->d_name, &digest) ||
            fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
            continue;
        found = lt_realloc(found, (*count + 1) * sizeof *found);
        struct stored *stored = &found[(*count)++];
        *stored = (struct stored){.bytes = (uint64_t)st.st_size, .used = st.st_atim};
        lt_digest_hex(&digest, stored->name);
        *bytes += stored->bytes;
    }
    if (dir)
        closedir(dir);
    return found;
}

static bool evict(lt_cache *cache, const char *folder, const struct stored *stored)
{
    lt_digest digest;
    lt_digest_from_hex(stored->name, &digest);
    if (is_pinned_here(cache, &digest))
        return false;
    char *path = path_in(cache, folder, &digest);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool unused = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    const bool gone = unused && unlink(path) == 0;
    if (fd >= 0)
        close(fd);
    if (gone)
        lt_log_info("cache_evicted", "file", "%s", path, "bytes", "%lu", stored->bytes, NULL);
    free(path);
    return gone;
}

/* Deletes what was not used for longest until `bytes` more fit. */
static lt_status make_room(lt_cache *cache, uint64_t bytes, lt_error *error)
{
    static const char *const folders[] = {"partial", "blobs"};
    uint64_t held = 0;
    struct stored *lists[2];
    size_t counts[2];
    if (!cache->bytes_max)
        return LT_OK;
    for (int i = 0; i < 2; i++) {
        char *folder = lt_path_join(cache->dir, folders[i]);
        lists[i] = list(folder, &counts[i], &held);
        free(folder);
        if (counts[i])
            qsort(lists[i], counts[i], sizeof *lists[i], older);
    }
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < counts[i] && held + bytes > cache->bytes_max; k++)
            if (evict(cache, folders[i], &lists[i][k]))
                held -= lists[i][k].bytes;
        free(lists[i]);
    }
    if (held + bytes <= cache->bytes_max)
        return LT_OK;
    return lt_remedy(error,
                     lt_fail(error, LT_FULL, cache->dir,
                             "%lu bytes are needed and %lu of %lu are in use", (unsigned long)bytes,
                             (unsigned long)held, (unsigned long)cache->bytes_max),
                     "raise --cache-bytes-max");
}

/* ---- downloads ---- */

lt_status lt_download_open(lt_cache *cache, lt_download *download, const lt_digest *digest,
                           uint64_t bytes, lt_error *error)
{
    *download = (lt_download){.digest = *digest, .bytes = bytes, .fd = -1};
    download->path = path_in(cache, "partial", digest);
    download->fd = open(download->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (download->fd < 0)
        return lt_fail_errno(error, download->path, "cannot open");
    struct stat st;
    if (flock(download->fd, LOCK_EX | LOCK_NB) != 0 || fstat(download->fd, &st) != 0 ||
        st.st_nlink == 0) {
        lt_download_close(download);
        return lt_fail(error, LT_CONFLICT, NULL, "another worker is fetching this file");
    }
    download->offset = (uint64_t)st.st_size;
    if (download->offset > bytes) {
        download->offset = 0;
        if (ftruncate(download->fd, 0) != 0)
            return lt_fail_errno(error, download->path, "cannot truncate");
    }
    const lt_status status = make_room(cache, bytes - download->offset, error);
    if (status != LT_OK)
        lt_download_close(download);
    return status;
}

lt_status lt_download_add(lt_download *download, const void *bytes, size_t count, lt_error *error)
{
    LT_ASSERT(count <= download->bytes - download->offset);
    for (const char *at = bytes; count > 0;) {
        const ssize_t put = pwrite(download->fd, at, count, (off_t)download->offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return lt_fail_errno(error, download->path, "cannot write");
        at += put;
        count -= (size_t)put;
        download->offset += (uint64_t)put;
    }
    return LT_OK;
}

lt_status lt_download_finish(lt_cache *cache, lt_download *download, lt_error *error)
{
    LT_ASSERT(download->offset == download->bytes);
    if (fsync(download->fd) != 0)
        return lt_fail_errno(error, download->path, "cannot sync");
    const lt_status status =
        check(cache, download->path, &download->digest, download->bytes, error);
    if (status == LT_FAILED)
        unlink(download->path);
    LT_TRY(status);
    char *path = path_in(cache, "blobs", &download->digest);
    const lt_status moved = rename(download->path, path) == 0
                                ? LT_OK
                                : lt_fail_errno(error, path, "cannot rename into place");
    if (moved == LT_OK)
        lt_verified_moved(&cache->verified, download->path, path);
    free(path);
    return moved;
}

void lt_download_close(lt_download *download)
{
    if (download->fd >= 0)
        close(download->fd);
    free(download->path);
    download->path = NULL;
    download->fd = -1;
}
