/* tokenizer.json, texts and chat templates with bytes changed, cut, doubled and joined: whatever
 * comes, reading ends, with LT_OK or with an error that has a sentence. The sanitizers watch.
 * LEFTTAIL_SEED repeats a run, LEFTTAIL_ROUNDS makes it longer. */
#include "tests/unit/test_tokenizer_files.h"

#include <time.h>

#include "worker/engine/tokenizer/chat_template.h"

static uint64_t seed;
static uint64_t rounds = 300;

static size_t draw(size_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % below);
}

static void mutate(lt_buf *text)
{
    static const char *const pieces[] = {
        "\"",   "{",    "}",       "[",    "]",  ":",        ",",        "\\",           "null",
        "-1",   "1e99", "\\u0000", "\xff", "{%", "%}",       "{{",       "}}",           "(",
        ")",    "+",    "*",       "?",    "|",  "'",        "\xc3\xa9", "\xe2\x96\x81", " if ",
        " in ", " is ", " not ",   ".",    "~",  "99999999", "endfor",   "endif",        "[::-1]"};
    for (size_t edits = 1 + draw(4); edits > 0; edits--) {
        const size_t at = draw(text->len + 1), left = text->len - at, span = draw(left + 1) % 24;
        lt_buf out = {0};
        lt_buf_add(&out, lt_buf_str(text), at);
        size_t skip = 0;
        switch (draw(4)) {
        case 0:
            lt_buf_puts(&out, pieces[draw(sizeof pieces / sizeof pieces[0])]);
            break;
        case 1:
            skip = span;
            break;
        case 2:
            lt_buf_add(&out, lt_buf_str(text) + at, span);
            break;
        default:
            lt_buf_putc(&out, (char)draw(256));
            skip = left > 0;
        }
        lt_buf_add(&out, lt_buf_str(text) + at + skip, left - skip);
        lt_buf_fini(text);
        *text = out;
    }
}

static void encode_all(const lt_tokenizer *tokenizer)
{
    lt_tokenizer_scratch *scratch = lt_tokenizer_scratch_new(tokenizer);
    lt_encoding encoding = {0};
    for (int i = 0; i < 8; i++) {
        lt_buf text = {0};
        lt_error error = {0};
        lt_buf_puts(&text, "Hello <s>W\xc3\xb6rld</s> 123'll [MASK]\n\n  \xe6\xbc\xa2\xe5\xad\x97 "
                           "\xf0\x9f\x98\x80"
                           "e\xcc\x81 <|im_start|>x");
        for (size_t edits = draw(6); edits > 0; edits--)
            mutate(&text);
        const lt_encode_options options = {
            draw(2), draw(2), draw(2), draw(2) ? draw(30) : 0, (lt_truncation)draw(3), draw(2)};
        lt_text one = {lt_buf_str(&text), text.len};
        if (lt_tokenizer_encode(tokenizer, scratch, one, draw(2) ? &one : NULL, &options, &encoding,
                                &error) != LT_OK)
            assert_true(error.what[0]);
        else
            for (size_t t = 0; t < encoding.count; t++)
                assert_true(encoding.ids[t] <= lt_tokenizer_get_facts(tokenizer)->id_max);
        lt_buf_fini(&text);
    }
    lt_encoding_fini(&encoding);
    lt_tokenizer_scratch_free(&scratch);
}

static void tokenizers(void **state)
{
    static const char *const names[] = {"bert_uncased", "wordpiece_plain", "roberta",
                                        "llama3",       "fallback_first",  "bpe_words"};
    size_t opened = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        char path[512];
        lt_error error = {0};
        lt_buf text = {0};
        lt_tokenizer *tokenizer;
        snprintf(path, sizeof path, "%s/tests/parity/tokenizer/%s/tokenizer.json", LT_SOURCE_DIR,
                 names[draw(6)]);
        assert_int_equal(lt_file_read(path, 1 << 20, &text, &error), LT_OK);
        if (draw(4))
            mutate(&text);
        write_file(*state, "tokenizer.json", lt_buf_str(&text), text.len);
        if (lt_tokenizer_open(&tokenizer, *state, &error) == LT_OK) {
            opened++;
            encode_all(tokenizer);
        } else {
            assert_true(error.what[0]);
        }
        lt_tokenizer_close(&tokenizer);
        lt_buf_fini(&text);
    }
    assert_true(opened > rounds / 10);
}

static void chat_templates(void **state)
{
    (void)state;
    static const char source[] = "{%- set ns = namespace(n=0) -%}{% macro t(m, a='x') %}<{{ m.role "
                                 "| upper ~ a }}>{{ m['content'] | trim }}{% endmacro %}"
                                 "{% for m in messages[::-1] if m.role in ['user', 'assistant'] "
                                 "%}{% if loop.first and not m.content is none %}{{ bos_token }}"
                                 "{% elif m.content.split('</t>')[-1] == 'x' %}{% continue %}{% "
                                 "else %}{{ (m.content[1:-1] or 'n') | tojson }}{% endif %}"
                                 "{% set ns.n = ns.n + loop.index0 * 2 // 1 %}{{ t(m, a=1 if ns.n "
                                 "> 1 else none) }}{% endfor %}{# end #}"
                                 "{% set x, y = 1, {'k': [1.5, (2, 3)]} %}{{ y | tojson(indent=2) "
                                 "}}{{ strftime_now('%d %b') }}";
    const lt_chat_tokens tokens = {.bos = "<s>"};
    const lt_chat_message messages[] = {
        {lt_text_of("user"), lt_text_of(" a</t>b ")},
        {lt_text_of("assistant"), lt_text_of("\xff\xc3")},
        {lt_text_of("user"), lt_text_of("\xe6\xbc\xa2\xe5\xad\x97")}};
    size_t rendered = 0;
    for (uint64_t round = 0; round < rounds * 20; round++) {
        lt_buf text = {0}, out = {0};
        lt_error error = {0};
        lt_chat_template *chat;
        const lt_chat_options options = {draw(2), draw(2) ? "2026-01-31" : NULL};
        lt_buf_add(&text, source, sizeof source - 1);
        mutate(&text);
        lt_status status =
            lt_chat_template_parse(&chat, lt_buf_str(&text), text.len, "fuzz", &tokens, &error);
        if (status == LT_OK)
            status = lt_chat_template_render(chat, messages, draw(4), &options, &out, &error);
        rendered += status == LT_OK;
        assert_true(status == LT_OK || error.what[0]);
        lt_chat_template_close(&chat);
        lt_buf_fini(&text);
        lt_buf_fini(&out);
    }
    assert_true(rendered > 0);
}

int main(void)
{
    const char *given = getenv("LEFTTAIL_SEED"), *more = getenv("LEFTTAIL_ROUNDS");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761u + 1;
    rounds = more ? strtoull(more, NULL, 10) : rounds;
    printf("LEFTTAIL_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokenizers, make_folder, remove_folder),
        cmocka_unit_test(chat_templates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
