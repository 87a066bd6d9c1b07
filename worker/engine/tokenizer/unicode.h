/* Code points as the `tokenizers` library sees them: its crates follow several Unicode versions,
 * and a token id depends on which. See unicode_tables.h. The UTF-8 helpers take valid text. */
#ifndef LT_TOKENIZER_UNICODE_H
#define LT_TOKENIZER_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/engine/tokenizer/unicode_tables.h"

#define LT_CATEGORY_LIST(X)                                                                        \
    X(Cn)                                                                                          \
    X(Lu)                                                                                          \
    X(Ll) X(Lt) X(Lm) X(Lo) X(Mn) X(Mc) X(Me) X(Nd) X(Nl) X(No) X(Pc) X(Pd) X(Ps) X(Pe) X(Pi)      \
        X(Pf) X(Po) X(Sm) X(Sc) X(Sk) X(So) X(Zs) X(Zl) X(Zp) X(Cc) X(Cf) X(Co)
typedef enum lt_category {
#define X(name) LT_CAT_##name,
    LT_CATEGORY_LIST(X)
#undef X
        LT_CATEGORY_COUNT
} lt_category;

#define LT_CAT_BIT(name) (1u << LT_CAT_##name)
#define LT_CATS_L                                                                                  \
    (LT_CAT_BIT(Lu) | LT_CAT_BIT(Ll) | LT_CAT_BIT(Lt) | LT_CAT_BIT(Lm) | LT_CAT_BIT(Lo))
#define LT_CATS_M (LT_CAT_BIT(Mn) | LT_CAT_BIT(Mc) | LT_CAT_BIT(Me))
#define LT_CATS_N (LT_CAT_BIT(Nd) | LT_CAT_BIT(Nl) | LT_CAT_BIT(No))
#define LT_CATS_P                                                                                  \
    (LT_CAT_BIT(Pc) | LT_CAT_BIT(Pd) | LT_CAT_BIT(Ps) | LT_CAT_BIT(Pe) | LT_CAT_BIT(Pi) |          \
     LT_CAT_BIT(Pf) | LT_CAT_BIT(Po))
#define LT_CATS_S (LT_CAT_BIT(Sm) | LT_CAT_BIT(Sc) | LT_CAT_BIT(Sk) | LT_CAT_BIT(So))
#define LT_CATS_Z (LT_CAT_BIT(Zs) | LT_CAT_BIT(Zl) | LT_CAT_BIT(Zp))
#define LT_CATS_OTHER (LT_CAT_BIT(Cc) | LT_CAT_BIT(Cf) | LT_CAT_BIT(Co))
#define LT_CATS_WORD (LT_CATS_L | LT_CATS_M | LT_CAT_BIT(Nd) | LT_CAT_BIT(Nl) | LT_CAT_BIT(Pc))

/* A property word: the category in the low five bits, one bit per set above them, and L, N for
 * speed. */
enum {
    LT_PROP_CATEGORY = 0x1f,
    LT_PROP_L = 1 << 5,
    LT_PROP_N = 1 << 6,
    LT_PROP_WHITE = 1 << 7,
    LT_PROP_NUMERIC = 1 << 8,
    LT_PROP_PUNCTUATION = 1 << 9,
    LT_PROP_BERT_DROP = 1 << 10,
    LT_PROP_NONSPACING = 1 << 11,
    LT_PROP_COMBINING = 1 << 12,
    LT_PROP_WORD_RUST = 1 << 13,
    LT_PROP_WORD_ONIG = 1 << 14,
};

/* Unpacks the tables, once per process, safe from any thread. Call before anything below. */
void lt_unicode_init(void);

/* Planes 0 and 1 are looked up directly; above, most pages of 256 are all alike. */
#define LT_UNICODE_FLAT 0x20000
#define LT_UNICODE_MIXED 0xffff /* a page that is not: searched */
extern uint16_t lt_unicode_flat[LT_UNICODE_FLAT];
extern uint16_t lt_unicode_pages[(0x110000 - LT_UNICODE_FLAT) / 256];
uint16_t lt_unicode_props_slow(uint32_t c);

static inline uint16_t lt_unicode_props(uint32_t c)
{
    if (c < LT_UNICODE_FLAT)
        return lt_unicode_flat[c];
    uint16_t page = lt_unicode_pages[(c - LT_UNICODE_FLAT) / 256];
    return page != LT_UNICODE_MIXED ? page : lt_unicode_props_slow(c);
}

/* The first code point behind c that may have other properties than c. */
static inline uint32_t lt_unicode_next(uint32_t c)
{
    bool alike =
        c >= LT_UNICODE_FLAT && lt_unicode_pages[(c - LT_UNICODE_FLAT) / 256] != LT_UNICODE_MIXED;
    return alike ? (c | 0xff) + 1 : c + 1;
}

static inline bool lt_unicode_is_white(uint32_t c)
{
    return lt_unicode_props(c) & LT_PROP_WHITE;
}

bool lt_unicode_in(const uint32_t *packed, size_t count, uint32_t c); /* packed ranges, ascending */

/* Rust's char::to_lowercase, one code point at a time (no final sigma): writes 1 or 2 code
 * points, returns how many. */
int lt_unicode_to_lower(uint32_t c, uint32_t out[2]);

static inline int lt_utf8_decode(const char *p, uint32_t *c)
{
    const uint8_t *b = (const uint8_t *)p;
    if (b[0] < 0x80) {
        *c = b[0];
        return 1;
    }
    if (b[0] < 0xe0) {
        *c = (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3fu);
        return 2;
    }
    if (b[0] < 0xf0) {
        *c = (uint32_t)(b[0] & 0x0f) << 12 | (uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3fu);
        return 3;
    }
    *c = (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3f) << 12 |
         (uint32_t)(b[2] & 0x3f) << 6 | (b[3] & 0x3fu);
    return 4;
}

static inline int lt_utf8_len(uint8_t lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

int lt_utf8_encode(uint32_t c, char out[4]); /* bytes written, 1 to 4 */
void lt_utf8_add(lt_buf *buf, uint32_t c);
size_t lt_utf8_count(const char *text, size_t len); /* code points */
size_t lt_utf8_last(const char *text, size_t len);  /* offset of the last code point; len > 0 */

#endif
