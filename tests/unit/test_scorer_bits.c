/* A score is a function of the text: the same rows with other batches, threads, orders and kernels
 * give the same bits. */
#include "worker/engine/kernels/kernels.h"
#include "worker/engine/scorer.h"

#include "tests/unit/tiny_checkpoint.h"

enum { ROWS = 30 };

/* Lengths from nothing to over the limit, pairs among them, some rows twice. */
static void make_items(lt_item items[ROWS], char texts[ROWS][400])
{
    uint64_t state = 20260131;
    for (int i = 0; i < ROWS; i++) {
        const int len = i < 3 ? i : i % 11 == 0 ? 300 : (i * 37) % 90;
        for (int c = 0; c < len; c++)
            texts[i][c] =
                c % 7 == 6 ? ' ' : (char)('a' + ((int)(tiny_value(&state) * 1000) + 1000) % 26);
        texts[i][len] = '\0';
        items[i] = (lt_item){.text = texts[i], .text_len = (size_t)len};
        if (i % 3 == 1) {
            items[i].template = LT_TEMPLATE_PAIR;
            items[i].pair = texts[i / 2];
            items[i].pair_len = strlen(texts[i / 2]);
        }
    }
    items[ROWS - 1] = items[7];
    items[ROWS - 2] = items[4];
}

typedef struct setting {
    const char *kernels;
    int threads;
    uint32_t batch_texts_max;
    bool reversed, one_by_one;
    Lefttail__Precision precision;
} setting;

static void score(const tiny_checkpoint *tiny, const setting *s, const lt_item items[ROWS],
                  lt_score out[ROWS])
{
    lt_scorer *scorer;
    lt_error error;
    const lt_scorer_options options = {.precision = s->precision,
                                       .threads = s->threads,
                                       .batch_texts_max = s->batch_texts_max,
                                       .kernels = s->kernels};
    if (lt_scorer_open(&scorer, tiny->dir, &options, &error) != LT_OK)
        fail_msg("%s", error.what);
    lt_item turned[ROWS];
    lt_score scores[ROWS];
    for (int i = 0; i < ROWS; i++)
        turned[s->reversed ? ROWS - 1 - i : i] = items[i];
    if (s->one_by_one)
        for (int i = 0; i < ROWS; i++)
            assert_int_equal(
                lt_scorer_run(scorer, &turned[i], 1, &scores[i], false, NULL, NULL, NULL, &error),
                LT_OK);
    else
        assert_int_equal(
            lt_scorer_run(scorer, turned, ROWS, scores, false, NULL, NULL, NULL, &error), LT_OK);
    for (int i = 0; i < ROWS; i++)
        out[i] = scores[s->reversed ? ROWS - 1 - i : i];
    lt_scorer_free(&scorer);
}

static void compare(const tiny_checkpoint *tiny, const setting *s, const lt_item items[ROWS],
                    const lt_score expected[ROWS])
{
    static lt_score scores[ROWS];
    score(tiny, s, items, scores);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(scores[i].reason, expected[i].reason);
        assert_int_equal(scores[i].tokens, expected[i].tokens);
        assert_int_equal(scores[i].tokens_cut, expected[i].tokens_cut);
        if (memcmp(scores[i].logits, expected[i].logits, sizeof scores[i].logits) != 0)
            fail_msg("row %d of %u tokens: %.9g, not %.9g, with %s, %d threads, batches of %u, "
                     "%s%s, precision %d",
                     i, scores[i].tokens, (double)scores[i].logits[0],
                     (double)expected[i].logits[0], s->kernels, s->threads, s->batch_texts_max,
                     s->reversed ? "reversed" : "in order", s->one_by_one ? ", one by one" : "",
                     (int)s->precision);
    }
}

static void all_ways(const tiny_checkpoint *tiny, Lefttail__Precision precision)
{
    static lt_item items[ROWS];
    static char texts[ROWS][400];
    static lt_score expected[ROWS];
    make_items(items, texts);
    const setting reference = {
        .kernels = "scalar", .threads = 1, .batch_texts_max = 1, .precision = precision};
    score(tiny, &reference, items, expected);
    static const uint32_t limits[] = {1, 7, 0};
    const char *name, *refusal;
    const lt_kernels *kernels;
    for (size_t k = 0; lt_kernels_list(k, &name, &kernels, &refusal); k++) {
        if (!kernels) {
            print_message("%s is not here: %s\n", name, refusal);
            continue;
        }
        const bool slow = k == 0; /* the scalar reference: two settings will do */
        for (int threads = slow ? 2 : 1; threads <= 2; threads++) {
            for (int limit = slow ? 2 : 0; limit < 3; limit++) {
                setting s = {name, threads, limits[limit], false, false, precision};
                compare(tiny, &s, items, expected);
                s.reversed = !slow;
                if (!slow)
                    compare(tiny, &s, items, expected);
            }
            const setting alone = {name, threads, 0, false, true, precision};
            compare(tiny, &alone, items, expected);
        }
    }
}

static void both_precisions(tiny_options options)
{
    tiny_checkpoint tiny;
    tiny_make(&tiny, options);
    all_ways(&tiny, LEFTTAIL__PRECISION__PRECISION_F32);
    all_ways(&tiny, LEFTTAIL__PRECISION__PRECISION_BF16);
    tiny_remove(&tiny);
}

static void test_bert(void **state)
{
    (void)state;
    both_precisions((tiny_options){
        .hidden = 51, .heads = 3, .intermediate = 77, .labels = 5, .positions = 280});
}

static void test_bert_tiles(void **state)
{
    (void)state;
    both_precisions((tiny_options){
        .hidden = 64, .heads = 2, .intermediate = 128, .labels = 1, .dtype = "BF16"});
}

static void test_llama(void **state)
{
    (void)state;
    both_precisions((tiny_options){.llama = true,
                                   .hidden = 50,
                                   .heads = 6,
                                   .kv_heads = 2,
                                   .head_dim = 10,
                                   .intermediate = 33,
                                   .labels = 2,
                                   .layers = 3});
}

static void test_llama_one_head(void **state)
{
    (void)state;
    both_precisions((tiny_options){.llama = true,
                                   .hidden = 16,
                                   .heads = 1,
                                   .head_dim = 40,
                                   .intermediate = 64,
                                   .biases = true,
                                   .labels = 20,
                                   .layers = 1});
}

/* The logits differ between rows at all, and between precisions. */
static void test_rows_differ(void **state)
{
    (void)state;
    static lt_item items[ROWS];
    static char texts[ROWS][400];
    static lt_score f32[ROWS], bf16[ROWS];
    tiny_checkpoint tiny;
    tiny_make(&tiny, (tiny_options){0});
    make_items(items, texts);
    score(&tiny, &(setting){.threads = 2, .precision = LEFTTAIL__PRECISION__PRECISION_F32}, items,
          f32);
    score(&tiny, &(setting){.threads = 2, .precision = LEFTTAIL__PRECISION__PRECISION_BF16}, items,
          bf16);
    assert_memory_not_equal(f32[20].logits, f32[21].logits, sizeof(float));
    assert_memory_equal(f32[ROWS - 1].logits, f32[7].logits, sizeof(float));
    assert_memory_not_equal(f32[20].logits, bf16[20].logits, sizeof(float));
    tiny_remove(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bert),        cmocka_unit_test(test_bert_tiles),
        cmocka_unit_test(test_llama),       cmocka_unit_test(test_llama_one_head),
        cmocka_unit_test(test_rows_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
