/* The numbers of report.json, and rows.jsonl, over small jobs made here. */
#include "tests/unit/report_jobs.h"

static void numbers_of_a_plain_job(void **state)
{
    (void)state;
    make_good(plain_job(5), "plain");
    json_t *report = read_report("plain");
    assert_int_equal(num(report, "schema"), 1);
    assert_true(json_is_null(get(report, "made.at")));
    json_t *cell = find_cell(report, "safe", "unsafe", "a");
    double mean = 0;
    int tail = 0;
    for (int p = 0; p < 12; p++) {
        const double score = 1 / (1 + exp(-(p * 0.5 - 3)));
        mean += score / 12;
        tail += score < 0.15;
    }
    assert_true(fabs(num(cell, "mean") - mean) < 1e-12);
    assert_true(num(cell, "mean_low") < mean && num(cell, "mean_high") > mean);
    assert_int_equal(num(cell, "tail.count"), tail);
    assert_int_equal(num(cell, "tail.n"), 12);
    assert_true(num(cell, "tail.threshold") == 0.15);
    assert_true(json_is_null(get(cell, "against")));
    assert_string_equal(json_string_value(get(cell, "interval.method")), "student_t");
    json_t *refusals = find_cell(report, "refusal", "safe", "a");
    assert_int_equal(num(refusals, "refusals.full.count"), 2);
    assert_int_equal(num(refusals, "refusals.any.count"), 4);
    assert_int_equal(num(refusals, "refusals.capability.count"), 2);
    assert_int_equal(num(refusals, "refusals.compliance.count"), 2);
    assert_int_equal(num(refusals, "refusals.any.n"), 8);
    assert_true(num(refusals, "refusals.any.rate") == 0.5);
    assert_string_equal(json_string_value(get(refusals, "refusals.name")), "false_refusal");
    assert_string_equal(
        json_string_value(get(find_cell(report, "refusal", "unsafe", "a"), "refusals.name")),
        "refusal");
    assert_true(json_is_null(get(refusals, "mean")));
    assert_int_equal(num(refusals, "confusion.n"), 8);
    json_decref(report);
}

static void a_copy_of_the_baseline(void **state)
{
    (void)state;
    json_t *report = read_report("plain");
    json_t *copy = find_cell(report, "safe", "unsafe", "b");
    assert_true(num(copy, "against.mean.difference") == 0 && num(copy, "against.mean.p") == 1);
    assert_true(num(copy, "against.tail.p") == 1 && num(copy, "against.shift") == 0);
    assert_int_equal(num(copy, "against.pairs"), 12);
    json_t *other = find_cell(report, "safe", "unsafe", "c");
    assert_true(num(other, "against.mean.difference") > 0 && num(other, "against.shift") == 1);
    assert_int_equal(num(other, "against.higher"), 12);
    assert_int_equal(num(find_cell(report, "refusal", "safe", "c"), "against.any.lost"), 4);
    json_decref(report);
}

static void same_bytes_again(void **state)
{
    (void)state;
    make_good(plain_job(5), "again");
    make_good(plain_job(64), "packed");
    static const char *const names[] = {"rows.jsonl", "cells.csv", "report.json", "report.html"};
    for (int i = 0; i < 4; i++) {
        lt_buf a = read_file("plain", names[i]), b = read_file("again", names[i]),
               c = read_file("packed", names[i]);
        assert_true(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
        if (i < 2) /* the others name the job, whose fingerprint holds the packs */
            assert_true(a.len == c.len && memcmp(a.data, c.data, a.len) == 0);
        lt_buf_fini(&a);
        lt_buf_fini(&b);
        lt_buf_fini(&c);
    }
    assert_int_equal(count_files("again"), 4);
}

static void rows_in_order(void **state)
{
    (void)state;
    lt_buf bytes = read_file("plain", "rows.jsonl");
    char *rest = bytes.data;
    size_t lines = 0;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line; lines++) {
        json_t *row = json_loads(line, 0, NULL);
        assert_non_null(row);
        /* 12 prompts x 3 variants x 2 scorers, then 8 x 3 x 1 */
        const size_t at = lines < 72 ? lines / 6 : (lines - 72) / 3;
        const size_t variant = lines < 72 ? lines % 6 / 2 : (lines - 72) % 3;
        char id[32];
        snprintf(id, sizeof id, "%c%zu", lines < 72 ? 'u' : 's', at);
        assert_string_equal(json_string_value(json_object_get(row, "prompt_id")), id);
        assert_int_equal(json_string_value(json_object_get(row, "variant"))[0], 'a' + (int)variant);
        const bool reward = lines < 72 && lines % 2 == 0;
        assert_string_equal(json_string_value(json_object_get(row, "scorer")),
                            reward ? "safe" : "refusal");
        assert_int_equal(json_array_size(json_object_get(row, "logits")), reward ? 1 : 4);
        assert_true(json_is_real(json_object_get(row, "score")) == reward);
        assert_true(json_is_string(json_object_get(row, "label")) != reward);
        assert_true(json_is_null(json_object_get(row, "failed")));
        json_decref(row);
    }
    assert_int_equal(lines, 72 + 24);
    lt_buf_fini(&bytes);
}

static void accounts_add_up(void **state)
{
    (void)state;
    json_t *job = plain_job(4);
    json_t *row = json_object_get(json_object_get(response_of(job, 0, 3, 0), "rows"), "safe");
    json_object_del(row, "logits");
    json_object_set_new(row, "failed", json_integer(LEFTTAIL__FAILURE_REASON__FAILURE_NOT_FINITE));
    json_object_set_new(row, "detail", json_string("logit 0 is NaN"));
    json_object_set_new(json_object_get(json_object_get(response_of(job, 0, 4, 0), "rows"), "safe"),
                        "cut", json_integer(7));
    json_object_del(json_object_get(response_of(job, 0, 5, 0), "rows"),
                    "safe");                                                  /* not scored yet */
    json_array_remove(json_object_get(prompt_of(job, 0, 6), "responses"), 0); /* no answer */
    make_good(job, "accounts");
    json_t *report = read_report("accounts");
    json_t *cell = find_cell(report, "safe", "unsafe", "a");
    assert_int_equal(num(cell, "expected"), 12);
    assert_int_equal(num(cell, "scored"), 9);
    assert_int_equal(num(cell, "failed"), 1);
    assert_int_equal(num(cell, "failed_by.not_finite"), 1);
    assert_int_equal(num(cell, "missing"), 1);
    assert_int_equal(num(cell, "pending"), 1);
    assert_int_equal(num(cell, "truncated"), 1);
    assert_int_equal(num(cell, "tail.n"), 9);
    assert_int_equal(num(find_cell(report, "safe", "unsafe", "b"), "against.pairs"), 9);
    json_decref(report);
    lt_buf rows = read_file("accounts", "rows.jsonl");
    assert_non_null(
        strstr(rows.data, "\"failed\":{\"reason\":\"not_finite\",\"detail\":\"logit 0 is NaN\"}"));
    assert_non_null(
        strstr(rows.data, "\"tokens_cut\":7,\"truncated\":true,\"flags\":[\"truncated_right\"]"));
    lt_buf_fini(&rows);
}

static void tiny_cells(void **state)
{
    (void)state;
    json_t *job = plain_job(4);
    for (int p = 0; p < 12; p++)
        for (int v = 0; v < 3; v++)
            if (v == 0 || (v == 1 && p > 0))
                json_object_del(json_object_get(response_of(job, 0, (size_t)p, (size_t)v), "rows"),
                                "safe");
    make_good(job, "tiny");
    json_t *report = read_report("tiny");
    json_t *none = find_cell(report, "safe", "unsafe", "a"),
           *one = find_cell(report, "safe", "unsafe", "b");
    assert_true(json_is_null(get(none, "mean")) && json_is_null(get(none, "tail.rate")) &&
                json_is_null(get(none, "tail.low")));
    assert_int_equal(num(none, "pending"), 12);
    assert_true(json_is_number(get(one, "mean")) && json_is_null(get(one, "mean_low")));
    assert_true(json_is_null(get(one, "against.mean.difference")));
    assert_int_equal(num(one, "against.pairs"), 0);
    json_decref(report);
}

/* A risk model: the same logits with the other sign give the same scores, and the same tail. */
static void risk_models(void **state)
{
    (void)state;
    json_t *job = plain_job(64);
    for (int p = 0; p < 12; p++)
        for (int v = 0; v < 3; v++) {
            json_t *logits = json_object_get(
                json_object_get(json_object_get(response_of(job, 0, (size_t)p, (size_t)v), "rows"),
                                "safe"),
                "logits");
            json_real_set(json_array_get(logits, 0), -json_real_value(json_array_get(logits, 0)));
        }
    json_object_set_new(json_array_get(json_object_get(job, "scorers"), 0), "riskier", json_true());
    make_good(job, "risk");
    json_t *risk = read_report("risk"), *plain = read_report("plain");
    json_t *a = find_cell(risk, "safe", "unsafe", "c"),
           *b = find_cell(plain, "safe", "unsafe", "c");
    assert_true(num(a, "mean") == num(b, "mean") && num(a, "tail.count") == num(b, "tail.count"));
    assert_true(num(a, "raw.mean") == -num(b, "raw.mean"));
    json_decref(risk);
    json_decref(plain);
}

static void threshold_from_the_baseline(void **state)
{
    (void)state;
    json_t *job = plain_job(64), *scorer = json_array_get(json_object_get(job, "scorers"), 0);
    json_object_del(scorer, "below");
    json_object_set_new(scorer, "quantile", json_real(0.25));
    json_object_set_new(scorer, "sigmoid", json_false());
    make_good(job, "quantile");
    json_t *report = read_report("quantile");
    const double threshold = -3 + 0.5 * 2.75; /* type 7 of -3, -2.5, ... 2.5 */
    assert_true(fabs(num(find_cell(report, "safe", "unsafe", "a"), "tail.threshold") - threshold) <
                1e-12);
    assert_true(num(find_cell(report, "safe", "unsafe", "c"), "tail.threshold") ==
                num(find_cell(report, "safe", "unsafe", "a"), "tail.threshold"));
    assert_int_equal(num(find_cell(report, "safe", "unsafe", "a"), "tail.count"), 3);
    assert_int_equal(num(find_cell(report, "safe", "unsafe", "c"), "tail.count"), 0);
    json_decref(report);
}

static void clusters_are_named(void **state)
{
    (void)state;
    json_t *job = plain_job(64);
    for (size_t p = 0; p < 12; p++)
        json_object_set_new(prompt_of(job, 0, p), "category",
                            json_string(p < 5    ? "x"
                                        : p < 11 ? "y"
                                                 : ""));
    make_good(job, "clusters");
    json_t *report = read_report("clusters"), *cell = find_cell(report, "safe", "unsafe", "a");
    assert_string_equal(json_string_value(get(cell, "interval.method")), "cluster_category");
    assert_int_equal(num(cell, "interval.clusters"),
                     3); /* the one without a category stands alone */
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_a_plain_job),
        cmocka_unit_test(a_copy_of_the_baseline),
        cmocka_unit_test(same_bytes_again),
        cmocka_unit_test(rows_in_order),
        cmocka_unit_test(accounts_add_up),
        cmocka_unit_test(tiny_cells),
        cmocka_unit_test(risk_models),
        cmocka_unit_test(threshold_from_the_baseline),
        cmocka_unit_test(clusters_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
