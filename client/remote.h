/* A client's session with a coordinator, as plain calls that wait for their answer. The session
 * (client/remote.c) says Hello again when the coordinator was restarted or silent, and sends what was
 * not answered again: every request may come twice without harm.
 *
 * Calls block; one at a time, one thread. While a call waits, `interrupted` is asked about ten
 * times a second. Common failures: LT_UNREACHABLE (nothing heard for wait_ms), LT_CANCELLED
 * (interrupted), LT_DENIED (keys, wrong endpoint), LT_PROTOCOL, and what the coordinator answered with
 * ErrorReply, which comes back as it was said there. */
#ifndef LT_CLIENT_REMOTE_H
#define LT_CLIENT_REMOTE_H

#include "common/buf.h"
#include "common/digest.h"
#include "lefttail.pb-c.h"

typedef struct lt_remote lt_remote;

typedef struct lt_remote_options {
    const char *endpoint;                /* "tcp://host:port", "ipc:///path" */
    const char *keys_dir;                /* NULL: no keys, local endpoints only */
    uint32_t wait_ms;                    /* longest silence of the coordinator; 0: 30000 */
    bool (*interrupted)(void *context);  /* NULL: never */
    void *context;
    void (*on_wait)(void *context, const char *why); /* the session is lost and sought again; may be NULL */
} lt_remote_options;

/* Opens the socket and waits for Welcome. LT_INPUT: a bad endpoint. */
lt_status lt_remote_open(const lt_remote_options *options, lt_remote **out, lt_error *error);
void lt_remote_close(lt_remote **remote); /* safe on NULL; leaves NULL */

/* ---- jobs. A job is named by its id or a unique prefix of it. ---- */

/* Replies are whole messages: read reply->status_reply and so on, free with lt_wire_free. */
lt_status lt_remote_submit(lt_remote *remote, const lt_digest *manifest, Lefttail__Message **reply,
                           lt_error *error);                                     /* job_reply */
lt_status lt_remote_status(lt_remote *remote, const char *job, Lefttail__Message **reply,
                           lt_error *error);                                     /* status_reply; NULL: all jobs */
lt_status lt_remote_cancel(lt_remote *remote, const char *job, Lefttail__Message **reply,
                           lt_error *error);                                     /* job_reply */
lt_status lt_remote_report(lt_remote *remote, const char *job, Lefttail__Message **reply,
                           lt_error *error);                                     /* report_reply */
lt_status lt_remote_workers(lt_remote *remote, Lefttail__Message **reply, lt_error *error); /* workers_reply */

/* Calls on_event for each event until the job is over (its last event has a state other than RUNNING) or
 * on_event returns false: both LT_OK. Goes on by itself after a restart of the coordinator. */
typedef bool lt_remote_event_fn(void *context, const Lefttail__WatchEvent *event);
lt_status lt_remote_watch(lt_remote *remote, const char *job, lt_remote_event_fn *on_event, void *context,
                          lt_error *error);

/* All recorded rows in the manifest's order (pack, then scorer, then item), a page at a time. The
 * group is freed after the call. A status other than LT_OK ends the walk and is returned. */
typedef lt_status lt_remote_group_fn(void *context, const Lefttail__RowGroup *group, lt_error *error);
lt_status lt_remote_rows(lt_remote *remote, const char *job, lt_remote_group_fn *on_group, void *context,
                         lt_error *error);

/* ---- blobs ---- */

/* A blob to bring: bytes [at, at + bytes) of a file. */
typedef struct lt_remote_blob {
    lt_digest digest;
    uint64_t bytes;
    uint64_t at;
    int fd;                /* open for reading; -1: open `path` */
    const char *path;      /* offered to the coordinator, which may read it there, when offer_path */
    bool offer_path;
} lt_remote_blob;

/* Offers them and sends what is missing, from the byte where it is missing. on_progress (may be NULL)
 * hears the bytes of all blobs and how many of them the coordinator has. LT_INPUT: a file that changed. */
typedef void lt_remote_progress_fn(void *context, uint64_t bytes_there, uint64_t bytes_all);
lt_status lt_remote_upload(lt_remote *remote, const lt_remote_blob *blobs, size_t count,
                           lt_remote_progress_fn *on_progress, void *context, lt_error *error);

/* The whole blob into *out (cleared first), its digest verified. LT_LIMIT: larger than bytes_max. */
lt_status lt_remote_download(lt_remote *remote, const lt_digest *digest, size_t bytes_max, lt_buf *out,
                             lt_error *error);

#endif
