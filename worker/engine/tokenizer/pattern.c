#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "worker/engine/tokenizer/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "worker/engine/tokenizer/unicode.h"

/* Steps of one match: the expressions in use take a few per character, and a run of a million
 * spaces must still pass. */
#define MATCH_STEPS_MAX 50000000
#define JIT_STACK_START (32u << 10)
#define JIT_STACK_MAX (4u << 20)
#define PATTERN_BYTES_MAX (64u << 10)

lt_status lt_pattern_read(lt_pattern *pattern, const lt_node *node, lt_error *error)
{
    lt_node string = lt_node_get(node, "String"), regex = lt_node_get(node, "Regex");
    lt_text text;
    if (string.json == NULL && regex.json == NULL)
        return lt_node_expect(node, "{\"String\": ...} or {\"Regex\": ...}", error);
    const lt_node *chosen = string.json ? &string : &regex;
    LT_TRY(lt_node_as_text(chosen, &text, error));
    return lt_pattern_compile(pattern, text, string.json == NULL, chosen->where, error);
}

lt_status lt_pattern_compile(lt_pattern *pattern, lt_text text, bool is_regex, const char *where,
                             lt_error *error)
{
    if (text.len > PATTERN_BYTES_MAX)
        return lt_fail(error, LT_LIMIT, where, "the pattern has %zu bytes, over the limit of %u",
                       text.len, PATTERN_BYTES_MAX);
    if (!is_regex && text.len > 0) {
        pattern->literal = lt_strndup(text.data, text.len);
        pattern->literal_len = text.len;
        return LT_OK;
    }
    pattern->words = lt_split_words_of(text);
    lt_buf source = {0};
    lt_status status = lt_pattern_translate(text, where, &source, error);
    if (status == LT_OK) {
        int code = 0;
        PCRE2_SIZE at = 0;
        pattern->code = pcre2_compile((PCRE2_SPTR)lt_buf_str(&source), source.len,
                                      PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK | PCRE2_MULTILINE |
                                          PCRE2_NEVER_BACKSLASH_C,
                                      &code, &at, NULL);
        if (pattern->code == NULL) {
            PCRE2_UCHAR message[200];
            pcre2_get_error_message(code, message, sizeof message);
            status = lt_fail(error, LT_UNSUPPORTED, where, "the expression cannot be compiled: %s",
                             (const char *)message);
        } else {
            pcre2_jit_compile(pattern->code,
                              PCRE2_JIT_COMPLETE); /* without JIT it runs slower, no less */
        }
    }
    lt_buf_fini(&source);
    return status;
}

void lt_pattern_fini(lt_pattern *pattern)
{
    free(pattern->literal);
    pcre2_code_free(pattern->code);
    memset(pattern, 0, sizeof *pattern);
}

void lt_matcher_init(lt_matcher *matcher)
{
    matcher->data = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    matcher->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
    LT_ASSERT(matcher->data && matcher->context && matcher->stack);
    pcre2_set_match_limit(matcher->context, MATCH_STEPS_MAX);
    pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
}

void lt_matcher_fini(lt_matcher *matcher)
{
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    pcre2_jit_stack_free(matcher->stack);
    memset(matcher, 0, sizeof *matcher);
}

void lt_piece_list_add(lt_piece_list *list, size_t start, size_t end, bool is_match)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 64;
        list->pieces = lt_realloc(list->pieces, list->cap * sizeof *list->pieces);
    }
    list->pieces[list->count++] = (lt_piece){(uint32_t)start, (uint32_t)end, is_match};
}

void lt_piece_list_fini(lt_piece_list *list)
{
    free(list->pieces);
    memset(list, 0, sizeof *list);
}

static void cut_literal(const lt_pattern *pattern, lt_text text, lt_piece_list *list)
{
    size_t done = 0;
    while (done < text.len) {
        const char *hit =
            memmem(text.data + done, text.len - done, pattern->literal, pattern->literal_len);
        if (hit == NULL)
            break;
        size_t start = (size_t)(hit - text.data);
        if (start > done)
            lt_piece_list_add(list, done, start, false);
        done = start + pattern->literal_len;
        lt_piece_list_add(list, start, done, true);
    }
    if (done < text.len)
        lt_piece_list_add(list, done, text.len, false);
}

static lt_status match_failed(int code, lt_error *error)
{
    PCRE2_UCHAR message[200];
    pcre2_get_error_message(code, message, sizeof message);
    return lt_fail(error, LT_LIMIT, NULL, "the tokenizer's expression gave up on this text: %s",
                   (const char *)message);
}

/* As the onig crate's find_iter: an empty match right after the last match is passed over. */
static lt_status cut_regex(const lt_pattern *pattern, lt_matcher *matcher, lt_text text,
                           lt_piece_list *list, lt_error *error)
{
    size_t from = 0, done = 0, last_end = SIZE_MAX;
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(matcher->data);
    while (from <= text.len) {
        int found = pcre2_match(pattern->code, (PCRE2_SPTR)text.data, text.len, from,
                                PCRE2_NO_UTF_CHECK, matcher->data, matcher->context);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0)
            return match_failed(found, error);
        size_t start = span[0], end = span[1];
        if (start == end && end == last_end) {
            from += from < text.len ? (size_t)lt_utf8_len((uint8_t)text.data[from]) : 1;
            continue;
        }
        if (start > done)
            lt_piece_list_add(list, done, start, false);
        lt_piece_list_add(list, start, end, true);
        from = done = last_end = end;
    }
    if (done < text.len)
        lt_piece_list_add(list, done, text.len, false);
    return LT_OK;
}

lt_status lt_pattern_cut(const lt_pattern *pattern, lt_matcher *matcher, lt_text text,
                         lt_piece_list *list, lt_error *error)
{
    list->count = 0;
    if (text.len == 0) {
        lt_piece_list_add(list, 0, 0, false);
        return LT_OK;
    }
    if (pattern->literal) {
        cut_literal(pattern, text, list);
        return LT_OK;
    }
    if (pattern->words == LT_SPLIT_WORDS_NONE)
        return cut_regex(pattern, matcher, text, list, error);
    for (size_t at = 0; at < text.len;) {
        size_t end = lt_split_words_next(pattern->words, text, at);
        lt_piece_list_add(list, at, end, true);
        at = end;
    }
    return LT_OK;
}
