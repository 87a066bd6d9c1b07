#include "worker/engine/tokenizer/unicode.h"

#include <pthread.h>
#include <string.h>
#include <utf8proc.h>

/* Written by unpack alone. */
uint16_t lt_unicode_flat[LT_UNICODE_FLAT];
uint16_t lt_unicode_pages[(0x110000 - LT_UNICODE_FLAT) / 256];

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const uint8_t ALTERNATING = LT_CATEGORY_COUNT; /* a run of Lu, Ll, Lu, Ll, ... */

static uint16_t with_category(unsigned category)
{
    uint32_t bit = 1u << category;
    uint16_t word = (uint16_t)category;
    if (bit & LT_CATS_L)
        word |= LT_PROP_L;
    if (bit & LT_CATS_N)
        word |= LT_PROP_N;
#define X(name, flag, categories)                                                                  \
    if (bit & (categories))                                                                        \
        word |= LT_PROP_##flag;
    LT_UNICODE_SET_LIST(X)
#undef X
    return word;
}

static uint16_t run_props(size_t run, uint32_t c)
{
    unsigned category = lt_unicode_runs[run] & 0xff;
    if (category == ALTERNATING)
        category = (c - (lt_unicode_runs[run] >> 8)) % 2 ? LT_CAT_Ll : LT_CAT_Lu;
    return with_category(category);
}

static void apply(const uint32_t *ranges, size_t count, uint16_t flag, bool set)
{
    for (size_t i = 0; i < count && ranges[i] != UINT32_MAX; i++) {
        uint32_t first = ranges[i] >> 11, last = first + (ranges[i] & 2047);
        for (uint32_t c = first; c <= last && c < LT_UNICODE_FLAT; c++)
            lt_unicode_flat[c] =
                (uint16_t)(set ? lt_unicode_flat[c] | flag : lt_unicode_flat[c] & ~flag);
    }
}

static void mix_range(const uint32_t *ranges, size_t count)
{
    for (size_t i = 0; i < count && ranges[i] != UINT32_MAX; i++) {
        uint32_t first = ranges[i] >> 11, last = first + (ranges[i] & 2047);
        for (uint32_t c = first; c <= last; c = (c | 0xff) + 1)
            if (c >= LT_UNICODE_FLAT)
                lt_unicode_pages[(c - LT_UNICODE_FLAT) / 256] = LT_UNICODE_MIXED;
    }
}

/* A page is alike if one run covers it and no set's difference touches it. */
static void unpack_pages(void)
{
    size_t run = 0;
    for (uint32_t c = LT_UNICODE_FLAT; c < 0x110000; c += 256) {
        while (run + 1 < lt_unicode_runs_count && lt_unicode_runs[run + 1] >> 8 <= c)
            run++;
        bool alike = run + 1 == lt_unicode_runs_count || lt_unicode_runs[run + 1] >> 8 >= c + 256;
        lt_unicode_pages[(c - LT_UNICODE_FLAT) / 256] =
            alike ? run_props(run, c) : LT_UNICODE_MIXED;
    }
#define X(name, flag, categories)                                                                  \
    mix_range(lt_unicode_##name##_add, lt_unicode_##name##_add_count);                             \
    mix_range(lt_unicode_##name##_sub, lt_unicode_##name##_sub_count);
    LT_UNICODE_SET_LIST(X)
#undef X
}

static void unpack(void)
{
    for (size_t run = 0; run < lt_unicode_runs_count; run++) {
        uint32_t end =
            run + 1 < lt_unicode_runs_count ? lt_unicode_runs[run + 1] >> 8 : LT_UNICODE_FLAT;
        for (uint32_t c = lt_unicode_runs[run] >> 8; c < end && c < LT_UNICODE_FLAT; c++)
            lt_unicode_flat[c] = run_props(run, c);
    }
#define X(name, flag, categories)                                                                  \
    apply(lt_unicode_##name##_add, lt_unicode_##name##_add_count, LT_PROP_##flag, true);           \
    apply(lt_unicode_##name##_sub, lt_unicode_##name##_sub_count, LT_PROP_##flag, false);
    LT_UNICODE_SET_LIST(X)
#undef X
    unpack_pages();
}

void lt_unicode_init(void)
{
    pthread_once(&once, unpack);
}

bool lt_unicode_in(const uint32_t *packed, size_t count, uint32_t c)
{
    size_t low = 0, high = count; /* the last range that begins at or before c */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (packed[middle] >> 11 <= c)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && packed[low - 1] != UINT32_MAX &&
           c - (packed[low - 1] >> 11) <= (packed[low - 1] & 2047);
}

uint16_t lt_unicode_props_slow(uint32_t c)
{
    size_t low = 0, high = lt_unicode_runs_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (lt_unicode_runs[middle] >> 8 <= c)
            low = middle + 1;
        else
            high = middle;
    }
    uint16_t word = run_props(low - 1, c);
#define X(name, flag, categories)                                                                  \
    if (lt_unicode_in(lt_unicode_##name##_add, lt_unicode_##name##_add_count, c))                  \
        word |= LT_PROP_##flag;                                                                    \
    if (lt_unicode_in(lt_unicode_##name##_sub, lt_unicode_##name##_sub_count, c))                  \
        word = (uint16_t)(word & ~LT_PROP_##flag);
    LT_UNICODE_SET_LIST(X)
#undef X
    return word;
}

int lt_unicode_to_lower(uint32_t c, uint32_t out[2])
{
    if (c < 0x80) {
        out[0] = c - 'A' < 26 ? c + 32 : c;
        return 1;
    }
    if (c == 0x130) { /* I with a dot above: the one code point whose lower case is two */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    for (size_t i = 0; i < lt_unicode_lower_count && (uint32_t)lt_unicode_lower[i] <= c; i++) {
        if ((uint32_t)lt_unicode_lower[i] == c) {
            out[0] = (uint32_t)(lt_unicode_lower[i] >> 32);
            return 1;
        }
    }
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    return 1;
}

int lt_utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

void lt_utf8_add(lt_buf *buf, uint32_t c)
{
    char bytes[4];
    lt_buf_add(buf, bytes, (size_t)lt_utf8_encode(c, bytes));
}

size_t lt_utf8_count(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}

size_t lt_utf8_last(const char *text, size_t len)
{
    size_t at = len - 1;
    while (at > 0 && (text[at] & 0xc0) == 0x80)
        at--;
    return at;
}
