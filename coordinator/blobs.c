/* Where blobs lie, and what is here. What arrives and leaves in chunks: blobs_chunks.c. */
#include "coordinator/blobs_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"

enum { RECORD_BYTES_MAX = PATH_MAX + 256 };
static const uint64_t BLOB_BYTES_MAX_DEFAULT = 64ull << 30;
static const uint64_t PART_AGE_MS_DEFAULT = 7ull * 24 * 3600 * 1000;

/* What a path record says, and what stat says of the file. */
struct file_facts {
    uint64_t bytes, inode, device, mtime_ns, ctime_ns;
};

/* ---- names ----------------------------------------------------------------------------- */

const char *lt_blob_path(const lt_blobs *blobs, const lt_digest *digest, char out[PATH_MAX])
{
    char hex[LT_DIGEST_HEX_BYTES];
    lt_digest_hex(digest, hex);
    snprintf(out, PATH_MAX, "%s/%.2s/%s", blobs->root, hex, hex);
    return out;
}

const char *lt_blob_record_path(const lt_blobs *blobs, const lt_digest *digest, char out[PATH_MAX])
{
    char hex[LT_DIGEST_HEX_BYTES];
    lt_digest_hex(digest, hex);
    snprintf(out, PATH_MAX, "%s/%.2s/%s.path", blobs->root, hex, hex);
    return out;
}

const char *lt_blob_part_path(const lt_blobs *blobs, const lt_digest *digest, char out[PATH_MAX])
{
    char hex[LT_DIGEST_HEX_BYTES];
    snprintf(out, PATH_MAX, "%s/part/%s", blobs->root, lt_digest_hex(digest, hex));
    return out;
}

/* ---- opening ----------------------------------------------------------------------------- */

static lt_status make_folders(const char *root, lt_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/part", root);
    LT_TRY(lt_dir_make(path, error));
    for (unsigned i = 0; i < 256; i++) {
        snprintf(path, sizeof path, "%s/%02x", root, i);
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return lt_fail_errno(error, path, "cannot make the folder");
    }
    return lt_dir_sync(root, error);
}

lt_status lt_blobs_open(const char *dir, const lt_blobs_options *options, lt_blobs **out,
                        lt_error *error)
{
    if (strlen(dir) + 2 * LT_DIGEST_HEX_BYTES > PATH_MAX)
        return lt_fail(error, LT_INPUT, dir, "the path is too long");
    lt_blobs *blobs = lt_alloc(sizeof *blobs);
    blobs->root = lt_path_join(dir, "blobs");
    blobs->options = *options;
    if (blobs->options.blob_bytes_max == 0)
        blobs->options.blob_bytes_max = BLOB_BYTES_MAX_DEFAULT;
    if (blobs->options.part_age_ms_max == 0)
        blobs->options.part_age_ms_max = PART_AGE_MS_DEFAULT;
    const lt_status status = make_folders(blobs->root, error);
    if (status != LT_OK) {
        lt_blobs_close(&blobs);
        return status;
    }
    lt_blobs_sweep(blobs);
    *out = blobs;
    return LT_OK;
}

void lt_blobs_close(lt_blobs **blobs_at)
{
    lt_blobs *blobs = *blobs_at;
    if (!blobs)
        return;
    lt_buf_fini(&blobs->raw);
    lt_buf_fini(&blobs->packed);
    free(blobs->root);
    free(blobs);
    *blobs_at = NULL;
}

void lt_blobs_sweep(lt_blobs *blobs)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/part", blobs->root);
    DIR *folder = opendir(path);
    if (!folder)
        return;
    const uint64_t now = lt_wall_ms();
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat st;
        if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode))
            continue;
        const uint64_t touched =
            (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
        if (touched + blobs->options.part_age_ms_max > now)
            continue;
        if (unlinkat(dirfd(folder), entry->d_name, 0) == 0)
            lt_log_info("blob_part_removed", "digest", "%s", entry->d_name, "bytes", "%lu",
                        (uint64_t)st.st_size, NULL);
    }
    closedir(folder);
}

/* ---- path records -------------------------------------------------------------------------- */

static bool file_facts_of(const char *path, struct file_facts *facts)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    *facts = (struct file_facts){
        .bytes = (uint64_t)st.st_size,
        .inode = st.st_ino,
        .device = st.st_dev,
        .mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec,
        .ctime_ns = (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec,
    };
    return true;
}

static bool facts_equal(const struct file_facts *a, const struct file_facts *b)
{
    return a->bytes == b->bytes && a->inode == b->inode && a->device == b->device &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* Reads the record: "BYTES INODE DEVICE MTIME CTIME PATH\n". */
static bool record_read(const char *record, struct file_facts *facts, char path[PATH_MAX])
{
    lt_buf text = {0};
    bool good = false;
    if (lt_file_read(record, RECORD_BYTES_MAX, &text, NULL) == LT_OK) {
        int path_at = 0;
        const int fields =
            sscanf(lt_buf_str(&text),
                   "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %n", &facts->bytes,
                   &facts->inode, &facts->device, &facts->mtime_ns, &facts->ctime_ns, &path_at);
        const char *name = lt_buf_str(&text) + path_at;
        const size_t len = strcspn(name, "\n");
        good = fields == 5 && path_at > 0 && name[0] == '/' && name[len] == '\n' && len < PATH_MAX;
        if (good) {
            memcpy(path, name, len);
            path[len] = '\0';
        }
    }
    lt_buf_fini(&text);
    return good;
}

bool lt_blob_locate(const lt_blobs *blobs, const lt_digest *digest, char path[PATH_MAX],
                    uint64_t *bytes)
{
    struct file_facts now, then;
    if (file_facts_of(lt_blob_path(blobs, digest, path), &now)) {
        *bytes = now.bytes;
        return true;
    }
    char record[PATH_MAX];
    lt_blob_record_path(blobs, digest, record);
    if (!blobs->options.trust_paths || access(record, F_OK) != 0)
        return false;
    if (record_read(record, &then, path) && file_facts_of(path, &now) && facts_equal(&now, &then)) {
        *bytes = now.bytes;
        return true;
    }
    lt_log_warn("blob_path_changed", "record", "%s", record, NULL);
    unlink(record);
    return false;
}

bool lt_blobs_path_plausible(const lt_blobs *blobs, const char *path, uint64_t bytes)
{
    struct file_facts facts;
    return blobs->options.trust_paths && path[0] == '/' && strlen(path) < PATH_MAX - 1 &&
           !strchr(path, '\n') && file_facts_of(path, &facts) && facts.bytes == bytes;
}

static lt_status path_changed(const char *path, lt_error *error)
{
    return lt_remedy(error,
                     lt_fail(error, LT_INPUT, path, "does not have the bytes that were offered"),
                     "leave checkpoint files alone while a job uses them; run the command again");
}

lt_status lt_blobs_verify_path(const lt_blobs *blobs, const lt_digest *digest, const char *path,
                               uint64_t bytes, lt_error *error)
{
    struct file_facts before, after;
    lt_digest found;
    if (!lt_blobs_path_plausible(blobs, path, bytes) || !file_facts_of(path, &before))
        return path_changed(path, error);
    LT_TRY(lt_digest_of_file(path, &found, NULL, error));
    if (!lt_digest_equal(&found, digest) || !file_facts_of(path, &after) ||
        !facts_equal(&before, &after))
        return path_changed(path, error);
    char record[PATH_MAX], text[RECORD_BYTES_MAX];
    const int len = snprintf(
        text, sizeof text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n",
        after.bytes, after.inode, after.device, after.mtime_ns, after.ctime_ns, path);
    return lt_file_write(lt_blob_record_path(blobs, digest, record), text, (size_t)len, error);
}

/* ---- arriving ------------------------------------------------------------------------------ */

lt_status lt_blobs_find(lt_blobs *blobs, const lt_digest *digest, uint64_t *bytes, lt_error *error)
{
    char path[PATH_MAX], hex[LT_DIGEST_HEX_BYTES];
    if (lt_blob_locate(blobs, digest, path, bytes))
        return LT_OK;
    return lt_fail(error, LT_NOT_FOUND, NULL, "there is no blob %s", lt_digest_hex(digest, hex));
}

static lt_status size_refused(const lt_blobs *blobs, uint64_t bytes, lt_error *error)
{
    return lt_remedy(
        error,
        lt_expected(error,
                    lt_fail(error, LT_LIMIT, NULL,
                            "a file of %" PRIu64 " bytes is too large for this coordinator", bytes),
                    "at most %" PRIu64 " bytes", blobs->options.blob_bytes_max),
        "start the coordinator with a larger --blob-bytes-max");
}

lt_status lt_blobs_offer(lt_blobs *blobs, const lt_digest *digest, uint64_t bytes,
                         lt_blob_state *state, uint64_t *offset, lt_error *error)
{
    char path[PATH_MAX];
    if (bytes > blobs->options.blob_bytes_max)
        return size_refused(blobs, bytes, error);
    *state = LT_BLOB_COMPLETE;
    if (lt_blob_locate(blobs, digest, path, offset))
        return LT_OK;
    struct stat st;
    const bool have_part = stat(lt_blob_part_path(blobs, digest, path), &st) == 0;
    if (have_part && (uint64_t)st.st_size > bytes) {
        unlink(path); /* no prefix of this content */
        st.st_size = 0;
    }
    *offset = have_part ? (uint64_t)st.st_size : 0;
    *state = *offset == bytes ? LT_BLOB_UNVERIFIED : LT_BLOB_PARTIAL;
    return LT_OK;
}
