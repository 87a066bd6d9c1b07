#include "client/job_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/manifest.h"
#include "common/wire.h"

/* ---- rows: brought into the spool, read back in order ---- */

static lt_status spool_failed(FILE *spool, const char *what, lt_error *error)
{
    if (ferror(spool))
        return lt_fail_errno(error, "temporary file of rows", "%s", what);
    return lt_fail(error, LT_IO, "temporary file of rows", "%s", what);
}

static lt_status spool_group(void *context, const Lefttail__RowGroup *group, lt_error *error)
{
    lt_job_source *source = context;
    const size_t size = lefttail__row_group__get_packed_size(group);
    lt_buf_clear(&source->bytes);
    lefttail__row_group__pack(group, (uint8_t *)lt_buf_reserve(&source->bytes, size));
    const uint64_t length = size;
    if (fwrite(&length, sizeof length, 1, source->spool) != 1 ||
        fwrite(source->bytes.data, 1, size, source->spool) != size)
        return spool_failed(source->spool, "cannot be written", error);
    return LT_OK;
}

static lt_status next_group(void *context, Lefttail__RowGroup **out, lt_error *error)
{
    lt_job_source *source = context;
    uint64_t length;
    *out = NULL;
    if (fread(&length, sizeof length, 1, source->spool) != 1)
        return feof(source->spool) ? LT_OK : spool_failed(source->spool, "cannot be read", error);
    lt_buf_clear(&source->bytes);
    char *bytes = lt_buf_reserve(&source->bytes, length);
    if (fread(bytes, 1, length, source->spool) != length)
        return spool_failed(source->spool, "ends too early", error);
    *out = lefttail__row_group__unpack(NULL, length, (const uint8_t *)bytes); /* our own bytes */
    return *out ? LT_OK
                : lt_fail(error, LT_IO, "temporary file of rows",
                          "holds other bytes than were written");
}

/* ---- packs ---- */

static lt_status read_pack(void *context, uint32_t index, Lefttail__Pack **out, lt_error *error)
{
    lt_job_source *source = context;
    const Lefttail__PackRef *ref = source->manifest->packs[index];
    lt_digest digest;
    LT_ASSERT(lt_digest_from_bytes(ref->digest.data, ref->digest.len, &digest));
    LT_TRY(lt_remote_download(source->remote, &digest, LT_PACK_BYTES_MAX, &source->bytes, error));
    return lt_pack_read(source->bytes.data, source->bytes.len, ref, source->manifest->n_variants,
                        out, error);
}

/* ---- the job ---- */

static lt_status bring_manifest(lt_job_source *source, const char *job, lt_error *error)
{
    Lefttail__Message *reply = NULL;
    LT_TRY(lt_remote_report(source->remote, job, &reply, error));
    const Lefttail__ReportReply *report = reply->report_reply;
    lt_digest digest;
    lt_status status = LT_OK;
    if (!report->job || !lt_digest_from_bytes(report->manifest.data, report->manifest.len, &digest))
        status = lt_fail(error, LT_PROTOCOL, "report reply", "it names no job or no manifest");
    else
        status = lt_remote_download(source->remote, &digest, LT_MANIFEST_BYTES_MAX, &source->bytes,
                                    error);
    if (status == LT_OK) {
        source->state = report->job->state;
        status = lt_manifest_read(source->bytes.data, source->bytes.len, &source->manifest, error);
    }
    lefttail__message__free_unpacked(reply, NULL);
    return status;
}

static lt_status bring_rows(lt_job_source *source, lt_error *error)
{
    source->spool = tmpfile();
    if (!source->spool)
        return lt_fail_errno(error, "temporary file of rows", "cannot be made");
    LT_TRY(lt_remote_rows(source->remote, source->job, spool_group, source, error));
    if (fflush(source->spool) != 0)
        return spool_failed(source->spool, "cannot be written", error);
    rewind(source->spool);
    return LT_OK;
}

lt_status lt_job_source_open(lt_job_source *source, lt_remote *remote, const char *job,
                             lt_error *error)
{
    memset(source, 0, sizeof *source);
    source->remote = remote;
    lt_status status = bring_manifest(source, job, error);
    if (status == LT_OK) {
        lt_manifest_job_id(source->manifest, source->job);
        source->source = (lt_report_source){source->manifest, source, read_pack, next_group};
        status = bring_rows(source, error);
    }
    if (status != LT_OK)
        lt_job_source_close(source);
    return status;
}

void lt_job_source_close(lt_job_source *source)
{
    if (source->spool)
        fclose(source->spool);
    if (source->manifest)
        lefttail__manifest__free_unpacked(source->manifest, NULL);
    lt_buf_fini(&source->bytes);
    memset(source, 0, sizeof *source);
}

lt_status lt_job_report(lt_remote *remote, const char *job, const char *dir, lt_buf *summary,
                        lt_error *error)
{
    lt_job_source source;
    LT_TRY(lt_job_source_open(&source, remote, job, error));
    const lt_report_options options = {.dir = dir, .made_wall_ms = lt_wall_ms()};
    const lt_status status = lt_report_make(&source.source, &options, summary, error);
    lt_job_source_close(&source);
    return status;
}
