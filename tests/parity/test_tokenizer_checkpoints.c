/* The expected.jsonl of the shared checkpoints, where they lie beside the checkout: ids, type ids
 * and counts before truncation, and the rendered text of the chat one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/file.h"
#include "worker/engine/tokenizer/chat_template.h"

#define MODELS LT_SOURCE_DIR "/../shared/models"

typedef struct checkpoint {
    lt_tokenizer *tokenizer;
    lt_tokenizer_scratch *scratch;
    lt_encoding encoding;
    FILE *expected;
} checkpoint;

static void open_checkpoint(checkpoint *c, const char *name)
{
    char dir[512], path[600];
    lt_error error = {0};
    memset(c, 0, sizeof *c);
    snprintf(dir, sizeof dir, "%s/%s", MODELS, name);
    snprintf(path, sizeof path, "%s/expected.jsonl", dir);
    assert_int_equal(lt_tokenizer_open(&c->tokenizer, dir, &error), LT_OK);
    c->scratch = lt_tokenizer_scratch_new(c->tokenizer);
    c->expected = fopen(path, "r");
    assert_non_null(c->expected);
}

static void close_checkpoint(checkpoint *c)
{
    fclose(c->expected);
    lt_encoding_fini(&c->encoding);
    lt_tokenizer_scratch_free(&c->scratch);
    lt_tokenizer_close(&c->tokenizer);
}

static lt_text text_of(const json_t *line, const char *key)
{
    const json_t *json = json_object_get(line, key);
    return (lt_text){json_string_value(json), json_string_length(json)};
}

static void check_ids(const checkpoint *c, const json_t *line)
{
    const json_t *ids = json_object_get(line, "input_ids"),
                 *types = json_object_get(line, "token_type_ids");
    assert_int_equal(json_array_size(ids), c->encoding.count);
    for (size_t i = 0; i < c->encoding.count; i++) {
        assert_int_equal(json_integer_value(json_array_get(ids, i)), c->encoding.ids[i]);
        if (types)
            assert_int_equal(json_integer_value(json_array_get(types, i)), c->encoding.type_ids[i]);
    }
}

static void bert_rows(void **state)
{
    checkpoint c;
    lt_error error = {0};
    open_checkpoint(&c, *state);
    for (json_t *line;
         (line = json_loadf(c.expected, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL));
         json_decref(line)) {
        const lt_encode_options options = {.add_special_tokens = true, .max_length = 512};
        lt_text pair = {NULL, 0};
        bool paired = json_object_get(line, "text_pair") != NULL;
        if (paired)
            pair = text_of(line, "text_pair");
        assert_int_equal(lt_tokenizer_encode(c.tokenizer, c.scratch, text_of(line, "text"),
                                             paired ? &pair : NULL, &options, &c.encoding, &error),
                         LT_OK);
        check_ids(&c, line);
        assert_int_equal(json_integer_value(json_object_get(line, "tokens_before_truncation")),
                         c.encoding.tokens_before_truncation);
    }
    close_checkpoint(&c);
}

static void chat_rows(void **state)
{
    checkpoint c;
    lt_error error = {0};
    lt_chat_template *chat;
    open_checkpoint(&c, *state);
    assert_int_equal(lt_chat_template_open(&chat, c.tokenizer, &error), LT_OK);
    assert_false(lt_chat_template_needs_date(chat));
    for (json_t *line;
         (line = json_loadf(c.expected, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL));
         json_decref(line)) {
        const lt_chat_message messages[] = {{lt_text_of("user"), text_of(line, "user")},
                                            {lt_text_of("assistant"), text_of(line, "assistant")}};
        const lt_chat_options chat_options = {0};
        const lt_encode_options options = {0};
        lt_buf text = {0};
        assert_int_equal(lt_chat_template_render(chat, messages, 2, &chat_options, &text, &error),
                         LT_OK);
        lt_text expected = text_of(line, "text");
        assert_int_equal(text.len, expected.len);
        assert_memory_equal(text.data, expected.data, text.len);
        assert_int_equal(lt_tokenizer_encode(c.tokenizer, c.scratch, (lt_text){text.data, text.len},
                                             NULL, &options, &c.encoding, &error),
                         LT_OK);
        check_ids(&c, line);
        lt_buf_fini(&text);
    }
    lt_chat_template_close(&chat);
    close_checkpoint(&c);
}

int main(void)
{
    if (!lt_dir_exists(MODELS)) {
        printf("skipped: %s is not there\n", MODELS);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        {"refusal", bert_rows, NULL, NULL, (void *)"refusal"},
        {"safety-rm", bert_rows, NULL, NULL, (void *)"safety-rm"},
        {"helpful-rm", bert_rows, NULL, NULL, (void *)"helpful-rm"},
        {"smollm2-safety-rm", chat_rows, NULL, NULL, (void *)"smollm2-safety-rm"},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
