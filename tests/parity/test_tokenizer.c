/* Token ids against the `tokenizers` library: small tokenizers of every kind over awkward texts
 * (tests/parity/tokenizer, made by make_golden.py there). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "worker/engine/tokenizer/tokenizer.h"

static const char *const names[] = {
    "bert_uncased", "bert_cased", "wordpiece_plain", "gpt2",           "roberta",  "smol", "llama3",
    "qwen2",        "o200k",      "fallback_legacy", "fallback_first", "bpe_words"};

static lt_text text_of(const json_t *json)
{
    return (lt_text){json_string_value(json), json_string_length(json)};
}

static lt_truncation strategy_of(const json_t *line)
{
    const char *word = json_string_value(json_object_get(line, "strategy"));
    return word == NULL || strcmp(word, "longest_first") == 0 ? LT_TRUNCATION_LONGEST_FIRST
           : strcmp(word, "only_first") == 0                  ? LT_TRUNCATION_ONLY_FIRST
                                                              : LT_TRUNCATION_ONLY_SECOND;
}

static void check_encoding(const json_t *line, const lt_encoding *encoding, const char *where)
{
    const json_t *ids = json_object_get(line, "ids"), *types = json_object_get(line, "types");
    bool same = json_array_size(ids) == encoding->count;
    for (size_t i = 0; same && i < encoding->count; i++)
        same = json_integer_value(json_array_get(ids, i)) == encoding->ids[i] &&
               json_integer_value(json_array_get(types, i)) == encoding->type_ids[i];
    if (!same)
        print_error("%s: other ids than the library's (%zu, %zu expected)\n", where,
                    encoding->count, json_array_size(ids));
    assert_true(same);
    size_t before = (size_t)json_integer_value(json_object_get(line, "before"));
    assert_int_equal(encoding->tokens_before_truncation, before);
    assert_int_equal(encoding->truncated, before > encoding->count);
    assert_false(encoding->invalid_utf8);
}

static void check_line(const lt_tokenizer *tokenizer, lt_tokenizer_scratch *scratch,
                       const json_t *line, const char *where)
{
    lt_encode_options options = {
        .add_special_tokens = json_is_true(json_object_get(line, "special")),
        .max_length = (size_t)json_integer_value(json_object_get(line, "max")),
        .truncation = strategy_of(line),
        .cut_left = json_is_true(json_object_get(line, "left")),
    };
    lt_encoding encoding = {0};
    lt_error error = {0};
    const json_t *second = json_object_get(line, "pair");
    lt_text pair = second ? text_of(second) : (lt_text){"", 0};
    lt_status status =
        lt_tokenizer_encode(tokenizer, scratch, text_of(json_object_get(line, "text")),
                            second ? &pair : NULL, &options, &encoding, &error);
    if (json_object_get(line, "fails")) {
        assert_int_equal(status, LT_LIMIT);
    } else {
        assert_int_equal(status, LT_OK);
        check_encoding(line, &encoding, where);
    }
    lt_encoding_fini(&encoding);
}

static void check_tokenizer(void **state)
{
    const char *name = *state;
    char dir[512], path[600], where[700];
    snprintf(dir, sizeof dir, "%s/tests/parity/tokenizer/%s", LT_SOURCE_DIR, name);
    snprintf(path, sizeof path, "%s/cases.jsonl", dir);
    lt_tokenizer *tokenizer;
    lt_error error = {0};
    assert_int_equal(lt_tokenizer_open(&tokenizer, dir, &error), LT_OK);
    lt_tokenizer_scratch *scratch = lt_tokenizer_scratch_new(tokenizer);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t count = 0;
    for (json_t *line; (line = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL));
         json_decref(line)) {
        snprintf(where, sizeof where, "%s:%zu", path, ++count);
        check_line(tokenizer, scratch, line, where);
    }
    fclose(file);
    assert_true(count > 100);
    lt_tokenizer_scratch_free(&scratch);
    lt_tokenizer_close(&tokenizer);
}

int main(void)
{
    struct CMUnitTest tests[sizeof names / sizeof names[0]];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = check_tokenizer, .initial_state = (void *)names[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
