/* What the tokenizer promises beside the ids: flags, counts, limits, sharing between threads. */
#include "tests/unit/test_tokenizer_files.h"

#include <pthread.h>

#include "common/clock.h"
#include "common/limits.h"

#define SPECIALS                                                                                   \
    "[{\"id\":2,\"content\":\"[CLS]\",\"special\":true,\"normalized\":false},"                     \
    "{\"id\":3,\"content\":\"[SEP]\",\"special\":true,\"normalized\":false}]"
#define BERT_POST "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}"

static const tokenizer_parts bert = {SPECIALS, NULL, "{\"type\":\"BertPreTokenizer\"}", BERT_POST,
                                     NULL};

typedef struct fixture {
    lt_tokenizer *tokenizer;
    lt_tokenizer_scratch *scratch;
    lt_encoding encoding;
    lt_error error;
} fixture;

static void start(fixture *f, const char *dir, const tokenizer_parts *parts)
{
    memset(f, 0, sizeof *f);
    f->tokenizer = open_parts(dir, parts);
    f->scratch = lt_tokenizer_scratch_new(f->tokenizer);
}

static void stop(fixture *f)
{
    lt_encoding_fini(&f->encoding);
    lt_tokenizer_scratch_free(&f->scratch);
    lt_tokenizer_close(&f->tokenizer);
    assert_null(f->tokenizer);
}

static lt_status encode(fixture *f, const char *text, size_t len, const lt_encode_options *options)
{
    return lt_tokenizer_encode(f->tokenizer, f->scratch, (lt_text){text, len}, NULL, options,
                               &f->encoding, &f->error);
}

static void assert_ids(const fixture *f, size_t count, const uint32_t *ids)
{
    assert_int_equal(f->encoding.count, count);
    assert_memory_equal(f->encoding.ids, ids, count * sizeof *ids);
}

static void flags_what_a_text_brings(void **state)
{
    fixture f;
    start(&f, *state, &bert);
    const lt_encode_options plain = {0}, literal = {.literal_specials = true};
    assert_int_equal(encode(&f, "a[SEP]b[CLS]", 12, &plain), LT_OK);
    assert_ids(&f, 4, (uint32_t[]){4, 3, 5, 2});
    assert_int_equal(f.encoding.specials_in_text, 2);
    assert_int_equal(encode(&f, "a[SEP]", 6, &literal), LT_OK);
    assert_ids(&f, 4, (uint32_t[]){4, 1, 1, 1}); /* [ SEP ] are words, all unknown */
    assert_int_equal(f.encoding.specials_in_text, 0);
    assert_false(f.encoding.invalid_utf8);
    assert_int_equal(encode(&f, "a \xf0\x9f\x98 b", 7, &plain), LT_OK);
    assert_ids(&f, 3, (uint32_t[]){4, 8, 5}); /* one U+FFFD for the cut sequence */
    assert_true(f.encoding.invalid_utf8);
    assert_int_equal(encode(&f, "a\0b", 3, &plain), LT_OK); /* a NUL is text */
    assert_ids(&f, 1, (uint32_t[]){1});
    stop(&f);
}

static void an_empty_second_text_is_a_pair(void **state)
{
    fixture f;
    start(&f, *state, &bert);
    const lt_encode_options options = {.add_special_tokens = true};
    const lt_text empty = {"", 0};
    assert_int_equal(lt_tokenizer_encode(f.tokenizer, f.scratch, lt_text_of("a"), &empty, &options,
                                         &f.encoding, &f.error),
                     LT_OK);
    assert_ids(&f, 4, (uint32_t[]){2, 4, 3, 3});
    assert_memory_equal(f.encoding.type_ids, "\0\0\0\1", 4);
    assert_int_equal(encode(&f, "", 0, &options), LT_OK);
    assert_ids(&f, 2, (uint32_t[]){2, 3});
    stop(&f);
}

static void cuts_and_counts(void **state)
{
    fixture f;
    start(&f, *state, &bert);
    lt_encode_options options = {.add_special_tokens = true, .max_length = 4};
    assert_int_equal(encode(&f, "a b ab", 6, &options), LT_OK);
    assert_ids(&f, 4, (uint32_t[]){2, 4, 5, 3});
    assert_true(f.encoding.truncated);
    assert_int_equal(f.encoding.tokens_before_truncation, 5);
    options.cut_left = true;
    assert_int_equal(encode(&f, "a b ab", 6, &options), LT_OK);
    assert_ids(&f, 4, (uint32_t[]){2, 5, 7, 3});
    options.max_length = 5;
    assert_int_equal(encode(&f, "a b ab", 6, &options), LT_OK);
    assert_false(f.encoding.truncated);
    options.max_length = 1;
    assert_int_equal(encode(&f, "a", 1, &options), LT_LIMIT);
    options = (lt_encode_options){.max_length = 1, .truncation = LT_TRUNCATION_ONLY_SECOND};
    assert_int_equal(encode(&f, "a b", 3, &options), LT_LIMIT);
    stop(&f);
}

static void one_bos_is_enough(void **state)
{
    static const tokenizer_parts parts = {
        SPECIALS, NULL, "{\"type\":\"BertPreTokenizer\"}",
        "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"b\",\"type_id\":"
        "0}},"
        "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_"
        "id\":0}},"
        "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}],\"special_tokens\":{\"b\":{\"id\":\"b\","
        "\"ids\":[2],\"tokens\":[\"[CLS]\"]}}}",
        NULL};
    fixture f;
    write_file(*state, "tokenizer_config.json",
               "{\"bos_token\":{\"content\":\"[CLS]\"},\"model_max_length\":1e30}", 57);
    start(&f, *state, &parts);
    const lt_encode_options twice = {.add_special_tokens = true},
                            once = {.add_special_tokens = true, .single_bos = true};
    assert_int_equal(encode(&f, "[CLS]a", 6, &twice), LT_OK);
    assert_ids(&f, 3, (uint32_t[]){2, 2, 4});
    assert_int_equal(encode(&f, "[CLS]a", 6, &once), LT_OK);
    assert_ids(&f, 2, (uint32_t[]){2, 4});
    assert_int_equal(f.encoding.tokens_before_truncation, 2);
    assert_int_equal(encode(&f, "a", 1, &once), LT_OK);
    assert_ids(&f, 2, (uint32_t[]){2, 4});
    const lt_tokenizer_facts *facts = lt_tokenizer_get_facts(f.tokenizer);
    assert_int_equal(facts->bos_id, 2);
    assert_int_equal(facts->eos_id, LT_TOKEN_NONE);
    assert_int_equal(facts->model_max_length, 0);
    assert_int_equal(facts->vocab_size, 9);
    assert_int_equal(facts->id_max, 8);
    assert_string_equal(facts->pre_tokenizer, "BertPreTokenizer");
    assert_string_equal(facts->normalizer, "none");
    stop(&f);
}

static void looks_tokens_up(void **state)
{
    fixture f;
    start(&f, *state, &bert);
    assert_int_equal(lt_tokenizer_id(f.tokenizer, "##b", 3), 6);
    assert_int_equal(lt_tokenizer_id(f.tokenizer, "zz", 2), LT_TOKEN_NONE);
    lt_text token = lt_tokenizer_token(f.tokenizer, 7);
    assert_int_equal(token.len, 2);
    assert_memory_equal(token.data, "ab", 2);
    assert_null(lt_tokenizer_token(f.tokenizer, 9).data);
    assert_true(lt_tokenizer_is_special(f.tokenizer, 3));
    assert_false(lt_tokenizer_is_special(f.tokenizer, 4));
    stop(&f);
}

static void refuses_texts_over_the_limit(void **state)
{
    fixture f;
    start(&f, *state, &bert);
    const lt_encode_options options = {0};
    char *text = lt_alloc(LT_TEXT_BYTES_MAX + 1);
    memset(text, 'a', LT_TEXT_BYTES_MAX + 1);
    assert_int_equal(encode(&f, text, LT_TEXT_BYTES_MAX + 1, &options), LT_LIMIT);
    assert_int_equal(encode(&f, text, LT_TEXT_BYTES_MAX, &options), LT_OK);
    assert_ids(&f, 1, (uint32_t[]){1}); /* a word of 8 million characters */
    free(text);
    stop(&f);
}

/* One word of 200,000 characters: the merges must not be quadratic. */
static void long_words_take_no_longer_than_they_should(void **state)
{
    static const tokenizer_parts parts = {
        NULL, NULL, NULL, NULL,
        "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"abab\":3,\"ba\":4},"
        "\"merges\":[\"a b\",\"ab ab\",\"b a\"]}"};
    enum { COUNT = 200000 };
    fixture f;
    start(&f, *state, &parts);
    const lt_encode_options options = {0};
    char *text = lt_alloc(COUNT);
    for (size_t i = 0; i < COUNT; i++)
        text[i] = i % 2 ? 'b' : 'a';
    uint64_t begin = lt_now_ms();
    assert_int_equal(encode(&f, text, COUNT, &options), LT_OK);
    assert_true(lt_now_ms() - begin < 5000); /* a few ms; quadratic takes minutes */
    assert_int_equal(f.encoding.count, COUNT / 4);
    assert_int_equal(f.encoding.ids[COUNT / 4 - 1], 3);
    free(text);
    stop(&f);
}

typedef struct worker {
    const lt_tokenizer *tokenizer;
    uint64_t seed, hash;
} worker;

static void *encode_many(void *data)
{
    worker *w = data;
    lt_tokenizer_scratch *scratch = lt_tokenizer_scratch_new(w->tokenizer);
    lt_encoding encoding = {0};
    const lt_encode_options options = {.add_special_tokens = true};
    uint64_t seed = w->seed;
    for (int round = 0; round < 2000; round++) {
        char text[64];
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = "ab [SEP]"[seed >> 61];
        }
        lt_tokenizer_encode(w->tokenizer, scratch, (lt_text){text, sizeof text}, NULL, &options,
                            &encoding, NULL);
        for (size_t i = 0; i < encoding.count; i++)
            w->hash = w->hash * 31 + encoding.ids[i];
    }
    lt_encoding_fini(&encoding);
    lt_tokenizer_scratch_free(&scratch);
    return NULL;
}

static void threads_share_a_tokenizer(void **state)
{
    lt_tokenizer *tokenizer = open_parts(*state, &bert);
    worker alone = {tokenizer, 7, 0},
           together[3] = {{tokenizer, 7, 0}, {tokenizer, 7, 0}, {tokenizer, 7, 0}};
    pthread_t threads[3];
    encode_many(&alone);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, encode_many, &together[i]), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_true(together[i].hash == alone.hash);
    }
    lt_tokenizer_close(&tokenizer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(flags_what_a_text_brings),
        TEST(an_empty_second_text_is_a_pair),
        TEST(cuts_and_counts),
        TEST(one_bos_is_enough),
        TEST(looks_tokens_up),
        TEST(refuses_texts_over_the_limit),
        TEST(long_words_take_no_longer_than_they_should),
        TEST(threads_share_a_tokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
