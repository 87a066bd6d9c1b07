/* The report as a whole, over small jobs made here. With a folder as argument it writes the report of a
 * job full of hostile text there, for the test in a browser (tests/e2e/report_page.test). */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "coordinator/report/page.h"
#include "coordinator/report/rows.h"
#include "tests/unit/report_fixture.h"

static char folder[] = "/tmp/lefttail-report-XXXXXX";

/* ---- jobs ---- */

#define SCORERS                                                                                    \
    "'scorers': [{'name': 'safe', 'kind': 1, 'labels': ['s'], 'sets': [0], 'sigmoid': true, 'below': 0.15},"     \
    " {'name': 'refusal', 'kind': 2, 'labels': ['compliance', 'full', 'part', 'cannot'], 'sets': [0, 1],"        \
    "  'full': ['full'], 'partial': ['part'], 'capability': ['cannot'], 'human_full': ['H-full'],"               \
    "  'human_partial': ['H-part']}]"

static json_t *parse(const char *text)
{
    char *quoted = lt_strdup(text);
    for (char *c = quoted; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_error_t error;
    json_t *value = json_loads(quoted, 0, &error);
    if (!value)
        fail_msg("%s in %s", error.text, quoted);
    free(quoted);
    return value;
}

static json_t *response(int variant, const char *text, const char *label, double logit, int kind)
{
    double logits[4] = {0, 0, 0, 0};
    logits[kind] = 4;
    return json_pack("{s:i, s:s, s:s, s:{s:{s:[f]}, s:{s:[f,f,f,f]}}}", "variant", variant, "text", text, "label", label,
                     "rows", "safe", "logits", logit, "refusal", "logits", logits[0], logits[1], logits[2], logits[3]);
}

/* Variants a (the baseline), b (a copy of a), c; an unsafe set of 12 prompts and a safe one of 8. */
static json_t *plain_job(int pack_prompts)
{
    json_t *job = parse("{'name': 'plain', 'baseline': 'a', 'variants': [{'name': 'a'}, {'name': 'b'}, {'name': 'c'}],"
                        "'sets': [{'name': 'unsafe', 'role': 'safety', 'prompts': []},"
                        "{'name': 'safe', 'role': 'borderline', 'prompts': []}]," SCORERS "}");
    json_object_set_new(job, "pack_prompts", json_integer(pack_prompts));
    for (int set = 0; set < 2; set++)
        for (int p = 0; p < (set ? 8 : 12); p++) {
            char id[16], words[64];
            snprintf(id, sizeof id, "%c%d", set ? 's' : 'u', p);
            snprintf(words, sizeof words, "an answer, to \"%s\"\nin two lines", id);
            json_t *responses = json_array();
            for (int v = 0; v < 3; v++) {
                const double logit = v < 2 ? p * 0.5 - 3 : p * 0.5 - 1;
                const int kind = v < 2 ? p % 4 : 0;
                json_array_append_new(responses, response(v, words, p % 2 ? "H-full" : "H-none", logit, kind));
            }
            json_t *prompt = json_pack("{s:s, s:s, s:s, s:o}", "id", id, "text", "how?", "category", "", "responses", responses);
            json_array_append_new(json_object_get(json_array_get(json_object_get(job, "sets"), set), "prompts"), prompt);
        }
    return job;
}

static json_t *prompt_of(json_t *job, size_t set, size_t prompt)
{
    return json_array_get(json_object_get(json_array_get(json_object_get(job, "sets"), set), "prompts"), prompt);
}

static json_t *response_of(json_t *job, size_t set, size_t prompt, size_t index)
{
    return json_array_get(json_object_get(prompt_of(job, set, prompt), "responses"), index);
}

/* ---- reading what was made ---- */

static char *path_of(const char *dir, const char *name)
{
    char *base = lt_path_join(folder, dir), *path = lt_path_join(base, name);
    free(base);
    return path;
}

static lt_status make(report_fixture *fixture, const char *dir, lt_error *error)
{
    char *path = lt_path_join(folder, dir);
    lt_buf summary = {0};
    const lt_report_options options = {.dir = path};
    fixture->group_next = 0;
    const lt_status status = lt_report_make(&fixture->source, &options, &summary, error);
    if (status == LT_OK)
        assert_non_null(strstr(summary.data, "report.html\n"));
    lt_buf_fini(&summary);
    free(path);
    return status;
}

static void make_good(json_t *job, const char *dir)
{
    report_fixture fixture;
    lt_error error = {0};
    report_fixture_init(&fixture, job);
    if (make(&fixture, dir, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    report_fixture_fini(&fixture);
}

static lt_buf read_file(const char *dir, const char *name)
{
    char *path = path_of(dir, name);
    lt_buf bytes = {0};
    lt_error error;
    if (lt_file_read(path, 64u << 20, &bytes, &error) != LT_OK)
        fail_msg("%s", error.what);
    free(path);
    return bytes;
}

static json_t *read_report(const char *dir)
{
    lt_buf bytes = read_file(dir, "report.json");
    json_error_t error;
    json_t *report = json_loadb(bytes.data, bytes.len, 0, &error);
    assert_non_null(report);
    lt_buf_fini(&bytes);
    return report;
}

static json_t *find_cell(json_t *report, const char *scorer, const char *set, const char *variant)
{
    size_t i;
    json_t *cell;
    json_array_foreach (json_object_get(report, "cells"), i, cell)
        if (strcmp(json_string_value(json_object_get(cell, "scorer")), scorer) == 0 &&
            strcmp(json_string_value(json_object_get(cell, "set")), set) == 0 &&
            strcmp(json_string_value(json_object_get(cell, "variant")), variant) == 0)
            return cell;
    fail_msg("no cell %s %s %s", scorer, set, variant);
    return NULL;
}

/* "tail.count" */
static json_t *get(json_t *object, const char *path)
{
    char *copy = lt_strdup(path), *rest = copy;
    for (char *key; (key = strsep(&rest, ".")) != NULL;)
        object = json_object_get(object, key);
    free(copy);
    return object;
}

static double num(json_t *object, const char *path)
{
    json_t *value = get(object, path);
    if (!json_is_number(value))
        fail_msg("%s is no number", path);
    return json_number_value(value);
}

static size_t count_files(const char *dir)
{
    char *path = lt_path_join(folder, dir);
    DIR *open = opendir(path);
    size_t count = 0;
    for (struct dirent *entry; open && (entry = readdir(open)) != NULL;)
        count += entry->d_name[0] != '.';
    if (open)
        closedir(open);
    free(path);
    return count;
}

/* ---- tests ---- */

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
    assert_string_equal(json_string_value(get(find_cell(report, "refusal", "unsafe", "a"), "refusals.name")), "refusal");
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
        lt_buf a = read_file("plain", names[i]), b = read_file("again", names[i]), c = read_file("packed", names[i]);
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
        assert_string_equal(json_string_value(json_object_get(row, "scorer")), reward ? "safe" : "refusal");
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
    json_object_set_new(json_object_get(json_object_get(response_of(job, 0, 4, 0), "rows"), "safe"), "cut", json_integer(7));
    json_object_del(json_object_get(response_of(job, 0, 5, 0), "rows"), "safe");        /* not scored yet */
    json_array_remove(json_object_get(prompt_of(job, 0, 6), "responses"), 0);           /* no answer */
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
    assert_non_null(strstr(rows.data, "\"failed\":{\"reason\":\"not_finite\",\"detail\":\"logit 0 is NaN\"}"));
    assert_non_null(strstr(rows.data, "\"tokens_cut\":7,\"truncated\":true,\"flags\":[\"truncated_right\"]"));
    lt_buf_fini(&rows);
}

static void tiny_cells(void **state)
{
    (void)state;
    json_t *job = plain_job(4);
    for (int p = 0; p < 12; p++)
        for (int v = 0; v < 3; v++)
            if (v == 0 || (v == 1 && p > 0))
                json_object_del(json_object_get(response_of(job, 0, (size_t)p, (size_t)v), "rows"), "safe");
    make_good(job, "tiny");
    json_t *report = read_report("tiny");
    json_t *none = find_cell(report, "safe", "unsafe", "a"), *one = find_cell(report, "safe", "unsafe", "b");
    assert_true(json_is_null(get(none, "mean")) && json_is_null(get(none, "tail.rate")) && json_is_null(get(none, "tail.low")));
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
            json_t *logits = json_object_get(json_object_get(json_object_get(response_of(job, 0, (size_t)p, (size_t)v), "rows"), "safe"), "logits");
            json_real_set(json_array_get(logits, 0), -json_real_value(json_array_get(logits, 0)));
        }
    json_object_set_new(json_array_get(json_object_get(job, "scorers"), 0), "riskier", json_true());
    make_good(job, "risk");
    json_t *risk = read_report("risk"), *plain = read_report("plain");
    json_t *a = find_cell(risk, "safe", "unsafe", "c"), *b = find_cell(plain, "safe", "unsafe", "c");
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
    assert_true(fabs(num(find_cell(report, "safe", "unsafe", "a"), "tail.threshold") - threshold) < 1e-12);
    assert_true(num(find_cell(report, "safe", "unsafe", "c"), "tail.threshold") == num(find_cell(report, "safe", "unsafe", "a"), "tail.threshold"));
    assert_int_equal(num(find_cell(report, "safe", "unsafe", "a"), "tail.count"), 3);
    assert_int_equal(num(find_cell(report, "safe", "unsafe", "c"), "tail.count"), 0);
    json_decref(report);
}

static void clusters_are_named(void **state)
{
    (void)state;
    json_t *job = plain_job(64);
    for (size_t p = 0; p < 12; p++)
        json_object_set_new(prompt_of(job, 0, p), "category", json_string(p < 5 ? "x" : p < 11 ? "y" : ""));
    make_good(job, "clusters");
    json_t *report = read_report("clusters"), *cell = find_cell(report, "safe", "unsafe", "a");
    assert_string_equal(json_string_value(get(cell, "interval.method")), "cluster_category");
    assert_int_equal(num(cell, "interval.clusters"), 3); /* the one without a category stands alone */
    json_decref(report);
}

/* ---- what a source may not do ---- */

static void refuse(report_fixture *fixture, const char *words)
{
    lt_error error = {0};
    assert_int_equal(make(fixture, "refused", &error), LT_PROTOCOL);
    char text[LT_ERROR_TEXT_BYTES];
    lt_error_text(&error, text, sizeof text);
    if (!strstr(text, words))
        fail_msg("'%s' does not say '%s'", text, words);
    assert_int_equal(count_files("refused"), 0);
}

static void wrong_rows(void **state)
{
    (void)state;
    report_fixture fixture;
    report_fixture_init(&fixture, plain_job(4));
    const lt_buf kept = fixture.groups[1];
    const char *const words[] = {"checksum", "twice", "which the job lacks", "item 12 of 12", "not its own", "too late"};
    for (int i = 0; i < 6; i++) {
        Lefttail__RowGroup *copy = lefttail__row_group__unpack(NULL, kept.len, (uint8_t *)kept.data);
        switch (i) {
        case 0: copy->rows[0]->tokens++; break;
        case 1: copy->rows[1]->item = 0; copy->rows[1]->crc32c = lt_row_crc(copy->rows[1]); break;
        case 2: copy->scorer_index = 9; break;
        case 3: copy->rows[11]->item = 12; copy->rows[11]->crc32c = lt_row_crc(copy->rows[11]); break;
        case 4: copy->pack_index = 3; copy->scorer_index = 0; break;
        default: fixture.groups[1] = fixture.groups[4]; break;
        }
        lt_buf broken = {0};
        if (i < 5) {
            fix_pack_message(&broken, &copy->base);
            fixture.groups[1] = broken;
        }
        refuse(&fixture, words[i]);
        lt_buf_fini(&broken);
        fixture.groups[1] = kept;
        lefttail__row_group__free_unpacked(copy, NULL);
    }
    report_fixture_fini(&fixture);
}

static lt_status no_pack(void *context, uint32_t index, Lefttail__Pack **out, lt_error *error)
{
    if (index > 0)
        return lt_fail(error, LT_UNREACHABLE, "coordinator", "is gone");
    return fix_read_pack(context, index, out, error);
}

static void a_failure_leaves_the_old_report(void **state)
{
    (void)state;
    report_fixture fixture;
    lt_error error = {0};
    lt_buf before = read_file("again", "report.html");
    report_fixture_init(&fixture, plain_job(3));
    fixture.source.read_pack = no_pack;
    assert_int_equal(make(&fixture, "again", &error), LT_UNREACHABLE);
    lt_buf after = read_file("again", "report.html");
    assert_true(before.len == after.len && memcmp(before.data, after.data, before.len) == 0);
    assert_int_equal(count_files("again"), 4);
    lt_buf_fini(&before);
    lt_buf_fini(&after);
    report_fixture_fini(&fixture);
}

/* ---- text is data ---- */

static json_t *hostile_job(void)
{
    json_t *job = plain_job(64);
    const char *const texts[] = {
        "</script><script>document.title='broken'</script>", "<img src=x onerror=\"document.title='broken'\">",
        "line\xe2\x80\xa8separator and paragraph\xe2\x80\xa9separator", "{{data}} {{policy}} `${1}` \\u003c &amp; \"quoted\"",
        "", "   ", "\xd8\xb9\xd8\xb1\xd8\xa8\xd9\x8a \xf0\x9f\x98\x80", "<!--<script>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_object_set_new(response_of(job, 1, i, 0), "text", json_string(texts[i]));
        json_object_set_new(prompt_of(job, 1, i), "text", json_string(texts[i]));
        json_object_set_new(prompt_of(job, 1, i), "category", json_string(texts[i]));
        json_object_set_new(response_of(job, 1, i, 0), "label", json_string(texts[i]));
    }
    json_object_set_new(job, "name", json_string("</title><script>document.title='broken'</script>"));
    json_object_set_new(json_array_get(json_object_get(job, "variants"), 2), "name", json_string("<b>c</b>&\"'"));
    return job;
}

static void hostile_text_stays_text(void **state)
{
    (void)state;
    make_good(hostile_job(), "hostile");
    lt_buf page = read_file("hostile", "report.html");
    char *data = strstr(page.data, "<script type=\"application/json\" id=\"data\">");
    assert_non_null(data);
    data = strchr(data, '>') + 1;
    char *end = strstr(data, "</script>");
    for (char *c = data; c < end; c++)
        assert_true(*c != '<' && *c != '>' && *c != '&' && memcmp(c, "\xe2\x80\xa8", 3) != 0);
    json_error_t error;
    json_t *read = json_loadb(data, (size_t)(end - data), 0, &error);
    assert_non_null(read);
    json_t *prompts = get(read, "answers.prompts");
    assert_int_equal(json_array_size(prompts), 20);
    json_t *first = json_array_get(json_object_get(json_array_get(prompts, 12), "answers"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "text")), "</script><script>document.title='broken'</script>");
    assert_null(strstr(page.data, "<script>document.title"));
    assert_non_null(strstr(page.data, "default-src 'none'; script-src 'sha256-"));
    json_decref(read);
    lt_buf_fini(&page);
}

static void invalid_utf8_is_repaired(void **state)
{
    (void)state;
    report_fixture fixture;
    report_fixture_init(&fixture, plain_job(64));
    Lefttail__Pack *pack = NULL;
    lt_error error;
    assert_int_equal(fix_read_pack(&fixture, 0, &pack, &error), LT_OK);
    Lefttail__Response *changed = pack->prompts[0]->responses[0];
    memcpy(changed->text.data, "a\xff\xc3(\0b", 6);
    changed->text.len = 6;
    json_t *scored = response(0, "", "", 1.5, 1);
    const Lefttail__Row *rows[2] = {fix_row(&fixture, json_object_get(json_object_get(scored, "rows"), "safe"), 0), NULL};
    json_decref(scored);
    const lt_walk_item item = {.prompt = pack->prompts[0], .response = changed, .rows = rows};
    lt_buf line = {0};
    lt_rows_jsonl(&fixture.manifest, &item, &line);
    assert_non_null(strstr(line.data, "\"response\":\"a\xef\xbf\xbd\xef\xbf\xbd(\\u0000b\""));
    assert_non_null(strstr(line.data, "\"flags\":[\"invalid_utf8\"]"));
    assert_non_null(strstr(line.data, "\"logits\":[1.5],\"score\":0.81757447619364"));
    lt_buf_fini(&line);
    lefttail__pack__free_unpacked(pack, NULL);
    report_fixture_fini(&fixture);
}

static lt_status count_bytes(void *context, const char *bytes, size_t count, lt_error *error)
{
    (void)error;
    lt_buf_add(context, bytes, count);
    return LT_OK;
}

static void rows_as_csv(void **state)
{
    (void)state;
    report_fixture fixture;
    lt_error error;
    lt_buf out = {0};
    report_fixture_init(&fixture, plain_job(4));
    assert_int_equal(lt_report_rows(&fixture.source, LT_ROWS_CSV, count_bytes, &out, &error), LT_OK);
    const char *const start = "variant,set,prompt_id,sample,category,scorer,prompt,response,logits,score,label,refusal,probabilities,"
                              "tokens,tokens_cut,truncated,flags,human_label,failed,detail\n"
                              "a,unsafe,u0,0,,safe,how?,\"an answer, to \"\"u0\"\"\nin two lines\",[-3],0.047425873177566";
    assert_memory_equal(out.data, start, strlen(start));
    lt_buf_fini(&out);
    report_fixture_fini(&fixture);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return lt_dir_remove(folder, NULL) == LT_OK ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        report_fixture fixture;
        lt_error error = {0};
        const lt_report_options options = {.dir = argv[1], .made_wall_ms = 1700000000000};
        report_fixture_init(&fixture, hostile_job());
        const lt_status status = lt_report_make(&fixture.source, &options, NULL, &error);
        report_fixture_fini(&fixture);
        return lt_status_exit_code(status);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_a_plain_job), cmocka_unit_test(a_copy_of_the_baseline),
        cmocka_unit_test(same_bytes_again),       cmocka_unit_test(rows_in_order),
        cmocka_unit_test(accounts_add_up),        cmocka_unit_test(tiny_cells),
        cmocka_unit_test(risk_models),            cmocka_unit_test(threshold_from_the_baseline),
        cmocka_unit_test(clusters_are_named),     cmocka_unit_test(wrong_rows),
        cmocka_unit_test(a_failure_leaves_the_old_report), cmocka_unit_test(hostile_text_stays_text),
        cmocka_unit_test(invalid_utf8_is_repaired), cmocka_unit_test(rows_as_csv),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
