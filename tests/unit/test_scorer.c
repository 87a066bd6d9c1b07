/* What a scorer says about texts: reasons, flags, truncation, progress, cancelling. */
#include "worker/engine/scorer.h"

#include "tests/unit/tiny_checkpoint.h"

static const char chat_template[] =
    "{% for message in messages %}{% if message['role'] == 'tool' %}{{ raise_exception('no tools') "
    "}}{% endif %}"
    "[CLS] {{ message['role'] }} {{ message['content'] }} [SEP]{% endfor %}";

static lt_scorer *open_scorer(const tiny_checkpoint *tiny, lt_scorer_options options)
{
    lt_scorer *scorer;
    lt_error error;
    if (lt_scorer_open(&scorer, tiny->dir, &options, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    return scorer;
}

static lt_item text_item(const char *text)
{
    return (lt_item){.text = text, .text_len = strlen(text)};
}

static void add_chat_template(const tiny_checkpoint *tiny)
{
    lt_buf text = {0};
    lt_buf_printf(&text, "{\"bos_token\":\"[CLS]\",\"chat_template\":\"%s\"}", chat_template);
    tiny_write(tiny, "tokenizer_config.json", text.data, text.len);
    lt_buf_fini(&text);
}

static void run(lt_scorer *scorer, const lt_item *items, size_t count, lt_score *scores)
{
    lt_error error;
    assert_int_equal(lt_scorer_run(scorer, items, count, scores, true, NULL, NULL, NULL, &error),
                     LT_OK);
}

static void free_ids(lt_score *scores, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(scores[i].ids);
}

static void test_reasons(void **state)
{
    (void)state;
    tiny_checkpoint tiny;
    tiny_make(&tiny, (tiny_options){.positions = 16});
    lt_scorer *scorer = open_scorer(&tiny, (lt_scorer_options){.fail_on_overflow = true});
    char *large = lt_alloc(LT_TEXT_BYTES_MAX + 2);
    memset(large, 'a', LT_TEXT_BYTES_MAX + 1);
    lt_item items[] = {text_item("good"),     text_item("this one is too long"),
                       text_item(""),         text_item("bad \xff"),
                       text_item(large),      text_item("x"),
                       text_item("a [SEP] b")};
    enum { COUNT = sizeof items / sizeof *items };
    items[2].no_special_tokens = true;
    items[5].template = LT_TEMPLATE_CHAT;
    lt_score scores[COUNT];
    run(scorer, items, COUNT, scores);
    assert_int_equal(scores[0].reason, LEFTTAIL__FAILURE_REASON__FAILURE_NONE);
    assert_int_equal(scores[0].tokens, 6);
    assert_int_equal(scores[0].flags, 0);
    assert_int_equal(scores[1].reason, LEFTTAIL__FAILURE_REASON__FAILURE_TOO_LONG);
    assert_int_equal(scores[1].tokens, 18);
    assert_string_equal(scores[1].detail, "18 tokens; at most 16 fit");
    assert_int_equal(scores[2].reason, LEFTTAIL__FAILURE_REASON__FAILURE_NO_TOKENS);
    assert_int_equal(scores[3].reason, LEFTTAIL__FAILURE_REASON__FAILURE_NONE);
    assert_int_equal(scores[3].flags, LEFTTAIL__ROW_FLAG__ROW_FLAG_INVALID_UTF8);
    assert_int_equal(scores[4].reason, LEFTTAIL__FAILURE_REASON__FAILURE_BAD_TEXT);
    assert_int_equal(scores[5].reason, LEFTTAIL__FAILURE_REASON__FAILURE_TEMPLATE);
    assert_int_equal(scores[6].flags, LEFTTAIL__ROW_FLAG__ROW_FLAG_SPECIALS_IN_TEXT);
    free_ids(scores, COUNT);
    free(large);
    lt_scorer_free(&scorer);
    tiny_remove(&tiny);
}

/* Exactly the maximum is no truncation; one more is. */
static void test_truncation(void **state)
{
    (void)state;
    tiny_checkpoint tiny;
    tiny_make(&tiny, (tiny_options){.positions = 16});
    lt_scorer *scorer = open_scorer(&tiny, (lt_scorer_options){0});
    lt_item items[] = {text_item("abcdefghijklmn"), text_item("abcdefghijklmno"),
                       text_item("abcdefghijklmnopqrst")};
    items[2].template = LT_TEMPLATE_PAIR;
    items[2].pair = "ABC";
    items[2].pair_len = 3;
    lt_score scores[3];
    run(scorer, items, 3, scores);
    assert_int_equal(scores[0].tokens, 16);
    assert_int_equal(scores[0].tokens_cut + scores[0].flags, 0);
    assert_int_equal(scores[1].tokens, 16);
    assert_int_equal(scores[1].tokens_cut, 1);
    assert_int_equal(scores[1].flags, LEFTTAIL__ROW_FLAG__ROW_FLAG_TRUNCATED_RIGHT);
    assert_int_equal(scores[2].tokens_cut, 10); /* the longer side: 20 + 3 + 3 tokens */
    assert_int_equal(scores[2].ids[15], 3);
    assert_memory_equal(scores[0].logits, scores[1].logits, sizeof(float));
    free_ids(scores, 3);
    lt_scorer_free(&scorer);
    tiny_remove(&tiny);
}

static void test_not_finite(void **state)
{
    (void)state;
    tiny_checkpoint tiny;
    tiny_make(&tiny, (tiny_options){.scale = 1e38f});
    lt_scorer *scorer =
        open_scorer(&tiny, (lt_scorer_options){.precision = LEFTTAIL__PRECISION__PRECISION_F32});
    const lt_item item = text_item("overflow");
    lt_score score;
    run(scorer, &item, 1, &score);
    assert_int_equal(score.reason, LEFTTAIL__FAILURE_REASON__FAILURE_NOT_FINITE);
    free_ids(&score, 1);
    lt_scorer_free(&scorer);
    tiny_remove(&tiny);
}

/* The tokenizer knows tokens that the embedding has no row for: rows that use them fail, by name.
 */
static void test_token_without_embedding(void **state)
{
    (void)state;
    tiny_checkpoint tiny;
    char path[160];
    lt_buf text = {0};
    lt_error error;
    tiny_make(&tiny, (tiny_options){0});
    tiny_path(&tiny, "tokenizer.json", path);
    assert_int_equal(lt_file_read(path, 1 << 20, &text, &error), LT_OK);
    char *at = strstr(text.data, "\"z\":");
    assert_non_null(at);
    memcpy(at + 4, "300", 3);
    tiny_write(&tiny, "tokenizer.json", text.data, text.len);
    lt_buf_fini(&text);
    lt_scorer *scorer = open_scorer(&tiny, (lt_scorer_options){0});
    const lt_item items[] = {text_item("a"), text_item("a z")};
    lt_score scores[2];
    run(scorer, items, 2, scores);
    assert_int_equal(scores[0].reason, LEFTTAIL__FAILURE_REASON__FAILURE_NONE);
    assert_int_equal(scores[1].reason, LEFTTAIL__FAILURE_REASON__FAILURE_BAD_TEXT);
    assert_string_equal(scores[1].detail,
                        "token 300 at position 2 is not in the model's table of 300");
    free_ids(scores, 2);
    lt_scorer_free(&scorer);
    tiny_remove(&tiny);
}

/* ---- chats ---- */

enum { TURNS = 6 };

static const lt_message turns[TURNS] = {
    {"system", "S", 6, 1},  {"user", "aaaa", 4, 4},      {"assistant", "bbbb", 9, 4},
    {"user", "cccc", 4, 4}, {"assistant", "dddd", 9, 4}, {"user", "eeee", 4, 4},
};

static lt_item chat_item(size_t first, size_t count)
{
    return (lt_item){
        .template = LT_TEMPLATE_CHAT, .messages = turns + first, .message_count = count};
}

/* Tokens are characters, but for [CLS] and [SEP]: a turn has 2 + role + content of them. */
static void chat(const tiny_checkpoint *tiny, uint32_t max_length, uint32_t tokens,
                 const char *first_token)
{
    lt_scorer *scorer = open_scorer(tiny, (lt_scorer_options){.max_length = max_length});
    const lt_item item = chat_item(0, TURNS);
    lt_score score;
    run(scorer, &item, 1, &score);
    assert_int_equal(score.reason, LEFTTAIL__FAILURE_REASON__FAILURE_NONE);
    assert_int_equal(score.tokens, tokens);
    assert_int_equal(score.ids[0], 2);
    assert_int_equal(score.ids[tokens - 1], 3);
    assert_int_equal(score.ids[1], 4 + 2 * (first_token[0] - 33) + (first_token[1] == '#'));
    assert_int_equal(score.tokens + score.tokens_cut, 69);
    assert_int_equal(score.flags,
                     score.tokens_cut ? LEFTTAIL__ROW_FLAG__ROW_FLAG_TRUNCATED_LEFT : 0);
    free_ids(&score, 1);
    lt_scorer_free(&scorer);
}

static void test_chat_truncation(void **state)
{
    (void)state;
    tiny_checkpoint tiny;
    tiny_make(&tiny, (tiny_options){0});
    add_chat_template(&tiny);
    chat(&tiny, 69, 69, "s"); /* system 9, users 10, assistants 15 */
    chat(&tiny, 68, 59, "s"); /* the first user turn goes, the system turn stays */
    chat(&tiny, 59, 59, "s");
    chat(&tiny, 58, 44, "s");
    chat(&tiny, 19, 19, "s"); /* system and the last turn */
    chat(&tiny, 18, 10, "u"); /* the last turn alone */
    chat(&tiny, 10, 10, "u");
    chat(&tiny, 9, 9, "s#"); /* [CLS] stays, u goes */
    tiny_remove(&tiny);
}

static void test_chat_specials(void **state)
{
    (void)state;
    tiny_checkpoint tiny;
    tiny_make(&tiny, (tiny_options){0});
    add_chat_template(&tiny);
    const lt_message message = {"user", "a[SEP]b", 4, 7};
    const lt_item item = {.template = LT_TEMPLATE_CHAT, .messages = &message, .message_count = 1};
    lt_score parsed, literal;
    lt_scorer *scorer = open_scorer(&tiny, (lt_scorer_options){0});
    run(scorer, &item, 1, &parsed);
    lt_scorer_free(&scorer);
    scorer = open_scorer(&tiny, (lt_scorer_options){.literal_specials = true});
    run(scorer, &item, 1, &literal);
    lt_scorer_free(&scorer);
    assert_int_equal(parsed.tokens, 9); /* [CLS] u s e r a [SEP] b [SEP] */
    assert_int_equal(parsed.ids[6], 3);
    assert_int_equal(literal.tokens, 13); /* [CLS] u s e r a [ S E P ] b [SEP] */
    assert_int_equal(literal.ids[12], 3);
    assert_int_equal(parsed.flags, LEFTTAIL__ROW_FLAG__ROW_FLAG_SPECIALS_IN_TEXT);
    for (int i = 1; i < 12; i++)
        assert_int_not_equal(literal.ids[i], 3);
    free(parsed.ids);
    free(literal.ids);
    tiny_remove(&tiny);
}

static void test_chat_refused(void **state)
{
    (void)state;
    tiny_checkpoint tiny;
    tiny_make(&tiny, (tiny_options){0});
    lt_error error;
    lt_scorer *scorer = open_scorer(&tiny, (lt_scorer_options){0});
    assert_int_not_equal(lt_scorer_check_template(scorer, LT_TEMPLATE_CHAT, &error), LT_OK);
    assert_int_equal(lt_scorer_check_template(scorer, LT_TEMPLATE_PAIR, &error), LT_OK);
    lt_scorer_free(&scorer);
    add_chat_template(&tiny);
    scorer = open_scorer(&tiny, (lt_scorer_options){0});
    assert_int_equal(lt_scorer_check_template(scorer, LT_TEMPLATE_CHAT, &error), LT_OK);
    const lt_message tool = {"tool", "x", 4, 1};
    const lt_item items[] = {{.template = LT_TEMPLATE_CHAT, .messages = &tool, .message_count = 1},
                             {.template = LT_TEMPLATE_CHAT}};
    lt_score scores[2];
    run(scorer, items, 2, scores);
    assert_int_equal(scores[0].reason, LEFTTAIL__FAILURE_REASON__FAILURE_TEMPLATE);
    assert_non_null(strstr(scores[0].detail, "no tools"));
    assert_int_equal(scores[1].reason, LEFTTAIL__FAILURE_REASON__FAILURE_TEMPLATE);
    lt_scorer_free(&scorer);
    tiny_remove(&tiny);
}

/* ---- progress and cancelling ---- */

typedef struct watch {
    size_t calls;
    uint64_t tokens;
    bool seen[100];
    bool cancel;
    size_t cancel_at;
} watch;

static void progress(void *context, size_t texts_done, uint64_t tokens_done, size_t index,
                     const lt_score *score)
{
    watch *w = context;
    w->calls++;
    w->tokens += score->tokens;
    assert_int_equal(texts_done, w->calls);
    assert_int_equal(tokens_done, w->tokens);
    assert_false(w->seen[index]);
    w->seen[index] = true;
    if (w->calls == w->cancel_at)
        w->cancel = true;
}

static void test_progress(void **state)
{
    (void)state;
    static lt_item items[100];
    static lt_score scores[100];
    tiny_checkpoint tiny;
    lt_error error;
    watch w = {0};
    tiny_make(&tiny, (tiny_options){0});
    for (int i = 0; i < 100; i++) /* every third is the same, every tenth has no tokens */
        items[i] = i % 10 == 0 ? (lt_item){.text = "", .no_special_tokens = true}
                               : text_item(i % 3 ? tiny.dir + i % 9 : "again");
    lt_scorer *scorer = open_scorer(&tiny, (lt_scorer_options){.threads = 2, .batch_texts_max = 2});
    assert_int_equal(
        lt_scorer_run(scorer, items, 100, scores, false, progress, &w, &w.cancel, &error), LT_OK);
    assert_int_equal(w.calls, 100);
    assert_int_equal(
        lt_scorer_run(scorer, items, 0, scores, false, progress, &w, &w.cancel, &error), LT_OK);
    w = (watch){.cancel_at = 15};
    assert_int_equal(
        lt_scorer_run(scorer, items, 100, scores, true, progress, &w, &w.cancel, &error),
        LT_CANCELLED);
    assert_true(w.calls < 100);
    lt_scorer_free(&scorer);
    tiny_remove(&tiny);
}

static void test_counting(void **state)
{
    (void)state;
    tiny_checkpoint tiny;
    lt_scorer *scorer;
    lt_error error;
    lt_score score;
    const lt_scorer_options options = {.max_length = 10};
    const lt_item item = text_item("0123456789");
    tiny_make(&tiny, (tiny_options){.llama = true, .dtype = "BF16"});
    assert_int_equal(lt_scorer_inspect(&scorer, tiny.dir, &options, true, &error), LT_OK);
    const lt_scorer_facts *facts = lt_scorer_facts_of(scorer);
    assert_string_equal(facts->architecture, "LlamaForSequenceClassification");
    assert_int_equal(facts->precision, LEFTTAIL__PRECISION__PRECISION_BF16);
    assert_int_equal(facts->max_length, 10);
    assert_int_equal(facts->label_count, 3);
    assert_string_equal(facts->labels[2], "label-2");
    assert_int_equal(lt_scorer_count_tokens(scorer, &item, true, &score, &error), LT_OK);
    assert_int_equal(score.tokens, 10);
    assert_int_equal(score.tokens_cut, 2);
    assert_int_equal(score.ids[0], 2);
    free(score.ids);
    lt_scorer_free(&scorer);
    tiny_remove(&tiny);
}

static void test_spec(void **state)
{
    (void)state;
    Lefttail__ScorerSpec spec = LEFTTAIL__SCORER_SPEC__INIT;
    lt_scorer_options options;
    lt_template template;
    lt_error error;
    spec.template_ = "pair";
    spec.precision = LEFTTAIL__PRECISION__PRECISION_F32;
    spec.max_length = 77;
    spec.literal_specials = true;
    assert_int_equal(lt_scorer_options_from_spec(&spec, &options, &template, &error), LT_OK);
    assert_int_equal(template, LT_TEMPLATE_PAIR);
    assert_int_equal(options.max_length, 77);
    assert_true(options.literal_specials);
    assert_null(options.date);
    spec.template_ = "poem";
    assert_int_equal(lt_scorer_options_from_spec(&spec, &options, &template, &error),
                     LT_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),         cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_not_finite),      cmocka_unit_test(test_token_without_embedding),
        cmocka_unit_test(test_chat_truncation), cmocka_unit_test(test_chat_specials),
        cmocka_unit_test(test_chat_refused),    cmocka_unit_test(test_progress),
        cmocka_unit_test(test_counting),        cmocka_unit_test(test_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
