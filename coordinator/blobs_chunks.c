#include "coordinator/blobs_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/chunk.h"
#include "common/file.h"
#include "common/limits.h"

enum { TELLING_BYTES_MIN = 256 }; /* a shorter chunk does not tell how its blob packs */

/* ---- arriving ------------------------------------------------------------------------------ */

/* Writes all of it at `offset`, or takes back what it wrote. */
static lt_status append_part(const char *path, uint64_t offset, const void *bytes, size_t count,
                             lt_error *error)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return lt_fail_errno(error, path, "cannot open");
    lt_status status = LT_OK;
    for (size_t done = 0; done < count && status == LT_OK;) {
        const ssize_t put =
            pwrite(fd, (const char *)bytes + done, count - done, (off_t)(offset + done));
        if (put > 0)
            done += (size_t)put;
        else if (put < 0 && errno != EINTR)
            status = lt_fail_errno(error, path, "cannot write");
    }
    if (status != LT_OK && ftruncate(fd, (off_t)offset) != 0)
        unlink(path);
    close(fd);
    return status;
}

lt_status lt_blobs_put_chunk(lt_blobs *blobs, const Lefttail__BlobChunk *chunk,
                             lt_blob_state *state, uint64_t *offset, lt_error *error)
{
    const char *where = "blob_chunk";
    const void *raw = NULL;
    lt_digest digest;
    if (!lt_digest_from_bytes(chunk->digest.data, chunk->digest.len, &digest))
        return lt_fail(error, LT_PROTOCOL, where, "has no SHA-256");
    LT_TRY(lt_blobs_offer(blobs, &digest, chunk->blob_bytes, state, offset, error));
    LT_TRY(lt_chunk_open(chunk, &blobs->raw, &raw, error));
    if (chunk->raw_bytes == 0 && chunk->blob_bytes > 0)
        return lt_fail(error, LT_PROTOCOL, where, "is empty");
    if (*state != LT_BLOB_PARTIAL || chunk->offset != *offset)
        return LT_OK;
    char path[PATH_MAX];
    LT_TRY(append_part(lt_blob_part_path(blobs, &digest, path), *offset, raw, chunk->raw_bytes,
                       error));
    *offset += chunk->raw_bytes;
    if (*offset == chunk->blob_bytes)
        *state = LT_BLOB_UNVERIFIED;
    return LT_OK;
}

static lt_status sync_file(const char *path, lt_error *error)
{
    const int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644); /* an empty blob has no part yet */
    if (fd < 0)
        return lt_fail_errno(error, path, "cannot open");
    const lt_status status = fsync(fd) == 0 ? LT_OK : lt_fail_errno(error, path, "cannot sync");
    close(fd);
    return status;
}

lt_status lt_blobs_verify_part(const lt_blobs *blobs, const lt_digest *digest, lt_error *error)
{
    char part[PATH_MAX], whole[PATH_MAX], hex[LT_DIGEST_HEX_BYTES];
    lt_blob_part_path(blobs, digest, part);
    lt_blob_path(blobs, digest, whole);
    LT_TRY(sync_file(part, error));
    lt_digest found;
    LT_TRY(lt_digest_of_file(part, &found, NULL, error));
    if (!lt_digest_equal(&found, digest)) {
        unlink(part);
        return lt_remedy(error,
                         lt_fail(error, LT_INPUT, NULL,
                                 "the bytes that came for %s have another digest",
                                 lt_digest_hex(digest, hex)),
                         "send it again from the start");
    }
    if (rename(part, whole) != 0)
        return lt_fail_errno(error, whole, "cannot rename the finished part");
    *strrchr(whole, '/') = '\0';
    return lt_dir_sync(whole, error);
}

/* ---- leaving ------------------------------------------------------------------------------- */

static struct lt_blob_verdict *verdict_of(lt_blobs *blobs, const lt_digest *digest)
{
    for (unsigned i = 0; i < LT_BLOB_VERDICTS; i++)
        if (lt_digest_equal(&blobs->verdicts[i].digest, digest))
            return &blobs->verdicts[i];
    struct lt_blob_verdict *verdict = &blobs->verdicts[blobs->verdict_next++ % LT_BLOB_VERDICTS];
    *verdict = (struct lt_blob_verdict){*digest, false};
    return verdict;
}

static lt_status read_at(const char *path, uint64_t offset, char *out, size_t count,
                         lt_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lt_fail_errno(error, path, "cannot open");
    lt_status status = LT_OK;
    for (size_t done = 0; done < count && status == LT_OK;) {
        const ssize_t got = pread(fd, out + done, count - done, (off_t)(offset + done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            status = lt_fail(error, LT_IO, path, "became shorter while it was read");
        else if (errno != EINTR)
            status = lt_fail_errno(error, path, "cannot read");
    }
    close(fd);
    return status;
}

lt_status lt_blobs_chunk(lt_blobs *blobs, const lt_digest *digest, uint64_t offset,
                         Lefttail__BlobChunk *chunk, lt_error *error)
{
    char path[PATH_MAX], hex[LT_DIGEST_HEX_BYTES];
    uint64_t bytes;
    if (!lt_blob_locate(blobs, digest, path, &bytes))
        return lt_fail(error, LT_NOT_FOUND, NULL, "there is no blob %s",
                       lt_digest_hex(digest, hex));
    if (offset >= bytes && (bytes > 0 || offset > 0))
        return lt_fail(error, LT_INPUT, "blob_get",
                       "offset %" PRIu64 " is behind the end (%" PRIu64 " bytes)", offset, bytes);
    const size_t count =
        bytes - offset < LT_BLOB_CHUNK_BYTES ? (size_t)(bytes - offset) : LT_BLOB_CHUNK_BYTES;
    lt_buf_clear(&blobs->raw);
    LT_TRY(read_at(path, offset, lt_buf_reserve(&blobs->raw, count), count, error));
    blobs->raw.len = count;
    lefttail__blob_chunk__init(chunk);
    chunk->digest = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)digest->bytes};
    chunk->offset = offset;
    chunk->blob_bytes = bytes;
    struct lt_blob_verdict *verdict = verdict_of(blobs, digest);
    if (!lt_chunk_fill(chunk, blobs->raw.data, count, !verdict->incompressible, &blobs->packed) &&
        count >= TELLING_BYTES_MIN)
        verdict->incompressible = true;
    return LT_OK;
}

lt_status lt_blobs_read(lt_blobs *blobs, const lt_digest *digest, size_t bytes_max, lt_buf *out,
                        lt_error *error)
{
    char path[PATH_MAX], hex[LT_DIGEST_HEX_BYTES];
    uint64_t bytes;
    if (!lt_blob_locate(blobs, digest, path, &bytes))
        return lt_fail(error, LT_NOT_FOUND, NULL, "there is no blob %s",
                       lt_digest_hex(digest, hex));
    LT_TRY(lt_file_read(path, bytes_max, out, error));
    const lt_digest found = lt_digest_of(lt_buf_str(out), out->len);
    if (lt_digest_equal(&found, digest))
        return LT_OK;
    char ours[PATH_MAX];
    unlink(lt_blob_path(blobs, digest, ours)); /* never a file that a record points to */
    unlink(lt_blob_record_path(blobs, digest, ours));
    return lt_remedy(error,
                     lt_fail(error, LT_FAILED, path, "is damaged: its bytes have another digest"),
                     "submit the job again: the file is then sent again");
}
