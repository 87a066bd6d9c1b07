#include "worker/engine/tokenizer/split_words.h"

#include <string.h>

#include "worker/engine/tokenizer/unicode.h"

lt_split_words lt_split_words_of(lt_text expression)
{
#define X(name, known)                                                                             \
    if (expression.len == sizeof(known) - 1 &&                                                     \
        memcmp(expression.data, known, expression.len) == 0)                                       \
        return LT_SPLIT_WORDS_##name;
    LT_SPLIT_WORDS_LIST(X)
#undef X
    return LT_SPLIT_WORDS_NONE;
}

const char *lt_split_words_expression(lt_split_words words)
{
    static const char *const expressions[] = {"",
#define X(name, known) known,
                                              LT_SPLIT_WORDS_LIST(X)
#undef X
    };
    return expressions[words];
}

/* A code point with its properties; `end` is the offset behind it. Past the text: no properties. */
typedef struct lt_point {
    uint32_t c;
    unsigned props;
    size_t end;
} lt_point;

static lt_point point_at(lt_text text, size_t at)
{
    lt_point point = {0, 0, at};
    if (at < text.len) {
        point.end = at + (size_t)lt_utf8_decode(text.data + at, &point.c);
        point.props = lt_unicode_props(point.c);
    }
    return point;
}

/* The end of the run of code points that have one of `wanted`, from `at`. */
static size_t run_of(lt_text text, size_t at, unsigned wanted)
{
    while (at < text.len) {
        lt_point point = point_at(text, at);
        if (!(point.props & wanted))
            break;
        at = point.end;
    }
    return at;
}

static size_t run_of_other(lt_text text, size_t at)
{
    while (at < text.len) {
        lt_point point = point_at(text, at);
        if (point.props & (LT_PROP_L | LT_PROP_N | LT_PROP_WHITE))
            break;
        at = point.end;
    }
    return at;
}

/* 's 't 're 've 'm 'll 'd after the apostrophe at `at`; 0 if none follows. */
static size_t contraction(lt_text text, size_t at, bool any_case)
{
    lt_point first = point_at(text, at + 1), second = point_at(text, first.end);
    uint32_t a = first.c, b = second.c;
    if (any_case) {
        a = a - 'A' < 26 ? a + 32 : a == 0x17f ? 's' : a; /* the long s folds to s */
        b = b - 'A' < 26 ? b + 32 : b;
    }
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return first.end;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return second.end;
    return 0;
}

/* \s+(?!\S)|\s+ at a run of white space: all of it at the end of the text, else all but its last
 * code point, or that one alone. */
static size_t white_run(lt_text text, size_t at)
{
    size_t end = at, last = at;
    while (end < text.len) {
        lt_point point = point_at(text, end);
        if (!(point.props & LT_PROP_WHITE))
            break;
        last = end;
        end = point.end;
    }
    return end == text.len || last == at ? end : last;
}

static size_t next_gpt2(lt_text text, size_t at)
{
    lt_point first = point_at(text, at);
    if (first.c == '\'') {
        size_t end = contraction(text, at, false);
        if (end)
            return end;
    }
    size_t from = at;
    lt_point lead = first;
    if (first.c == ' ') {
        lead = point_at(text, first.end);
        from = first.end;
    }
    if (from == text.len || lead.props & LT_PROP_WHITE)
        return white_run(text, at);
    if (lead.props & LT_PROP_L)
        return run_of(text, lead.end, LT_PROP_L);
    if (lead.props & LT_PROP_N)
        return run_of(text, lead.end, LT_PROP_N);
    return run_of_other(text, lead.end);
}

static bool is_break(uint32_t c)
{
    return c == '\r' || c == '\n';
}

/* \s*[\r\n]+: up to the last line break of the run of white space, 0 if it has none. */
static size_t line_breaks(lt_text text, size_t at)
{
    size_t end = 0;
    while (at < text.len) {
        lt_point point = point_at(text, at);
        if (!(point.props & LT_PROP_WHITE))
            break;
        at = point.end;
        if (is_break(point.c))
            end = at;
    }
    return end;
}

static size_t next_cl100k(lt_text text, size_t at, int digits)
{
    lt_point first = point_at(text, at);
    if (first.c == '\'') {
        size_t end = contraction(text, at, true);
        if (end)
            return end;
    }
    if (first.props & LT_PROP_L)
        return run_of(text, first.end, LT_PROP_L);
    lt_point second = point_at(text, first.end);
    if (second.props & LT_PROP_L && !is_break(first.c) && !(first.props & LT_PROP_N))
        return run_of(text, second.end, LT_PROP_L);
    if (first.props & LT_PROP_N) {
        size_t end = first.end;
        for (int i = 1; i < digits; i++) {
            lt_point more = point_at(text, end);
            if (!(more.props & LT_PROP_N))
                break;
            end = more.end;
        }
        return end;
    }
    unsigned not_other = LT_PROP_L | LT_PROP_N | LT_PROP_WHITE;
    size_t from = first.c == ' ' ? first.end : at;
    if (from < text.len && !(point_at(text, from).props & not_other)) {
        size_t end = run_of_other(text, from);
        while (end < text.len && is_break((uint8_t)text.data[end]))
            end++;
        return end;
    }
    size_t end = line_breaks(text, at);
    return end ? end : white_run(text, at);
}

size_t lt_split_words_next(lt_split_words words, lt_text text, size_t at)
{
    switch (words) {
    case LT_SPLIT_WORDS_GPT2:
        return next_gpt2(text, at);
    case LT_SPLIT_WORDS_LLAMA3:
        return next_cl100k(text, at, 3);
    default:
        return next_cl100k(text, at, 1);
    }
}
