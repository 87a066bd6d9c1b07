/* A conversation to token ids. scorer.h states how one that is too long is shortened.
 *
 * literal_specials: spellings of special tokens inside contents must stay text while those that
 * the template writes are tokens. Contents are shielded before rendering (a noncharacter that no
 * content has goes into each spelling), so that every spelling left in the rendered text is the
 * template's; the text between them is encoded piece by piece with specials taken literally,
 * without the marks. Byte-level tokenizers do the same with a text that has no such spellings:
 * special tokens divide it before anything else happens. */
#include <stdlib.h>

#include "worker/engine/encoder_state.h"

/* The part of the messages that is rendered: the leading system turn or not, then first.. to the
 * end. */
typedef struct view {
    const lt_encoder *encoder;
    lt_encoder_scratch *s;
    const lt_item *item;
    char mark[4]; /* empty: contents are not shielded */
    bool has_system;
    lt_error error;
    bool invalid_utf8;
} view;

typedef enum fit { FITS, TOO_LONG, REFUSED } fit;

static lt_text content_of(const lt_message *message)
{
    return (lt_text){message->content, message->content_len};
}

/* ---- rendering and encoding ---- */

static size_t put_messages(view *v, bool system, size_t first)
{
    lt_encoder_scratch *s = v->s;
    const size_t count = v->item->message_count;
    size_t put = 0;
    if (s->message_cap < count) {
        s->messages = lt_realloc(s->messages, count * sizeof *s->messages);
        s->message_cap = count;
    }
    lt_buf_clear(&s->shielded);
    for (size_t i = 0; i < count; i++) {
        const lt_message *message = &v->item->messages[i];
        if (i < first && !(i == 0 && system))
            continue;
        lt_text content = content_of(message);
        if (v->mark[0]) {
            const size_t at = s->shielded.len;
            lt_specials_shield(&v->encoder->specials, content, v->mark, &s->shielded);
            content = (lt_text){NULL, s->shielded.len - at}; /* the buffer may move: see below */
        }
        s->messages[put++] = (lt_chat_message){{message->role, message->role_len}, content};
    }
    const char *at = lt_buf_str(&s->shielded);
    for (size_t i = 0; v->mark[0] && i < put; i++) {
        s->messages[i].content.data = at;
        at += s->messages[i].content.len;
    }
    return put;
}

static lt_status encode_piece(view *v, const char *text, size_t len)
{
    const lt_encode_options options = {.literal_specials = true};
    lt_buf *plain = &v->s->plain;
    const size_t mark_len = strlen(v->mark);
    lt_buf_clear(plain);
    for (const char *end = text + len; text < end;) {
        const char *mark = memmem(text, (size_t)(end - text), v->mark, mark_len);
        lt_buf_add(plain, text, (size_t)((mark ? mark : end) - text));
        text = mark ? mark + mark_len : end;
    }
    if (plain->len == 0)
        return LT_OK;
    LT_TRY(lt_tokenizer_encode(v->encoder->tokenizer, v->s->tokenizer,
                               (lt_text){plain->data, plain->len}, NULL, &options, &v->s->piece,
                               &v->error));
    v->invalid_utf8 |= v->s->piece.invalid_utf8;
    lt_encoder_scratch_add(v->s, v->s->piece.ids, v->s->piece.type_ids, v->s->piece.count);
    return LT_OK;
}

static lt_status encode_pieces(view *v, lt_text text)
{
    const lt_specials *specials = &v->encoder->specials;
    const uint8_t type = 0;
    size_t begin = 0;
    for (size_t at = 0; at < text.len;) {
        const size_t found = lt_specials_at(specials, text, at);
        if (found == SIZE_MAX) {
            at++;
            continue;
        }
        LT_TRY(encode_piece(v, text.data + begin, at - begin));
        lt_encoder_scratch_add(v->s, &specials->ids[found], &type, 1);
        at += specials->spellings[found].len;
        begin = at;
    }
    return encode_piece(v, text.data + begin, text.len - begin);
}

static lt_status encode_whole(view *v, lt_text text)
{
    const lt_encode_options options = {0};
    LT_TRY(lt_tokenizer_encode(v->encoder->tokenizer, v->s->tokenizer, text, NULL, &options,
                               &v->s->encoding, &v->error));
    v->invalid_utf8 |= v->s->encoding.invalid_utf8;
    lt_encoder_scratch_add(v->s, v->s->encoding.ids, v->s->encoding.type_ids, v->s->encoding.count);
    return LT_OK;
}

/* Renders and encodes a view into scratch->ids. REFUSED leaves the template's words in v->error. */
static fit look(view *v, bool system, size_t first)
{
    const lt_chat_options options = {.date = v->encoder->date};
    const size_t count = put_messages(v, system, first);
    lt_buf *rendered = &v->s->rendered;
    lt_buf_clear(rendered);
    v->s->id_count = 0;
    if (lt_chat_template_render(v->encoder->chat, v->s->messages, count, &options, rendered,
                                &v->error) != LT_OK)
        return REFUSED;
    const lt_text text = {lt_buf_str(rendered), rendered->len};
    if ((v->mark[0] ? encode_pieces(v, text) : encode_whole(v, text)) != LT_OK)
        return REFUSED;
    const uint32_t max = v->encoder->options.max_length;
    return max && v->s->id_count > max ? TOO_LONG : FITS;
}

/* ---- shortening ---- */

/* The outcome of the longest end that begins at `first` or later and that the template accepts;
 * *accepted says where it begins. */
static fit look_from(view *v, bool system, size_t first, size_t *accepted)
{
    fit outcome = REFUSED;
    for (*accepted = first; *accepted < v->item->message_count; ++*accepted) {
        outcome = look(v, system, *accepted);
        if (outcome != REFUSED)
            break;
    }
    return outcome;
}

/* Leaves out as few of the oldest turns as will do. */
static bool drop_turns(view *v, bool system)
{
    size_t low = v->has_system ? 1 : 0, high = v->item->message_count, at;
    while (low < high) { /* every end that begins before low is too long; one from high on fits, or
                            high is the end */
        const size_t middle = low + (high - low) / 2;
        const fit outcome = look_from(v, system, middle, &at);
        if (outcome == TOO_LONG)
            low = at + 1;
        else
            high = middle;
    }
    return low < v->item->message_count && look_from(v, system, low, &at) == FITS;
}

/* The shortest end that the template accepts, without a system turn, cut on the left. */
static void cut_last_turn(view *v)
{
    size_t first = v->item->message_count;
    fit outcome = REFUSED;
    while (outcome == REFUSED && first > 0)
        outcome = look(v, false, --first);
    if (outcome == REFUSED) /* it was accepted once, as a whole */
        outcome = look(v, v->has_system, v->has_system ? 1 : 0);
    lt_encoder_scratch *s = v->s;
    const uint32_t max = v->encoder->options.max_length;
    if (s->id_count <= max)
        return;
    const bool bos = s->ids[0] == lt_encoder_facts(v->encoder)->bos_id && max > 1;
    const size_t keep = max - bos;
    memmove(s->ids + bos, s->ids + s->id_count - keep, keep * sizeof *s->ids);
    memmove(s->type_ids + bos, s->type_ids + s->id_count - keep, keep);
    s->id_count = max;
}

static void shorten(view *v, lt_score *score)
{
    const size_t before = v->s->id_count;
    if (v->encoder->options.fail_on_overflow) {
        score->tokens = (uint32_t)before;
        lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_TOO_LONG,
                      "%zu tokens; at most %u fit", before, v->encoder->options.max_length);
        return;
    }
    if (!drop_turns(v, v->has_system) && !(v->has_system && drop_turns(v, false)))
        cut_last_turn(v);
    score->tokens_cut = (uint32_t)(before - v->s->id_count);
    score->flags |= LEFTTAIL__ROW_FLAG__ROW_FLAG_TRUNCATED_LEFT;
}

/* ---- the whole ---- */

/* A noncharacter (U+FDD0 to U+FDEF) that no content has. False: all are taken. */
static bool choose_mark(view *v)
{
    for (int c = 0x90; c <= 0xaf; c++) {
        const char mark[4] = {(char)0xef, (char)0xb7, (char)c, 0};
        bool taken = false;
        for (size_t i = 0; i < v->item->message_count && !taken; i++)
            taken = memmem(v->item->messages[i].content, v->item->messages[i].content_len, mark,
                           3) != NULL;
        if (!taken) {
            memcpy(v->mark, mark, sizeof mark);
            return true;
        }
    }
    return false;
}

static bool any_specials(const view *v)
{
    for (size_t i = 0; i < v->item->message_count; i++)
        if (lt_specials_in(&v->encoder->specials, content_of(&v->item->messages[i])))
            return true;
    return false;
}

void lt_conversation_encode(const lt_encoder *encoder, lt_encoder_scratch *scratch,
                            const lt_item *item, lt_score *score)
{
    view v = {.encoder = encoder, .s = scratch, .item = item};
    const lt_message *first = &item->messages[0];
    v.has_system =
        item->message_count > 1 && first->role_len == 6 && memcmp(first->role, "system", 6) == 0;
    const bool specials = any_specials(&v);
    if (specials && encoder->options.literal_specials && !choose_mark(&v)) {
        lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_BAD_TEXT,
                      "the text has all of the noncharacters U+FDD0 to U+FDEF and a special token");
        return;
    }
    const fit outcome = look(&v, v.has_system, v.has_system ? 1 : 0);
    if (outcome == REFUSED) {
        lt_score_fail(score, LEFTTAIL__FAILURE_REASON__FAILURE_TEMPLATE, "%s", v.error.what);
        return;
    }
    score->flags = specials ? LEFTTAIL__ROW_FLAG__ROW_FLAG_SPECIALS_IN_TEXT : 0;
    if (outcome == TOO_LONG)
        shorten(&v, score);
    if (v.invalid_utf8)
        score->flags |= LEFTTAIL__ROW_FLAG__ROW_FLAG_INVALID_UTF8;
}
