#include "worker/engine/tokenizer/normal_form.h"

#include <string.h>
#include <utf8proc.h>

#include "worker/engine/tokenizer/unicode.h"

/* Composed since Unicode 13 from U+11935 and this one; the library knows no such pair. */
#define LATE_SECOND 0x11930

uint8_t lt_combining_class(uint32_t c)
{
    if (c < 0x300 || lt_unicode_in(lt_unicode_not_mark, lt_unicode_not_mark_count, c))
        return 0;
    return (uint8_t)utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
}

int lt_decompose(uint32_t c, bool compatible, uint32_t out[LT_DECOMPOSED_MAX])
{
    const uint32_t *late = compatible ? lt_unicode_not_compatible : lt_unicode_not_canonical;
    size_t late_count =
        compatible ? lt_unicode_not_compatible_count : lt_unicode_not_canonical_count;
    out[0] = c;
    if (c < 0xa0 || lt_unicode_in(late, late_count, c))
        return 1;
    int boundary = 0;
    utf8proc_int32_t points[LT_DECOMPOSED_MAX];
    int options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
    utf8proc_ssize_t count = utf8proc_decompose_char((utf8proc_int32_t)c, points, LT_DECOMPOSED_MAX,
                                                     (utf8proc_option_t)options, &boundary);
    if (count < 1 || count > LT_DECOMPOSED_MAX)
        return 1;
    for (int i = 0; i < count; i++)
        out[i] = (uint32_t)points[i];
    return (int)count;
}

/* Canonical ordering: a stable sort of a run of marks by class, counting, so that a text of marks
 * alone stays linear. */
static void order_run(int32_t *run, size_t count, lt_buf *spare)
{
    bool ordered = true;
    for (size_t i = 1; i < count && ordered; i++)
        ordered = lt_combining_class((uint32_t)run[i - 1]) <= lt_combining_class((uint32_t)run[i]);
    if (ordered)
        return;
    size_t first[256] = {0}, total = 0; /* counting sort by class */
    for (size_t i = 0; i < count; i++)
        first[lt_combining_class((uint32_t)run[i])]++;
    for (int k = 0; k < 256; k++) {
        size_t here = first[k];
        first[k] = total;
        total += here;
    }
    lt_buf_clear(spare);
    int32_t *sorted = (int32_t *)lt_buf_reserve(spare, count * sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[first[lt_combining_class((uint32_t)run[i])]++] = run[i];
    memcpy(run, sorted, count * sizeof *run);
}

static void order(int32_t *points, size_t count)
{
    lt_buf spare = {0};
    size_t i = 0;
    while (i < count) {
        size_t end = i;
        while (end < count && lt_combining_class((uint32_t)points[end]) != 0)
            end++;
        if (end - i > 1)
            order_run(points + i, end - i, &spare);
        i = end + 1;
    }
    lt_buf_fini(&spare);
}

/* Composes in pieces that begin where the library sees a starter and utf8proc does not. */
static size_t compose(int32_t *points, size_t count)
{
    size_t kept = 0, from = 0;
    for (size_t i = 1; i <= count; i++) {
        if (i < count && points[i] != LATE_SECOND &&
            !lt_unicode_in(lt_unicode_not_mark, lt_unicode_not_mark_count, (uint32_t)points[i]))
            continue;
        utf8proc_ssize_t left = utf8proc_normalize_utf32(
            points + from, (utf8proc_ssize_t)(i - from), UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        LT_ASSERT(left >= 0 && (size_t)left <= i - from);
        memmove(points + kept, points + from, (size_t)left * sizeof *points);
        kept += (size_t)left;
        from = i;
    }
    return kept;
}

static bool is_stable(lt_text text, uint32_t bound)
{
    size_t at = 0;
    while (at < text.len) {
        uint32_t c;
        at += (size_t)lt_utf8_decode(text.data + at, &c);
        if (c >= bound)
            return false;
    }
    return true;
}

void lt_normal_form_add(lt_normal_form form, lt_text text, lt_buf *points, lt_buf *out)
{
    if (is_stable(text, lt_normal_form_stable(form))) {
        lt_buf_add(out, text.data, text.len);
        return;
    }
    bool compatible = form == LT_NFKC || form == LT_NFKD;
    lt_buf_clear(points);
    for (size_t at = 0; at < text.len;) {
        uint32_t c, parts[LT_DECOMPOSED_MAX];
        at += (size_t)lt_utf8_decode(text.data + at, &c);
        int count = lt_decompose(c, compatible, parts);
        lt_buf_add(points, parts, (size_t)count * sizeof *parts);
    }
    int32_t *all = (int32_t *)points->data;
    size_t count = points->len / sizeof *all;
    order(all, count);
    if (form == LT_NFC || form == LT_NFKC)
        count = compose(all, count);
    for (size_t i = 0; i < count; i++)
        lt_utf8_add(out, (uint32_t)all[i]);
}
