/* The data behind unicode.h, packed: runs of general categories (first code point << 8 | category,
 * each run ending where the next begins) and, for every other set, the ranges that differ from
 * what the categories give (first << 11 | length - 1). */
#ifndef LT_TOKENIZER_UNICODE_TABLES_H
#define LT_TOKENIZER_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* name, the categories it is made of before `add` and `sub` are applied */
#define LT_UNICODE_SET_LIST(X)                                                                     \
    X(white, WHITE, LT_CATS_Z)                /* White_Space: Rust's char, regex, onig */          \
    X(numeric, NUMERIC, LT_CATS_N)            /* Rust's char::is_numeric */                        \
    X(punctuation, PUNCTUATION, LT_CATS_P)    /* ASCII punctuation or P of old Unicode */          \
    X(bert_drop, BERT_DROP, LT_CATS_OTHER)    /* what BERT's clean_text removes */                 \
    X(nonspacing, NONSPACING, LT_CAT_BIT(Mn)) /* what BERT's strip_accents removes */              \
    X(combining, COMBINING, LT_CATS_M)        /* what StripAccents removes */                      \
    X(word_rust, WORD_RUST, LT_CATS_WORD)     /* \w of Rust's regex */                             \
    X(word_onig, WORD_ONIG, LT_CATS_WORD)     /* \w of oniguruma */

#define X(name, flag, categories)                                                                  \
    extern const uint32_t lt_unicode_##name##_add[], lt_unicode_##name##_sub[];                    \
    extern const size_t lt_unicode_##name##_add_count, lt_unicode_##name##_sub_count;
LT_UNICODE_SET_LIST(X)
#undef X

extern const uint32_t lt_unicode_runs[];
extern const size_t lt_unicode_runs_count;

/* Code points that utf8proc treats otherwise than the library's older normal forms: not
 * decomposed canonically, nor by compatibility; taken for starters; \p{Han}; assigned, and not
 * yet known to the PCRE2 of Debian 12. */
#define LT_UNICODE_RANGES_LIST(X) X(han) X(not_canonical) X(not_compatible) X(not_mark) X(not_pcre2)
#define X(name)                                                                                    \
    extern const uint32_t lt_unicode_##name[];                                                     \
    extern const size_t lt_unicode_##name##_count;
LT_UNICODE_RANGES_LIST(X)
#undef X

extern const uint64_t lt_unicode_lower[]; /* lower << 32 | upper, ascending by upper */
extern const size_t lt_unicode_lower_count;

#endif
