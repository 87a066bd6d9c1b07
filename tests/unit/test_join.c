/* Joining prompts and responses: by id, by text, samples, filters, and each way to be wrong. */
#include "tests/unit/test_table_files.h"

#include "common/buf.h"
#include "common/input/join.h"

/* A job of one set over the two mappings; variants a and b, files of the test's folder. */
static lt_job *make_job(const char *prompts, const char *responses, const char *more)
{
    lt_buf text = {0};
    lt_buf_printf(
        &text,
        "name: j\nvariants: [{name: a}, {name: b}]\nprompt_sets:\n  - name: s\n    role: safety\n"
        "    prompts: %s\n    responses: %s\n%s"
        "scorers: [{name: rm, kind: reward, checkpoint: c, template: pair}]\n",
        prompts, responses, more);
    lt_error error = {0};
    lt_job *job = NULL;
    if (lt_job_parse(&job, files_path("job.yaml"), lt_buf_str(&text), text.len, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    lt_buf_fini(&text);
    return job;
}

static void join_fine(const char *prompts, const char *responses, const char *more, lt_joined *out)
{
    lt_job *job = make_job(prompts, responses, more);
    lt_error error = {0};
    if (lt_join(job, 0, out, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    lt_job_free(&job);
}

static void join_wrong(const char *prompts, const char *responses, const char *more, ...)
{
    lt_job *job = make_job(prompts, responses, more);
    lt_error error = {0};
    lt_joined joined;
    assert_int_not_equal(lt_join(job, 0, &joined, &error), LT_OK);
    va_list args;
    va_start(args, more);
    for (const char *part; (part = va_arg(args, const char *));)
        files_assert_says(&error, part);
    va_end(args);
    lt_joined_fini(&joined);
    lt_job_free(&job);
}

static void assert_response(const lt_joined *joined, size_t index, const char *id, uint32_t variant,
                            uint32_t sample, const char *text)
{
    assert_true(index < joined->response_count);
    const lt_response *response = &joined->responses[index];
    assert_string_equal(joined->prompts[response->prompt].id, id);
    assert_int_equal(response->variant, variant);
    assert_int_equal(response->sample, sample);
    assert_string_equal(response->text, text);
}

#define BY_ID_PROMPTS "{file: p.jsonl, id: id, prompt: q}"
#define BY_ID "{file: \"{variant}.jsonl\", id: id, response: r}"

static void by_id(void **state)
{
    (void)state;
    files_put("p.jsonl", "{\"id\": 1, \"q\": \"one\", \"k\": \"x\"}\n{\"id\": 2, \"q\": \"two\", "
                         "\"k\": null}\n{\"id\": 3, \"q\": \"one\"}\n");
    files_put("a.jsonl",
              "{\"id\": \"3\", \"r\": \"a3\"}\n{\"id\": 1, \"r\": \"\", \"h\": \"human\"}\n");
    files_put("b.jsonl", "{\"id\": 2, \"r\": \"b2\"}\n{\"id\": 1, \"r\": \"b1\", \"h\": "
                         "null}\n{\"id\": 3, \"r\": \"b3\", \"h\": \"x\"}\n");
    lt_joined joined;
    join_fine("{file: p.jsonl, id: id, prompt: q, category: k}",
              "{file: \"{variant}.jsonl\", id: id, response: r, label: h}", "", &joined);
    assert_int_equal(joined.prompt_count, 3);
    assert_string_equal(joined.prompts[0].category, "x");
    assert_string_equal(joined.prompts[2].category, "");
    assert_int_equal(joined.response_count, 5);
    assert_response(&joined, 0, "1", 0, 0, "");
    assert_string_equal(joined.responses[0].label, "human");
    assert_response(&joined, 1, "1", 1, 0, "b1");
    assert_response(&joined, 2, "2", 1, 0, "b2");
    assert_response(&joined, 4, "3", 1, 0, "b3");
    assert_int_equal(joined.prompts[2].first_response, 3);
    assert_int_equal(joined.prompts[2].response_count, 2);
    assert_int_equal(joined.samples, 1);
    assert_int_equal(joined.accounts[0].present, 2);
    assert_int_equal(joined.accounts[0].empty, 1);
    assert_int_equal(joined.accounts[1].present, 3);
    lt_joined_fini(&joined);
}

static void by_prompt_text(void **state)
{
    (void)state;
    files_put("p.csv", "q,t\nfirst,x\n\"sec\nond\",y\nthird,x\n");
    files_put("a.json",
              "[{\"q\": \"third\", \"r\": \"a3\"}, {\"q\": \"sec\\nond\", \"r\": \"a2\"}]");
    files_put("b.json", "[{\"q\": \"first\", \"r\": \"b1\"}]");
    lt_joined joined;
    join_fine("{file: p.csv, prompt: q}", "{file: \"{variant}.json\", prompt: q, response: r}", "",
              &joined);
    assert_int_equal(joined.response_count, 3);
    assert_response(&joined, 0, "1", 1, 0, "b1");
    assert_response(&joined, 1, "2", 0, 0, "a2");
    assert_response(&joined, 2, "3", 0, 0, "a3");
    lt_joined_fini(&joined);
    /* Ids count the rows of the table, not those that are kept. */
    join_fine("{file: p.csv, prompt: q, where: {t: y}}",
              "{file: \"{variant}.json\", prompt: q, response: r}", "", &joined);
    assert_int_equal(joined.prompt_count, 1);
    assert_int_equal(joined.prompts_left_out, 2);
    assert_response(&joined, 0, "2", 0, 0, "a2");
    assert_int_equal(joined.accounts[0].left_out, 1);
    assert_int_equal(joined.accounts[1].left_out, 1);
    assert_int_equal(joined.accounts[1].present, 0);
    lt_joined_fini(&joined);
    files_put("p.csv", "id,q\n7,first\n8,first\n");
    join_wrong("{file: p.csv, id: id, prompt: q}",
               "{file: \"{variant}.json\", id: i, prompt: q, response: r, join: prompt}", "",
               "p.csv:3: ", "a second prompt with the text 'first', first at ", "p.csv:2", NULL);
}

static void samples(void **state)
{
    (void)state;
    files_put("p.jsonl", "{\"id\": \"x\", \"q\": \"1\"}\n{\"id\": \"y\", \"q\": \"2\"}\n");
    files_put("a.jsonl", "{\"id\": \"y\", \"r\": \"s0\"}\n{\"id\": \"x\", \"r\": \"t0\"}\n{\"id\": "
                         "\"y\", \"r\": \"s1\"}\n");
    files_put("b.jsonl", "{\"id\": \"y\", \"r\": [\"u0\", \"u1\", \"u2\"]}\n");
    join_wrong(BY_ID_PROMPTS, BY_ID, "", "a.jsonl:3: a second response to 'y', first at ",
               "a.jsonl:1", "samples: many", NULL);
    lt_joined joined;
    join_fine(BY_ID_PROMPTS, "{file: \"{variant}.jsonl\", id: id, response: r, samples: many}", "",
              &joined);
    assert_int_equal(joined.samples, 3);
    assert_int_equal(joined.response_count, 6);
    assert_response(&joined, 0, "x", 0, 0, "t0");
    assert_response(&joined, 1, "y", 0, 0, "s0");
    assert_response(&joined, 2, "y", 0, 1, "s1");
    assert_response(&joined, 5, "y", 1, 2, "u2");
    lt_joined_fini(&joined);
    files_put(
        "a.jsonl",
        "{\"id\": \"y\", \"n\": 3, \"r\": \"s3\"}\n{\"id\": \"y\", \"n\": 1, \"r\": \"s1\"}\n");
    files_put("b.jsonl", "{\"id\": \"x\", \"n\": \"2\", \"r\": \"t2\"}\n");
    join_fine(BY_ID_PROMPTS, "{file: \"{variant}.jsonl\", id: id, response: r, sample: n}", "",
              &joined);
    assert_int_equal(joined.samples, 3);
    assert_response(&joined, 0, "x", 1, 1, "t2");
    assert_response(&joined, 1, "y", 0, 0, "s1");
    assert_response(&joined, 2, "y", 0, 2, "s3");
    lt_joined_fini(&joined);
    files_put(
        "b.jsonl",
        "{\"id\": \"x\", \"n\": 1, \"r\": \"t2\"}\n{\"id\": \"x\", \"n\": 1, \"r\": \"t3\"}\n");
    join_wrong(BY_ID_PROMPTS, "{file: \"{variant}.jsonl\", id: id, response: r, sample: n}", "",
               "b.jsonl:2: ", "b.jsonl:1", "same sample", NULL);
    files_put("b.jsonl", "{\"id\": \"x\", \"n\": \"-1\", \"r\": \"t2\"}\n");
    join_wrong(BY_ID_PROMPTS, "{file: \"{variant}.jsonl\", id: id, response: r, sample: n}", "",
               "b.jsonl:1: ", "'-1'", NULL);
}

static void unmatched(void **state)
{
    (void)state;
    files_put("p.jsonl", "{\"id\": \"x\", \"q\": \"1\"}\n{\"id\": \"y\", \"q\": \"2\"}\n");
    files_put("a.jsonl", "{\"id\": \"x\", \"r\": \"1\"}\n{\"id\": \"z\", \"r\": \"2\"}\n{\"id\": "
                         "\"w\", \"r\": \"2\"}\n");
    files_put("b.jsonl", "{\"id\": \"y\", \"r\": \"1\"}\n");
    join_wrong(BY_ID_PROMPTS, BY_ID, "", "a.jsonl:2: ", "the id 'z'", "p.jsonl:1-2",
               "unmatched: count", NULL);
    lt_joined joined;
    join_fine(BY_ID_PROMPTS, BY_ID, "    unmatched: count\n", &joined);
    assert_int_equal(joined.accounts[0].unmatched, 2);
    assert_int_equal(joined.accounts[0].first_unmatched_line, 2);
    assert_int_equal(joined.accounts[0].present, 1);
    assert_int_equal(joined.accounts[1].unmatched, 0);
    lt_joined_fini(&joined);
    files_put("a.jsonl", "");
    files_put("b.jsonl", "{\"id\": \"z\", \"r\": \"1\"}\n");
    join_wrong(BY_ID_PROMPTS, BY_ID, "    unmatched: count\n", "no variant has a response", NULL);
}

static void filters(void **state)
{
    (void)state;
    files_put("p.jsonl", "{\"id\": 1, \"q\": \"1\", \"t\": \"homonyms\", \"n\": 3}\n{\"id\": 2, "
                         "\"q\": \"2\", \"t\": \"contrast_homonyms\", \"n\": 3}\n"
                         "{\"id\": 3, \"q\": \"3\", \"t\": \"safe\", \"n\": 4}\n{\"id\": 3, \"q\": "
                         "\"3\", \"t\": \"contrast_safe\", \"n\": 4}\n");
    files_put("all.jsonl", "{\"id\": 1, \"m\": \"a\", \"r\": \"a1\"}\n{\"id\": 1, \"m\": \"b\", "
                           "\"r\": \"b1\"}\n{\"id\": 2, \"m\": \"a\", \"r\": \"a2\"}\n{\"id\": 3, "
                           "\"m\": \"b\", \"r\": \"b3\"}\n");
    static const char one_file[] =
        "{file: all.jsonl, id: id, response: r, where: {m: \"{variant}\"}}";
    static const struct {
        const char *where;
        size_t prompts, responses;
    } cases[] = {
        {"{t: \"!contrast_*\"}", 2, 3},  {"{t: {not: contrast_*}}", 2, 3},
        {"{t: [homonyms, safe]}", 2, 3}, {"{t: [\"!contrast_*\", \"!safe\"]}", 1, 2},
        {"{t: homonyms, n: 3}", 1, 2},   {"{t: [\"*s\", \"!contrast_*\"]}", 1, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char prompts[200];
        snprintf(prompts, sizeof prompts, "{file: p.jsonl, id: id, prompt: q, where: %s}",
                 cases[i].where);
        lt_joined joined;
        join_fine(prompts, one_file, "", &joined);
        assert_int_equal(joined.prompt_count, cases[i].prompts);
        assert_int_equal(joined.response_count, cases[i].responses);
        lt_joined_fini(&joined);
    }
    join_wrong("{file: p.jsonl, id: id, prompt: q, where: {t: none}}", one_file, "",
               "job.yaml:6:", "leaves out all 4 rows", NULL);
    join_wrong("{file: p.jsonl, id: id, prompt: q, where: {kind: none}}", one_file, "",
               "p.jsonl:1: ", "no column 'kind'", "id, q, t, n", NULL);
    join_wrong(BY_ID_PROMPTS, one_file, "", "p.jsonl:4: a second prompt with the id '3', first at ",
               "p.jsonl:3", NULL);
}

static void wrong_columns(void **state)
{
    (void)state;
    files_put("p.jsonl", "{\"id\": 1, \"q\": \"1\"}\n");
    files_put("a.jsonl", "{\"id\": 1, \"r\": \"x\"}\n");
    files_put("b.jsonl", "\n{\"id\": 1, \"r\": null}\n");
    join_wrong(BY_ID_PROMPTS, BY_ID, "", "b.jsonl:2: column 'r' is null", NULL);
    files_put("b.jsonl", "\n{\"id\": 1, \"text\": \"x\"}\n");
    join_wrong(BY_ID_PROMPTS, BY_ID, "", "b.jsonl:2: ", "no column 'r'", "one of id, text", NULL);
    files_put("b.jsonl", "{\"id\": 1, \"r\": \"x\"}\n");
    join_wrong(BY_ID_PROMPTS, "{file: \"{variant}.jsonl\", id: id, response: r, label: h}", "",
               "a.jsonl:1: ", "no column 'h'", NULL);
    join_wrong("{file: p.jsonl, id: id, prompt: question}", BY_ID, "",
               "p.jsonl:1: ", "no column 'question'", NULL);
    join_wrong(BY_ID_PROMPTS, "{file: \"{variant}.none.jsonl\", id: id, response: r}", "",
               "a.none.jsonl: ", "variant 'a'", "set 's'", NULL);
    files_put("p.csv", "id,q\n1,caf\xe9\n");
    join_wrong("{file: p.csv, id: id, prompt: q}", BY_ID, "",
               "p.csv:2: column 'q' is not valid UTF-8", NULL);
    files_put("p.csv", "id,q\n,text\n");
    join_wrong("{file: p.csv, id: id, prompt: q}", BY_ID, "",
               "p.csv:2: ", "id (column 'id') is empty", NULL);
    files_put("p.csv", "id,q\n");
    join_wrong("{file: p.csv, id: id, prompt: q}", BY_ID, "", "p.csv: has no rows", NULL);
}

/* One table with a column for every variant. */
static void wide_table(void **state)
{
    (void)state;
    files_put("wide.csv", "q,a,a_label,b,b_label\none,a1,x,b1,\ntwo,a2,,b2,y\n");
    lt_joined joined;
    join_fine("{file: wide.csv, prompt: q}",
              "{file: wide.csv, prompt: q, response: \"{variant}\", label: \"{variant}_label\"}",
              "", &joined);
    assert_int_equal(joined.response_count, 4);
    assert_response(&joined, 1, "1", 1, 0, "b1");
    assert_response(&joined, 2, "2", 0, 0, "a2");
    assert_string_equal(joined.responses[0].label, "x");
    assert_string_equal(joined.responses[3].label, "y");
    lt_joined_fini(&joined);
}

/* A response keeps its bytes, whatever they are. */
static void odd_bytes(void **state)
{
    (void)state;
    files_put("p.jsonl", "{\"id\": 1, \"q\": \"1\"}\n");
    files_put("a.jsonl", "{\"id\": 1, \"r\": \"x\\u0000y\"}\n");
    files_put("b.jsonl", "{\"id\": 1, \"r\": \"\"}\n");
    files_put("b.csv", "id,r\n1,caf\xe9\n");
    lt_job *job = make_job(BY_ID_PROMPTS, BY_ID, "");
    lt_joined joined;
    assert_int_equal(lt_join(job, 0, &joined, NULL), LT_OK);
    assert_int_equal(joined.responses[0].text_len, 3);
    assert_memory_equal(joined.responses[0].text, "x\0y", 4);
    lt_joined_fini(&joined);
    lt_job_free(&job);
    files_put("a.csv", "id,r\n1,ok\n");
    join_fine(BY_ID_PROMPTS, "{file: \"{variant}.csv\", id: id, response: r}", "", &joined);
    assert_string_equal(joined.responses[1].text, "caf\xe9");
    lt_joined_fini(&joined);
}

/* The public tables: see examples/xstest/job.yaml. */
static void xstest(void **state)
{
    (void)state;
    lt_error error = {0};
    lt_job *job = NULL;
    if (lt_job_read(&job, LT_SOURCE_DIR "/examples/xstest/job.yaml", &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    static const size_t prompts[] = {250, 200};
    for (size_t s = 0; s < 2; s++) {
        lt_joined joined;
        if (lt_join(job, s, &joined, &error) != LT_OK)
            fail_msg("%s: %s", error.where, error.what);
        assert_int_equal(joined.prompt_count, prompts[s]);
        assert_int_equal(joined.response_count, 3 * prompts[s]);
        for (size_t v = 0; v < 3; v++) {
            assert_int_equal(joined.accounts[v].present, prompts[s]);
            assert_int_equal(joined.accounts[v].left_out, 450 - prompts[s]);
            assert_int_equal(joined.accounts[v].unmatched, 0);
        }
        lt_joined_fini(&joined);
    }
    lt_job_free(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_id),     cmocka_unit_test(by_prompt_text),
        cmocka_unit_test(samples),   cmocka_unit_test(unmatched),
        cmocka_unit_test(filters),   cmocka_unit_test(wrong_columns),
        cmocka_unit_test(odd_bytes), cmocka_unit_test(wide_table),
        cmocka_unit_test(xstest),
    };
    return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
