/* Blobs on the wire. A reply that depends on whole files being verified waits for that, off the
 * loop:
 *
 *     offer or last chunk --> need (counts what it waits for) --verifier--> BlobNeed or ErrorReply
 */
#include "coordinator/shell.h"

#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/log.h"

enum { OFFER_BLOBS_MAX = 16384 };

/* One request whose answer is a BlobNeed. */
struct need {
    lt_shell *shell;
    lt_peer peer;
    uint64_t request;
    bool is_chunk;  /* a failed verification is an error; in an offer it means "send it" */
    lt_error error; /* of the chunk's verification */
    size_t waits;   /* verifications under way */
    size_t count;
    struct need_blob {
        lt_digest digest;
        uint64_t bytes;
    } blobs[];
};

/* ---- answering ---- */

static void put_progress(lt_shell *shell, Lefttail__BlobNeed *reply, const struct need_blob *blob,
                         uint64_t offset)
{
    Lefttail__BlobProgress *progress = lt_arena_alloc(&shell->arena, sizeof *progress);
    lefttail__blob_progress__init(progress);
    progress->digest.data = (uint8_t *)blob->digest.bytes;
    progress->digest.len = LT_DIGEST_BYTES;
    progress->offset = offset;
    reply->blobs[reply->n_blobs++] = progress;
}

/* An offer's answer names what is missing; a chunk's names its blob. */
static void answer_need(lt_shell *shell, const struct need *need)
{
    Lefttail__BlobNeed reply;
    lefttail__blob_need__init(&reply);
    reply.blobs = lt_arena_alloc(&shell->arena, need->count * sizeof *reply.blobs);
    for (size_t i = 0; i < need->count; i++) {
        lt_blob_state state;
        uint64_t offset;
        lt_error error;
        if (lt_blobs_offer(shell->blobs, &need->blobs[i].digest, need->blobs[i].bytes, &state,
                           &offset, &error) != LT_OK) {
            lt_shell_reply_error(shell, need->peer, need->request, &error);
            return;
        }
        if (state == LT_BLOB_UNVERIFIED)
            offset = 0; /* it was verified and refused in the meantime: from the start */
        if (need->is_chunk || state != LT_BLOB_COMPLETE)
            put_progress(shell, &reply, &need->blobs[i], offset);
    }
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.body_case = LEFTTAIL__MESSAGE__BODY_BLOB_NEED;
    message.blob_need = &reply;
    lt_shell_reply(shell, need->peer, need->request, &message);
}

/* Answers when nothing is waited for any more, and goes. */
static void settle_need(struct need *need)
{
    if (need->waits > 0)
        return;
    if (need->error.status != LT_OK)
        lt_shell_reply_error(need->shell, need->peer, need->request, &need->error);
    else
        answer_need(need->shell, need);
    free(need);
}

static void on_verified(void *context, const lt_digest *digest, lt_status status,
                        const lt_error *error)
{
    struct need *need = context;
    char hex[LT_DIGEST_HEX_BYTES];
    need->waits--;
    if (status != LT_OK) {
        lt_log_warn("blob_refused", "digest", "%s", lt_digest_hex(digest, hex), "why", "%s",
                    error->what, NULL);
        if (need->is_chunk || status != LT_INPUT)
            need->error = *error;
    }
    settle_need(need);
}

static struct need *new_need(lt_shell *shell, lt_peer peer, uint64_t request, size_t count,
                             bool is_chunk)
{
    struct need *need = lt_alloc(sizeof *need + count * sizeof need->blobs[0]);
    need->shell = shell;
    need->peer = peer;
    need->request = request;
    need->is_chunk = is_chunk;
    need->count = count;
    return need;
}

static void wait_for(struct need *need, const lt_digest *digest, const char *path, uint64_t bytes)
{
    lt_error error;
    need->waits++;
    if (lt_verifier_add(need->shell->verifier, digest, path, bytes, on_verified, need, &error) !=
        LT_OK) {
        need->waits--;
        need->error = error;
    }
}

/* ---- offers ---- */

static lt_status read_offer(const Lefttail__BlobOffer *offer, struct need *need, lt_error *error)
{
    for (size_t i = 0; i < offer->n_blobs; i++) {
        need->blobs[i].bytes = offer->blobs[i]->bytes;
        if (!lt_digest_from_bytes(offer->blobs[i]->digest.data, offer->blobs[i]->digest.len,
                                  &need->blobs[i].digest))
            return lt_fail(error, LT_PROTOCOL, "blob_offer", "blob %zu has no SHA-256", i);
    }
    return LT_OK;
}

/* What has to be verified before the offer can be answered. */
static lt_status examine(lt_shell *shell, const Lefttail__BlobOffer *offer, struct need *need,
                         lt_error *error)
{
    for (size_t i = 0; i < need->count; i++) {
        const struct need_blob *blob = &need->blobs[i];
        lt_blob_state state;
        uint64_t offset;
        LT_TRY(lt_blobs_offer(shell->blobs, &blob->digest, blob->bytes, &state, &offset, error));
        const char *path = offer->blobs[i]->path;
        if (state == LT_BLOB_UNVERIFIED || lt_verifier_busy(shell->verifier, &blob->digest))
            wait_for(need, &blob->digest, NULL, blob->bytes);
        else if (state == LT_BLOB_PARTIAL && path[0] &&
                 lt_blobs_path_plausible(shell->blobs, path, blob->bytes))
            wait_for(need, &blob->digest, path, blob->bytes);
    }
    return LT_OK;
}

void lt_shell_on_offer(lt_shell *shell, lt_peer peer, uint64_t request,
                       const Lefttail__BlobOffer *offer)
{
    lt_error error = {0};
    if (offer->n_blobs > OFFER_BLOBS_MAX) {
        lt_expected(&error, lt_fail(&error, LT_LIMIT, "blob_offer", "%zu blobs", offer->n_blobs),
                    "at most %d in one offer", OFFER_BLOBS_MAX);
        lt_shell_reply_error(shell, peer, request, &error);
        return;
    }
    struct need *need = new_need(shell, peer, request, offer->n_blobs, false);
    lt_status status = read_offer(offer, need, &error);
    if (status == LT_OK)
        status = examine(shell, offer, need, &error);
    if (status != LT_OK)
        need->error = error;
    settle_need(need);
}

/* ---- chunks ---- */

void lt_shell_on_chunk(lt_shell *shell, lt_peer peer, uint64_t request,
                       const Lefttail__BlobChunk *chunk)
{
    struct need *need = new_need(shell, peer, request, 1, true);
    struct need_blob *blob = &need->blobs[0];
    lt_blob_state state;
    uint64_t offset;
    if (lt_blobs_put_chunk(shell->blobs, chunk, &state, &offset, &need->error) == LT_OK) {
        LT_ASSERT(lt_digest_from_bytes(chunk->digest.data, chunk->digest.len, &blob->digest));
        blob->bytes = chunk->blob_bytes;
        if (state == LT_BLOB_UNVERIFIED || lt_verifier_busy(shell->verifier, &blob->digest))
            wait_for(need, &blob->digest, NULL, blob->bytes);
    }
    settle_need(need);
}

/* ---- reading ---- */

static void send_blob_error(lt_router *router, lt_peer peer, uint64_t request,
                            const ProtobufCBinaryData *digest, const char *text)
{
    Lefttail__BlobError reply;
    lefttail__blob_error__init(&reply);
    reply.digest = *digest;
    if (digest->len > LT_DIGEST_BYTES)
        reply.digest.len = LT_DIGEST_BYTES;
    reply.text = (char *)text;
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.request = request;
    message.body_case = LEFTTAIL__MESSAGE__BODY_BLOB_ERROR;
    message.blob_error = &reply;
    lt_router_send(router, peer, &message);
}

void lt_shell_on_get(lt_shell *shell, lt_router *router, lt_peer peer, uint64_t request,
                     const Lefttail__BlobGet *get)
{
    lt_digest digest;
    Lefttail__BlobChunk reply;
    lt_error error = {0};
    if (!lt_digest_from_bytes(get->digest.data, get->digest.len, &digest))
        lt_fail(&error, LT_PROTOCOL, "blob_get", "has no SHA-256");
    else
        lt_blobs_chunk(shell->blobs, &digest, get->offset, &reply, &error);
    if (error.status != LT_OK) {
        char text[LT_ERROR_TEXT_BYTES];
        send_blob_error(router, peer, request, &get->digest,
                        lt_error_text(&error, text, sizeof text));
        return;
    }
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.request = request;
    message.body_case = LEFTTAIL__MESSAGE__BODY_BLOB_CHUNK;
    message.blob_chunk = &reply;
    lt_router_send(router, peer, &message);
}
