#include "worker/verified.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"

#define READ_BYTES (1u << 20)
#define FILES_MAX 4096 /* remembered; past that all are forgotten and hashed again when used */

struct identity {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec modified;
};

struct lt_verified_file {
    char *path;
    lt_digest digest; /* what it was found to be */
    struct identity identity;
};

static struct identity identity_of(const struct stat *st)
{
    return (struct identity){st->st_dev, st->st_ino, st->st_size, st->st_mtim};
}

static bool same(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

void lt_verified_init(lt_verified *verified)
{
    *verified = (lt_verified){0};
    pthread_mutex_init(&verified->lock, NULL);
}

static void forget_all(lt_verified *verified)
{
    for (size_t i = 0; i < verified->count; i++)
        free(verified->files[i].path);
    free(verified->files);
    verified->files = NULL;
    verified->count = 0;
}

void lt_verified_fini(lt_verified *verified)
{
    forget_all(verified);
    pthread_mutex_destroy(&verified->lock);
}

/* Under the lock. */
static struct lt_verified_file *find(lt_verified *verified, const char *path)
{
    for (size_t i = 0; i < verified->count; i++)
        if (strcmp(verified->files[i].path, path) == 0)
            return &verified->files[i];
    return NULL;
}

static bool known(lt_verified *verified, const char *path, const struct identity *identity,
                  lt_digest *digest)
{
    pthread_mutex_lock(&verified->lock);
    const struct lt_verified_file *file = find(verified, path);
    const bool found = file && same(&file->identity, identity);
    if (found)
        *digest = file->digest;
    pthread_mutex_unlock(&verified->lock);
    return found;
}

static void remember(lt_verified *verified, const char *path, const struct identity *identity,
                     const lt_digest *digest)
{
    pthread_mutex_lock(&verified->lock);
    struct lt_verified_file *file = find(verified, path);
    if (!file) {
        if (verified->count >= FILES_MAX)
            forget_all(verified);
        verified->files =
            lt_realloc(verified->files, (verified->count + 1) * sizeof *verified->files);
        file = &verified->files[verified->count++];
        *file = (struct lt_verified_file){.path = lt_strdup(path)};
    }
    file->identity = *identity;
    file->digest = *digest;
    pthread_mutex_unlock(&verified->lock);
}

static lt_status hash(lt_verified *verified, int fd, const char *path, lt_digest *out,
                      lt_error *error)
{
    char *block = lt_alloc(READ_BYTES);
    lt_hasher hasher;
    lt_hasher_init(&hasher);
    lt_status status = LT_OK;
    for (;;) {
        const ssize_t got = read(fd, block, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status = lt_fail_errno(error, path, "cannot read");
        else if (atomic_load(&verified->stop))
            status = lt_fail(error, LT_CANCELLED, path, "stopped while it was hashed");
        if (got <= 0 || status != LT_OK)
            break;
        lt_hasher_add(&hasher, block, (size_t)got);
    }
    *out = lt_hasher_end(&hasher);
    free(block);
    return status;
}

/* The identity is taken before the bytes are read: a file that changes while it is hashed is one
 * that has changed since. */
static lt_status check_open(lt_verified *verified, int fd, const char *path,
                            const lt_digest *digest, uint64_t bytes, lt_error *error)
{
    struct stat st;
    lt_digest found;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return lt_fail(error, LT_NOT_FOUND, path, "it is not a regular file");
    if ((uint64_t)st.st_size != bytes)
        return lt_fail(error, LT_FAILED, path, "it has %lld bytes, not %llu", (long long)st.st_size,
                       (unsigned long long)bytes);
    const struct identity identity = identity_of(&st);
    if (!known(verified, path, &identity, &found)) {
        LT_TRY(hash(verified, fd, path, &found, error));
        remember(verified, path, &identity, &found);
    }
    char hex[LT_DIGEST_HEX_BYTES];
    if (!lt_digest_equal(&found, digest))
        return lt_expected(
            error, lt_fail(error, LT_FAILED, path, "its SHA-256 is %s", lt_digest_hex(&found, hex)),
            "another one: it is not the file that the job was submitted with");
    return LT_OK;
}

lt_status lt_verified_check(lt_verified *verified, const char *path, const lt_digest *digest,
                            uint64_t bytes, lt_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        lt_fail_errno(error, path, "cannot open");
        if (error)
            error->status = LT_NOT_FOUND;
        return LT_NOT_FOUND;
    }
    const lt_status status = check_open(verified, fd, path, digest, bytes, error);
    close(fd);
    return status;
}

bool lt_verified_unchanged(lt_verified *verified, const char *path, const lt_digest *digest)
{
    struct stat st;
    lt_digest found;
    if (stat(path, &st) != 0)
        return false;
    const struct identity identity = identity_of(&st);
    return known(verified, path, &identity, &found) && lt_digest_equal(&found, digest);
}

void lt_verified_moved(lt_verified *verified, const char *from, const char *to)
{
    pthread_mutex_lock(&verified->lock);
    struct lt_verified_file *there = find(verified, to), *file = find(verified, from);
    if (there && file) {
        there->identity = file->identity;
        there->digest = file->digest;
    } else if (file) {
        free(file->path);
        file->path = lt_strdup(to);
    }
    pthread_mutex_unlock(&verified->lock);
}
