/* Scores of a checkpoint held against expected.jsonl: results of transformers, one text at a time,
 * float32. Token ids must be equal; logits within `f32_limit`, or within a share of the spread of
 * the file's logits. */
#ifndef LT_TESTS_EXPECTED_SCORES_H
#define LT_TESTS_EXPECTED_SCORES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/buf.h"
#include "common/file.h"
#include "worker/engine/scorer.h"

#define EXPECTED_F32_LIMIT 1e-4

enum { EXPECTED_ROWS_MAX = 256 };

typedef struct expected_scores {
    json_t *rows[EXPECTED_ROWS_MAX];
    lt_item items[EXPECTED_ROWS_MAX];
    lt_message messages[EXPECTED_ROWS_MAX][2];
    size_t count;
    double spread; /* largest logit less the smallest */
} expected_scores;

static inline double expected_logit(const json_t *row, uint32_t label)
{
    const json_t *logits = json_object_get(row, "logits");
    return json_number_value(logits ? json_array_get(logits, label)
                                    : json_object_get(row, "logit"));
}

static inline lt_item expected_item(const json_t *row, lt_message messages[2], bool chat)
{
    const json_t *text = json_object_get(row, "text"), *pair = json_object_get(row, "text_pair");
    const json_t *user = json_object_get(row, "user"), *answer = json_object_get(row, "assistant");
    if (chat) {
        messages[0] = (lt_message){"user", json_string_value(user), 4, json_string_length(user)};
        messages[1] =
            (lt_message){"assistant", json_string_value(answer), 9, json_string_length(answer)};
        return (lt_item){.template = LT_TEMPLATE_CHAT, .messages = messages, .message_count = 2};
    }
    return (lt_item){
        .template = pair ? LT_TEMPLATE_PAIR : LT_TEMPLATE_TEXT,
        .text = json_string_value(text),
        .text_len = json_string_length(text),
        .pair = json_string_value(pair),
        .pair_len = json_string_length(pair),
        .no_special_tokens = user != NULL, /* rendered already */
    };
}

/* chat: the rows' user and assistant turns through the checkpoint's template. */
static inline void expected_read(expected_scores *e, const char *path, bool chat)
{
    lt_buf bytes = {0};
    lt_error error;
    double low = INFINITY, high = -INFINITY;
    memset(e, 0, sizeof *e);
    if (lt_file_read(path, 64 << 20, &bytes, &error) != LT_OK)
        fail_msg("%s: %s", path, error.what);
    for (char *line = strtok(bytes.data, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(row);
        assert_true(e->count < EXPECTED_ROWS_MAX);
        const size_t labels =
            json_object_get(row, "logits") ? json_array_size(json_object_get(row, "logits")) : 1;
        for (uint32_t i = 0; i < labels; i++) {
            low = fmin(low, expected_logit(row, i));
            high = fmax(high, expected_logit(row, i));
        }
        e->items[e->count] = expected_item(row, e->messages[e->count], chat);
        e->rows[e->count++] = row;
    }
    e->spread = high - low;
    lt_buf_fini(&bytes);
}

static inline void expected_fini(expected_scores *e)
{
    for (size_t i = 0; i < e->count; i++)
        json_decref(e->rows[i]);
}

static inline void expected_compare(const expected_scores *e, size_t row, const lt_score *score,
                                    uint32_t label_count, double limit, double *worst)
{
    const json_t *ids = json_object_get(e->rows[row], "input_ids");
    const json_t *before = json_object_get(e->rows[row], "tokens_before_truncation");
    assert_int_equal(score->reason, LEFTTAIL__FAILURE_REASON__FAILURE_NONE);
    assert_int_equal(score->tokens, json_array_size(ids));
    if (before)
        assert_int_equal(score->tokens + score->tokens_cut, json_integer_value(before));
    for (uint32_t i = 0; i < score->tokens; i++)
        assert_int_equal(score->ids[i], json_integer_value(json_array_get(ids, i)));
    for (uint32_t i = 0; i < label_count; i++) {
        const double off = fabs((double)score->logits[i] - expected_logit(e->rows[row], i));
        if (!(off <= limit))
            fail_msg("row %zu, label %u: %.9g, expected %.9g: off by %.3g, allowed %.3g", row, i,
                     (double)score->logits[i], expected_logit(e->rows[row], i), off, limit);
        *worst = fmax(*worst, off);
    }
}

static inline void expected_check(const char *dir, const char *path, bool chat,
                                  Lefttail__Precision precision, double limit_share)
{
    static expected_scores e;
    static lt_score scores[EXPECTED_ROWS_MAX];
    lt_scorer *scorer;
    lt_error error;
    double worst = 0;
    const bool f32 = precision == LEFTTAIL__PRECISION__PRECISION_F32;
    const lt_scorer_options options = {.precision = precision};
    expected_read(&e, path, chat);
    if (lt_scorer_open(&scorer, dir, &options, &error) != LT_OK)
        fail_msg("%s: %s", dir, error.what);
    assert_int_equal(
        lt_scorer_run(scorer, e.items, e.count, scores, true, NULL, NULL, NULL, &error), LT_OK);
    const double limit = f32 ? EXPECTED_F32_LIMIT : limit_share * e.spread;
    for (size_t i = 0; i < e.count; i++) {
        expected_compare(&e, i, &scores[i], lt_scorer_facts_of(scorer)->label_count, limit, &worst);
        free(scores[i].ids);
    }
    print_message("%s%s, %s: %zu rows, largest difference %.2g, %.3f %% of the spread\n", dir,
                  chat ? " (chat)" : "", f32 ? "f32" : "bf16", e.count, worst,
                  100 * worst / e.spread);
    lt_scorer_free(&scorer);
    expected_fini(&e);
}

#endif
