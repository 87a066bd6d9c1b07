#include "worker/outgoing.h"

#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/utf8.h"
#include "common/wire.h"

static void send_body(lt_dialler *dialler, Lefttail__Message__BodyCase body, void *content)
{
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    message.body_case = body;
    message.hello = content; /* the members of the union are pointers alike */
    if (dialler && lt_dialler_send(dialler, &message) == LT_LIMIT)
        lt_log_warn("outbox_full", "message", "%s", lt_wire_body_word(&message), NULL);
}

void lt_send_credit(lt_dialler *dialler, uint32_t leases)
{
    Lefttail__Credit credit = LEFTTAIL__CREDIT__INIT;
    credit.leases = leases;
    send_body(dialler, LEFTTAIL__MESSAGE__BODY_CREDIT, &credit);
}

void lt_send_progress(lt_dialler *dialler, const lt_held *held, uint64_t steps,
                      uint64_t tokens_done)
{
    Lefttail__Progress progress = LEFTTAIL__PROGRESS__INIT;
    if (held) {
        progress.lease = held->lease->lease;
        progress.epoch = held->lease->epoch;
        progress.items_done = held->items_done;
    }
    progress.engine_steps = steps;
    progress.tokens_done = tokens_done;
    send_body(dialler, LEFTTAIL__MESSAGE__BODY_PROGRESS, &progress);
}

/* A sentence may hold bytes of a file, and may be cut in the middle of a character. */
static void fit_detail(const char *detail, lt_buf *out)
{
    lt_utf8_repair(detail, strlen(detail), out);
    if (out->len <= LT_DETAIL_BYTES_MAX)
        return;
    out->len = LT_DETAIL_BYTES_MAX;
    while (((unsigned char)out->data[out->len] & 0xc0) == 0x80)
        out->len--;
    out->data[out->len] = '\0';
}

void lt_send_failure(lt_dialler *dialler, const Lefttail__Lease *lease,
                     Lefttail__FailureReason reason, const char *detail, const uint32_t *item)
{
    lt_buf text = {0};
    fit_detail(detail, &text);
    Lefttail__Failure failure = LEFTTAIL__FAILURE__INIT;
    failure.lease = lease->lease;
    failure.epoch = lease->epoch;
    failure.token = lease->token;
    failure.reason = reason;
    failure.detail = (char *)lt_buf_str(&text);
    failure.item_known = item != NULL;
    failure.item = item ? *item : 0;
    lt_log_warn("lease_failed", "lease", "%lu", lease->lease, "scorer", "%s", lease->scorer,
                "detail", "%s", failure.detail, NULL);
    send_body(dialler, LEFTTAIL__MESSAGE__BODY_FAILURE, &failure);
    lt_buf_fini(&text);
}

void lt_send_blob_get(lt_dialler *dialler, const lt_digest *digest, uint64_t offset)
{
    Lefttail__BlobGet get = LEFTTAIL__BLOB_GET__INIT;
    get.digest = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)digest->bytes};
    get.offset = offset;
    send_body(dialler, LEFTTAIL__MESSAGE__BODY_BLOB_GET, &get);
}

void lt_send_spooled(lt_dialler *dialler, const lt_spooled *spooled)
{
    if (dialler &&
        lt_dialler_send_bytes(dialler, spooled->bytes.data, spooled->bytes.len) == LT_LIMIT)
        lt_log_warn("outbox_full", "message", "results", NULL); /* it stays in the spool */
}

void lt_send_spool(lt_dialler *dialler, const lt_held *held)
{
    for (const lt_spooled *spooled = held->first; spooled; spooled = spooled->next)
        lt_send_spooled(dialler, spooled);
}

void lt_send_pending(lt_dialler *dialler, lt_held *held)
{
    const lt_spooled *spooled = lt_held_flush(held);
    if (spooled)
        lt_send_spooled(dialler, spooled);
}
