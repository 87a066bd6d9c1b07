#include "worker/engine/encoder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "worker/engine/encoder_state.h"

/* ---- lifecycle ---- */

lt_status lt_encoder_open(lt_encoder **out, const char *dir, const lt_encoder_options *options,
                          lt_error *error)
{
    *out = NULL;
    lt_encoder *encoder = lt_alloc(sizeof *encoder);
    encoder->options = *options;
    encoder->date = options->date ? lt_strdup(options->date) : NULL;
    encoder->options.date = encoder->date;
    const lt_status status = lt_tokenizer_open(&encoder->tokenizer, dir, error);
    if (status != LT_OK) {
        lt_encoder_close(&encoder);
        return status;
    }
    lt_chat_template_open(&encoder->chat, encoder->tokenizer, &encoder->chat_error);
    lt_specials_init(&encoder->specials, encoder->tokenizer);
    *out = encoder;
    return LT_OK;
}

void lt_encoder_close(lt_encoder **encoder)
{
    lt_encoder *e = *encoder;
    *encoder = NULL;
    if (!e)
        return;
    lt_specials_fini(&e->specials);
    lt_chat_template_close(&e->chat);
    lt_tokenizer_close(&e->tokenizer);
    free(e->date);
    free(e);
}

void lt_encoder_set_max_length(lt_encoder *encoder, uint32_t max_length)
{
    encoder->options.max_length = max_length;
}

const lt_tokenizer_facts *lt_encoder_facts(const lt_encoder *encoder)
{
    return lt_tokenizer_get_facts(encoder->tokenizer);
}

lt_status lt_encoder_check_template(const lt_encoder *encoder, lt_template template,
                                    lt_error *error)
{
    if (template != LT_TEMPLATE_CHAT)
        return LT_OK;
    if (!encoder->chat) {
        if (error)
            *error = encoder->chat_error;
        return encoder->chat_error.status;
    }
    if (lt_chat_template_needs_date(encoder->chat) && !encoder->date)
        return lt_remedy(error,
                         lt_fail(error, LT_INPUT, lt_encoder_facts(encoder)->chat_template_file,
                                 "the chat template inserts today's date, and no date is given"),
                         "give one, YYYY-MM-DD, so that scores stay the same tomorrow");
    return LT_OK;
}

lt_encoder_scratch *lt_encoder_scratch_new(const lt_encoder *encoder)
{
    lt_encoder_scratch *scratch = lt_alloc(sizeof *scratch);
    scratch->tokenizer = lt_tokenizer_scratch_new(encoder->tokenizer);
    return scratch;
}

void lt_encoder_scratch_free(lt_encoder_scratch **scratch)
{
    lt_encoder_scratch *s = *scratch;
    *scratch = NULL;
    if (!s)
        return;
    lt_tokenizer_scratch_free(&s->tokenizer);
    lt_encoding_fini(&s->encoding);
    lt_encoding_fini(&s->piece);
    lt_buf_fini(&s->rendered);
    lt_buf_fini(&s->shielded);
    lt_buf_fini(&s->plain);
    free(s->messages);
    free(s->ids);
    free(s->type_ids);
    free(s);
}

void lt_encoder_scratch_add(lt_encoder_scratch *s, const uint32_t *ids, const uint8_t *type_ids,
                            size_t count)
{
    if (s->id_count + count > s->id_cap) {
        s->id_cap = 2 * (s->id_count + count) + 256;
        s->ids = lt_realloc(s->ids, s->id_cap * sizeof *s->ids);
        s->type_ids = lt_realloc(s->type_ids, s->id_cap);
    }
    if (count) {
        memcpy(s->ids + s->id_count, ids, count * sizeof *ids);
        memcpy(s->type_ids + s->id_count, type_ids, count);
    }
    s->id_count += count;
}

/* ---- encoding ---- */

void lt_score_fail(lt_score *score, Lefttail__FailureReason reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(score->detail, sizeof score->detail, format, args);
    va_end(args);
    score->reason = reason;
}

static bool has_room(const lt_encoder *encoder, size_t tokens, lt_score *score)
{
    if (!encoder->options.fail_on_overflow || !encoder->options.max_length ||
        tokens <= encoder->options.max_length)
        return true;
    score->tokens = (uint32_t)tokens;
    lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_TOO_LONG, "%zu tokens; at most %u fit",
                  tokens, encoder->options.max_length);
    return false;
}

/* TEXT and PAIR: what the tokenizer library does. */
static void encode_plain(const lt_encoder *encoder, lt_encoder_scratch *s, const lt_item *item,
                         lt_score *score)
{
    const bool pair = item->template == LT_TEMPLATE_PAIR;
    const lt_text text = {item->text, item->text_len}, second = {item->pair, item->pair_len};
    const lt_encode_options options = {
        .add_special_tokens = !item->no_special_tokens,
        .single_bos = true,
        .literal_specials = encoder->options.literal_specials,
        .max_length = encoder->options.fail_on_overflow ? 0 : encoder->options.max_length,
    };
    lt_error error;
    const lt_status status =
        lt_tokenizer_encode(encoder->tokenizer, s->tokenizer, text, pair ? &second : NULL, &options,
                            &s->encoding, &error);
    if (status != LT_OK) {
        lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_BAD_TEXT, "%s", error.what);
        return;
    }
    if (!has_room(encoder, s->encoding.tokens_before_truncation, score))
        return;
    score->tokens_cut = (uint32_t)(s->encoding.tokens_before_truncation - s->encoding.count);
    score->flags =
        (score->tokens_cut ? LEFTTAIL__ROW_FLAG__ROW_FLAG_TRUNCATED_RIGHT : 0) |
        (s->encoding.specials_in_text ? LEFTTAIL__ROW_FLAG__ROW_FLAG_SPECIALS_IN_TEXT : 0) |
        (s->encoding.invalid_utf8 ? LEFTTAIL__ROW_FLAG__ROW_FLAG_INVALID_UTF8 : 0);
    lt_encoder_scratch_add(s, s->encoding.ids, s->encoding.type_ids, s->encoding.count);
}

static void encode_chat(const lt_encoder *encoder, lt_encoder_scratch *s, const lt_item *item,
                        lt_score *score)
{
    lt_error error;
    if (lt_encoder_check_template(encoder, LT_TEMPLATE_CHAT, &error) != LT_OK)
        lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_TEMPLATE, "%s", error.what);
    else if (item->message_count == 0)
        lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_TEMPLATE, "there are no messages");
    else
        lt_conversation_encode(encoder, s, item, score);
}

static bool is_too_large(const lt_item *item)
{
    size_t bytes = item->template == LT_TEMPLATE_CHAT ? 0 : item->text_len;
    if (item->template == LT_TEMPLATE_PAIR)
        bytes += item->pair_len;
    for (size_t i = 0; item->template == LT_TEMPLATE_CHAT && i < item->message_count; i++)
        bytes += item->messages[i].role_len + item->messages[i].content_len;
    return bytes > LT_TEXT_BYTES_MAX;
}

void lt_encoder_run(const lt_encoder *encoder, lt_encoder_scratch *scratch, const lt_item *item,
                    lt_score *score, lt_token_row *row)
{
    score->reason = LEFTTAIL__FAILURE_REASON__FAILURE_NONE;
    score->detail[0] = '\0';
    score->tokens = score->tokens_cut = score->flags = 0;
    score->ids = NULL;
    scratch->id_count = 0;
    *row = (lt_token_row){0};
    if (is_too_large(item))
        lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_BAD_TEXT,
                      "the text has more than %u bytes", LT_TEXT_BYTES_MAX);
    else if (item->template == LT_TEMPLATE_CHAT)
        encode_chat(encoder, scratch, item, score);
    else
        encode_plain(encoder, scratch, item, score);
    if (score->reason != LEFTTAIL__FAILURE_REASON__FAILURE_NONE)
        return;
    score->tokens = (uint32_t)scratch->id_count;
    if (scratch->id_count == 0) {
        lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_NO_TOKENS,
                      "the text has no tokens for this model");
        return;
    }
    *row = (lt_token_row){scratch->ids, scratch->type_ids, (uint32_t)scratch->id_count};
}
