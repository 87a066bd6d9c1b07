#include "common/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/utf8.h"

static uint32_t crc_u32(uint32_t crc, uint32_t value)
{
    const uint8_t bytes[4] = {value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >> 24};
    return lt_crc32c(crc, bytes, sizeof bytes);
}

uint32_t lt_row_crc(const Lefttail__Row *row)
{
    uint32_t crc = crc_u32(0, row->item);
    crc = crc_u32(crc, (uint32_t)row->state);
    crc = crc_u32(crc, (uint32_t)row->logits.len);
    crc = lt_crc32c(crc, row->logits.data, row->logits.len);
    crc = crc_u32(crc, row->tokens);
    crc = crc_u32(crc, row->tokens_cut);
    crc = crc_u32(crc, row->flags);
    return crc_u32(crc, (uint32_t)row->reason);
}

static bool logits_finite(const Lefttail__Row *row)
{
    for (size_t i = 0; i + 4 <= row->logits.len; i += 4) {
        float logit;
        memcpy(&logit, row->logits.data + i, 4);
        if (!isfinite(logit))
            return false;
    }
    return true;
}

static lt_status check_scored(const Lefttail__Row *row, uint32_t label_count, lt_error *error)
{
    if (row->logits.len != 4u * (size_t)label_count)
        return lt_fail(error, LT_PROTOCOL, "row.logits", "%zu bytes for %u labels", row->logits.len,
                       label_count);
    if (!logits_finite(row))
        return lt_fail(error, LT_PROTOCOL, "row.logits", "a logit is not finite in a scored row");
    if (row->reason != LEFTTAIL__FAILURE_REASON__FAILURE_NONE)
        return lt_fail(error, LT_PROTOCOL, "row.reason", "a scored row has a failure reason");
    return LT_OK;
}

lt_status lt_row_check(const Lefttail__Row *row, uint32_t label_count, lt_error *error)
{
    if (row->state == LEFTTAIL__ROW_STATE__ROW_SCORED)
        LT_TRY(check_scored(row, label_count, error));
    else if (row->state != LEFTTAIL__ROW_STATE__ROW_FAILED)
        return lt_fail(error, LT_PROTOCOL, "row.state", "unknown state %d", (int)row->state);
    else if (row->logits.len != 0)
        return lt_fail(error, LT_PROTOCOL, "row.logits", "a failed row has logits");
    else if (strcmp(lt_failure_word(row->reason), "unknown") == 0)
        return lt_fail(error, LT_PROTOCOL, "row.reason", "unknown reason %d", (int)row->reason);
    const size_t detail_len = strlen(row->detail);
    if (detail_len > LT_DETAIL_BYTES_MAX || !lt_utf8_valid(row->detail, detail_len))
        return lt_fail(error, LT_PROTOCOL, "row.detail", "is too long or not UTF-8");
    if (row->crc32c != lt_row_crc(row))
        return lt_fail(error, LT_PROTOCOL, "row.crc32c", "item %u: the checksum is wrong",
                       row->item);
    return LT_OK;
}

/* reason, word, final, sentence */
#define FAILURE_LIST(X)                                                                            \
    X(NO_TOKENS, "no_tokens", true, "the text has no tokens for this model")                       \
    X(NOT_FINITE, "not_finite", true, "a logit is NaN or infinite")                                \
    X(TOO_LONG, "too_long", true, "the text is longer than the scorer's maximum")                  \
    X(TEMPLATE, "template", true, "the chat template refuses the conversation")                    \
    X(BAD_TEXT, "bad_text", true, "the text is larger than the limit")                             \
    X(ENGINE_DIED, "engine_died", false, "the scoring process died on it")                         \
    X(LEASE_EXPIRED, "lease_expired", false, "no progress until the lease was over")               \
    X(CHECKPOINT, "checkpoint", false, "workers could not load the checkpoint")                    \
    X(WORKER_LOST, "worker_lost", false, "the workers that had it went away")                      \
    X(BLOB, "blob", false, "workers could not get the files")

static const struct failure {
    Lefttail__FailureReason reason;
    const char *word;
    bool final;
    const char *sentence;
} failures[] = {
#define X(name, word, final, sentence)                                                             \
    {LEFTTAIL__FAILURE_REASON__FAILURE_##name, word, final, sentence},
    FAILURE_LIST(X)
#undef X
};

static const struct failure *failure_find(Lefttail__FailureReason reason)
{
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        if (failures[i].reason == reason)
            return &failures[i];
    return NULL;
}

const char *lt_failure_word(Lefttail__FailureReason reason)
{
    const struct failure *failure = failure_find(reason);
    return failure ? failure->word : "unknown";
}

const char *lt_failure_sentence(Lefttail__FailureReason reason)
{
    const struct failure *failure = failure_find(reason);
    return failure ? failure->sentence : "unknown reason";
}

bool lt_failure_is_final(Lefttail__FailureReason reason)
{
    const struct failure *failure = failure_find(reason);
    return failure && failure->final;
}

lt_digest lt_spec_class(const Lefttail__ScorerSpec *spec)
{
    const size_t bytes = lefttail__scorer_spec__get_packed_size(spec);
    uint8_t *packed = malloc(bytes + 1);
    LT_ASSERT(packed != NULL);
    lefttail__scorer_spec__pack(spec, packed);
    const lt_digest class = lt_digest_of(packed, bytes);
    free(packed);
    return class;
}
