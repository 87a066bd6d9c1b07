/* The cutters written by hand against their expressions, on random texts (LEFTTAIL_SEED repeats a
 * run), and the sets that expressions are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/engine/tokenizer/pattern.h"
#include "worker/engine/tokenizer/unicode.h"

static uint64_t seed = 20260131;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static void add_random(lt_buf *text)
{
    static const char *const pieces[] = {" ",
                                         "  ",
                                         "\n",
                                         "\r\n",
                                         "\t",
                                         "'s",
                                         "'T",
                                         "'re",
                                         "'LL",
                                         "'\xc5\xbf",
                                         "'",
                                         "a",
                                         "Zz",
                                         "\xc3\xa9",
                                         "\xe6\xbc\xa2",
                                         "1",
                                         "234",
                                         "\xd9\xa3",
                                         "\xc2\xbd",
                                         ".",
                                         "!?",
                                         "\xf0\x9f\x98\x80",
                                         "\xcc\x81",
                                         "\xc2\xa0",
                                         "\xe3\x80\x80",
                                         "\xe1\xa0\x8e",
                                         "\xf0\x90\xb5\x90",
                                         "\xc2\x85"};
    uint32_t c = draw(0x110000);
    if (draw(10) == 0 && (c < 0xd800 || c > 0xdfff))
        lt_utf8_add(text, c);
    else
        lt_buf_puts(text, pieces[draw(sizeof pieces / sizeof pieces[0])]);
}

static void same_cuts(lt_split_words words, const char *expression)
{
    lt_pattern pattern = {0};
    lt_matcher matcher;
    lt_piece_list list = {0};
    lt_buf text = {0};
    lt_error error = {0};
    lt_matcher_init(&matcher);
    assert_int_equal(lt_pattern_compile(&pattern, lt_text_of(expression), true, "test", &error),
                     LT_OK);
    assert_int_equal(pattern.words, words);
    pattern.words = LT_SPLIT_WORDS_NONE; /* the expression itself */
    for (int round = 0; round < 20000; round++) {
        lt_buf_clear(&text);
        for (uint32_t i = 1 + draw(12); i > 0; i--)
            add_random(&text);
        lt_text all = {text.data, text.len};
        assert_int_equal(lt_pattern_cut(&pattern, &matcher, all, &list, &error), LT_OK);
        size_t at = 0;
        for (size_t i = 0; i < list.count; i++) {
            assert_true(list.pieces[i].is_match);
            assert_int_equal(list.pieces[i].start, at);
            at = lt_split_words_next(words, all, at);
            if (at != list.pieces[i].end)
                fail_msg("'%s': piece %zu ends at %u, the cutter's at %zu", text.data, i,
                         list.pieces[i].end, at);
        }
        assert_int_equal(at, text.len);
    }
    lt_buf_fini(&text);
    lt_piece_list_fini(&list);
    lt_pattern_fini(&pattern);
    lt_matcher_fini(&matcher);
}

static void cutters_do_what_their_expressions_do(void **state)
{
    (void)state;
    printf("LEFTTAIL_SEED=%llu\n", (unsigned long long)seed);
#define X(name, expression) same_cuts(LT_SPLIT_WORDS_##name, expression);
    LT_SPLIT_WORDS_LIST(X)
#undef X
}

/* Every code point against every set, through PCRE2. */
static void sets_are_those_of_the_tables(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        unsigned property;
    } sets[] = {{"\\p{L}", LT_PROP_L},
                {"\\p{N}", LT_PROP_N},
                {"\\s", LT_PROP_WHITE},
                {"\\w", LT_PROP_WORD_ONIG}};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        lt_pattern pattern = {0};
        lt_matcher matcher;
        lt_piece_list list = {0};
        lt_error error = {0};
        lt_matcher_init(&matcher);
        assert_int_equal(
            lt_pattern_compile(&pattern, lt_text_of(sets[i].expression), true, "test", &error),
            LT_OK);
        for (uint32_t c = 0; c < 0x110000; c++) {
            char bytes[4];
            if (c == 0xd800)
                c = 0xe000;
            lt_text one = {bytes, (size_t)lt_utf8_encode(c, bytes)};
            assert_int_equal(lt_pattern_cut(&pattern, &matcher, one, &list, &error), LT_OK);
            if (list.pieces[0].is_match != ((lt_unicode_props(c) & sets[i].property) != 0))
                fail_msg("%s and U+%04X", sets[i].expression, c);
        }
        lt_piece_list_fini(&list);
        lt_pattern_fini(&pattern);
        lt_matcher_fini(&matcher);
    }
}

int main(void)
{
    const char *given = getenv("LEFTTAIL_SEED");
    seed = given ? strtoull(given, NULL, 10) : seed;
    lt_unicode_init();
    const struct CMUnitTest tests[] = {cmocka_unit_test(cutters_do_what_their_expressions_do),
                                       cmocka_unit_test(sets_are_those_of_the_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
