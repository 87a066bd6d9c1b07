#include "client/send.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/wire.h"

/* All that will be sent: packs and manifest lie in one unlinked temporary file, checkpoint files
 * where they are. */
typedef struct sending {
    int fd;
    uint64_t end; /* of the temporary file */
    lt_remote_blob *blobs;
    size_t count, cap;
} sending;

static lt_status temporary_open(sending *out, lt_error *error)
{
    const char *dir = getenv("TMPDIR");
    char *path = lt_path_join(dir && *dir ? dir : "/tmp", "lefttail-XXXXXX");
    out->fd = mkstemp(path);
    lt_status status = LT_OK;
    if (out->fd < 0)
        status = lt_fail_errno(error, path, "cannot make a temporary file");
    else
        unlink(path);
    free(path);
    return status;
}

static void sending_fini(sending *out)
{
    if (out->fd >= 0)
        close(out->fd);
    for (size_t i = 0; i < out->count; i++)
        free((char *)out->blobs[i].path);
    free(out->blobs);
}

static void add_blob(sending *out, const lt_remote_blob *blob)
{
    if (out->count == out->cap) {
        out->cap = out->cap ? out->cap * 2 : 64;
        out->blobs = lt_realloc(out->blobs, out->cap * sizeof *out->blobs);
    }
    out->blobs[out->count++] = *blob;
}

/* Writes bytes to the temporary file and lists them as a blob. */
static lt_status keep(sending *out, const lt_digest *digest, const void *bytes, size_t count,
                      lt_error *error)
{
    const lt_remote_blob blob = {.digest = *digest,
                                 .bytes = count,
                                 .at = out->end,
                                 .fd = out->fd,
                                 .path = lt_strdup("temporary file of packs")};
    add_blob(out, &blob);
    for (size_t done = 0; done < count;) {
        const ssize_t put =
            pwrite(out->fd, (const char *)bytes + done, count - done, (off_t)(out->end + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return lt_fail_errno(error, "temporary file of packs", "cannot write");
        done += (size_t)put;
    }
    out->end += count;
    return LT_OK;
}

static lt_status keep_pack(void *context, const Lefttail__PackRef *ref, const void *bytes,
                           size_t count, lt_error *error)
{
    lt_digest digest;
    LT_ASSERT(lt_digest_from_bytes(ref->digest.data, ref->digest.len, &digest));
    return keep(context, &digest, bytes, count, error);
}

static void add_checkpoint(sending *out, const Lefttail__Checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->n_files; i++) {
        const Lefttail__CheckpointFile *file = checkpoint->files[i];
        lt_remote_blob blob = {.bytes = file->bytes,
                               .fd = -1,
                               .path = lt_path_join(checkpoint->path, file->name),
                               .offer_path = true};
        LT_ASSERT(lt_digest_from_bytes(file->digest.data, file->digest.len, &blob.digest));
        add_blob(out, &blob);
    }
}

static lt_status send_all(lt_remote *remote, sending *out, const Lefttail__Manifest *manifest,
                          lt_remote_progress_fn *on_progress, void *context,
                          Lefttail__Message **reply, lt_error *error)
{
    for (size_t i = 0; i < manifest->n_scorers; i++)
        add_checkpoint(out, manifest->scorers[i]->checkpoint);
    lt_buf bytes = {0};
    lt_wire_pack(&manifest->base, &bytes);
    const lt_digest digest = lt_digest_of(lt_buf_str(&bytes), bytes.len);
    lt_status status = keep(out, &digest, lt_buf_str(&bytes), bytes.len, error);
    lt_buf_fini(&bytes);
    if (status == LT_OK)
        status = lt_remote_upload(remote, out->blobs, out->count, on_progress, context, error);
    if (status == LT_OK)
        status = lt_remote_submit(remote, &digest, reply, error);
    return status;
}

lt_status lt_send_job(lt_remote *remote, const lt_job *job, const lt_compile_options *options,
                      lt_remote_progress_fn *on_progress, void *context, Lefttail__Message **reply,
                      lt_error *error)
{
    sending out = {.fd = -1};
    Lefttail__Manifest *manifest = NULL;
    lt_status status = temporary_open(&out, error);
    if (status == LT_OK)
        status = lt_compile(job, options, keep_pack, &out, &manifest, error);
    if (status == LT_OK)
        status = send_all(remote, &out, manifest, on_progress, context, reply, error);
    if (manifest)
        lefttail__manifest__free_unpacked(manifest, NULL);
    sending_fini(&out);
    return status;
}
