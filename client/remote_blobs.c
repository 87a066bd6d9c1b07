/* Blobs to and from a coordinator, one chunk a request: an answer says how many bytes are held. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/remote_call.h"
#include "common/chunk.h"
#include "common/limits.h"
#include "common/wire.h"

enum {
    OFFERS_MAX = 512,    /* blobs of one offer: well within a frame, paths included */
    STANDSTILLS_MAX = 3, /* chunks in a row that did not bring the blob further */
};

typedef struct upload {
    lt_remote *remote;
    lt_remote_progress_fn *on_progress;
    void *context;
    uint64_t bytes_there, bytes_all;
    lt_buf raw, packed;
} upload;

static ProtobufCBinaryData data_of(const lt_digest *digest)
{
    return (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)digest->bytes};
}

static void tell(upload *up, uint64_t more)
{
    up->bytes_there += more;
    if (up->on_progress)
        up->on_progress(up->context, up->bytes_there, up->bytes_all);
}

/* Where the answer says that this blob stands; `otherwise` when it does not speak of it. */
static uint64_t offset_in(const Lefttail__BlobNeed *need, const lt_digest *digest,
                          uint64_t otherwise)
{
    for (size_t i = 0; i < need->n_blobs; i++)
        if (need->blobs[i]->digest.len == LT_DIGEST_BYTES &&
            memcmp(need->blobs[i]->digest.data, digest->bytes, LT_DIGEST_BYTES) == 0)
            return need->blobs[i]->offset;
    return otherwise;
}

static lt_status read_at(int fd, const char *path, uint64_t at, size_t count, lt_buf *out,
                         lt_error *error)
{
    lt_buf_clear(out);
    char *bytes = lt_buf_reserve(out, count);
    while (out->len < count) {
        const ssize_t got = pread(fd, bytes + out->len, count - out->len, (off_t)(at + out->len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lt_fail_errno(error, path, "cannot read");
        if (got == 0)
            return lt_remedy(error,
                             lt_fail(error, LT_INPUT, path, "has become shorter while it was sent"),
                             "start again when nothing writes to it");
        out->len += (size_t)got;
    }
    return LT_OK;
}

/* One chunk from *offset; *offset is then what the coordinator holds. *zstd remembers whether
 * packing pays. */
static lt_status send_chunk(upload *up, const lt_remote_blob *blob, int fd, uint64_t *offset,
                            bool *zstd, lt_error *error)
{
    const uint64_t left = blob->bytes - *offset;
    const size_t count = left < LT_BLOB_CHUNK_BYTES ? (size_t)left : LT_BLOB_CHUNK_BYTES;
    LT_TRY(read_at(fd, blob->path, blob->at + *offset, count, &up->raw, error));
    Lefttail__BlobChunk chunk = LEFTTAIL__BLOB_CHUNK__INIT;
    chunk.digest = data_of(&blob->digest);
    chunk.offset = *offset;
    chunk.blob_bytes = blob->bytes;
    *zstd = lt_chunk_fill(&chunk, up->raw.data, up->raw.len, *zstd, &up->packed);
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT, *reply;
    message.body_case = LEFTTAIL__MESSAGE__BODY_BLOB_CHUNK;
    message.blob_chunk = &chunk;
    LT_TRY(lt_remote_call(up->remote, &message, LEFTTAIL__MESSAGE__BODY_BLOB_NEED, &reply, error));
    *offset = offset_in(reply->blob_need, &blob->digest, *offset);
    lt_wire_free(&reply);
    return LT_OK;
}

static lt_status send_from(upload *up, const lt_remote_blob *blob, int fd, uint64_t offset,
                           lt_error *error)
{
    bool zstd = true;
    int standstills = 0;
    /* An empty blob is one empty chunk. */
    for (bool first = true; first || offset < blob->bytes; first = false) {
        const uint64_t before = offset;
        LT_TRY(send_chunk(up, blob, fd, &offset, &zstd, error));
        if (offset > blob->bytes)
            return lt_fail(error, LT_PROTOCOL, blob->path,
                           "the coordinator holds more bytes than there are");
        if (offset <= before && blob->bytes > 0 && ++standstills >= STANDSTILLS_MAX)
            return lt_remedy(
                error,
                lt_fail(error, LT_INPUT, blob->path, "its bytes do not have the digest they had"),
                "start again when nothing writes to it");
        if (offset > before) {
            standstills = 0;
            tell(up, offset - before);
        }
    }
    return LT_OK;
}

static lt_status send_blob(upload *up, const lt_remote_blob *blob, uint64_t offset, lt_error *error)
{
    if (blob->fd >= 0)
        return send_from(up, blob, blob->fd, offset, error);
    const int fd = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lt_fail_errno(error, blob->path, "cannot open");
    const lt_status status = send_from(up, blob, fd, offset, error);
    close(fd);
    return status;
}

static lt_status offer(upload *up, const lt_remote_blob *blobs, size_t count,
                       Lefttail__Message **reply, lt_error *error)
{
    Lefttail__BlobRef refs[OFFERS_MAX], *list[OFFERS_MAX];
    for (size_t i = 0; i < count; i++) {
        lefttail__blob_ref__init(&refs[i]);
        refs[i].digest = data_of(&blobs[i].digest);
        refs[i].bytes = blobs[i].bytes;
        if (blobs[i].offer_path && blobs[i].path)
            refs[i].path = (char *)blobs[i].path;
        list[i] = &refs[i];
    }
    Lefttail__BlobOffer body = LEFTTAIL__BLOB_OFFER__INIT;
    body.n_blobs = count;
    body.blobs = list;
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    message.body_case = LEFTTAIL__MESSAGE__BODY_BLOB_OFFER;
    message.blob_offer = &body;
    return lt_remote_call(up->remote, &message, LEFTTAIL__MESSAGE__BODY_BLOB_NEED, reply, error);
}

static lt_status upload_some(upload *up, const lt_remote_blob *blobs, size_t count, lt_error *error)
{
    Lefttail__Message *reply;
    LT_TRY(offer(up, blobs, count, &reply, error));
    lt_status status = LT_OK;
    for (size_t i = 0; i < count && status == LT_OK; i++) {
        const uint64_t held = offset_in(reply->blob_need, &blobs[i].digest, UINT64_MAX);
        const bool missing = held != UINT64_MAX && (held < blobs[i].bytes || blobs[i].bytes == 0);
        tell(up, missing ? held : blobs[i].bytes);
        if (missing)
            status = send_blob(up, &blobs[i], held, error);
    }
    lt_wire_free(&reply);
    return status;
}

lt_status lt_remote_upload(lt_remote *remote, const lt_remote_blob *blobs, size_t count,
                           lt_remote_progress_fn *on_progress, void *context, lt_error *error)
{
    upload up = {.remote = remote, .on_progress = on_progress, .context = context};
    for (size_t i = 0; i < count; i++)
        up.bytes_all += blobs[i].bytes;
    lt_status status = LT_OK;
    for (size_t at = 0; at < count && status == LT_OK; at += OFFERS_MAX)
        status =
            upload_some(&up, blobs + at, count - at < OFFERS_MAX ? count - at : OFFERS_MAX, error);
    lt_buf_fini(&up.raw);
    lt_buf_fini(&up.packed);
    return status;
}

/* ---- bringing ---- */

/* Appends the chunk at out->len; *bytes is the blob's size. */
static lt_status get_chunk(lt_remote *remote, const lt_digest *digest, size_t bytes_max,
                           lt_buf *out, uint64_t *bytes, lt_buf *scratch, lt_error *error)
{
    Lefttail__BlobGet get = LEFTTAIL__BLOB_GET__INIT;
    get.digest = data_of(digest);
    get.offset = out->len;
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT, *reply;
    message.body_case = LEFTTAIL__MESSAGE__BODY_BLOB_GET;
    message.blob_get = &get;
    LT_TRY(lt_remote_call(remote, &message, LEFTTAIL__MESSAGE__BODY_BLOB_CHUNK, &reply, error));
    const Lefttail__BlobChunk *chunk = reply->blob_chunk;
    const void *raw;
    lt_status status = lt_chunk_open(chunk, scratch, &raw, error);
    *bytes = chunk->blob_bytes;
    if (status == LT_OK && chunk->blob_bytes > bytes_max)
        status = lt_fail(error, LT_LIMIT, "blob", "has %llu bytes; %zu are allowed",
                         (unsigned long long)*bytes, bytes_max);
    else if (status == LT_OK &&
             (chunk->offset != out->len || (chunk->raw_bytes == 0 && out->len < *bytes)))
        status = lt_fail(error, LT_PROTOCOL, "blob", "the chunk is not the one that was asked for");
    if (status == LT_OK)
        lt_buf_add(out, raw, chunk->raw_bytes);
    lt_wire_free(&reply);
    return status;
}

lt_status lt_remote_download(lt_remote *remote, const lt_digest *digest, size_t bytes_max,
                             lt_buf *out, lt_error *error)
{
    lt_buf scratch = {0};
    lt_buf_clear(out);
    uint64_t bytes = UINT64_MAX;
    lt_status status = LT_OK;
    while (status == LT_OK && out->len < bytes)
        status = get_chunk(remote, digest, bytes_max, out, &bytes, &scratch, error);
    lt_buf_fini(&scratch);
    if (status == LT_OK) {
        const lt_digest got = lt_digest_of(lt_buf_str(out), out->len);
        if (!lt_digest_equal(&got, digest))
            status = lt_fail(error, LT_PROTOCOL, "blob",
                             "the bytes do not have the digest that was asked for");
    }
    return status;
}
