/* Sources that fail or lie, and texts that try to be more than text. With a folder as argument it
 * writes the report of a job full of hostile text there, for the test in a browser
 * (tests/e2e/report_page.test). */
#include "coordinator/report/page.h"
#include "coordinator/report/rows.h"
#include "tests/unit/report_jobs.h"

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
    const char *const words[] = {"checksum",      "twice",       "which the job lacks",
                                 "item 12 of 12", "not its own", "too late"};
    for (int i = 0; i < 6; i++) {
        Lefttail__RowGroup *copy =
            lefttail__row_group__unpack(NULL, kept.len, (uint8_t *)kept.data);
        switch (i) {
        case 0:
            copy->rows[0]->tokens++;
            break;
        case 1:
            copy->rows[1]->item = 0;
            copy->rows[1]->crc32c = lt_row_crc(copy->rows[1]);
            break;
        case 2:
            copy->scorer_index = 9;
            break;
        case 3:
            copy->rows[11]->item = 12;
            copy->rows[11]->crc32c = lt_row_crc(copy->rows[11]);
            break;
        case 4:
            copy->pack_index = 3;
            copy->scorer_index = 0;
            break;
        default:
            fixture.groups[1] = fixture.groups[4];
            break;
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

static void a_manifest_too_large(void **state)
{
    (void)state;
    report_fixture fixture;
    lt_error error = {0};
    report_fixture_init(&fixture, plain_job(4));
    fixture.manifest.sets[1]->samples = UINT32_MAX;
    assert_int_equal(make(&fixture, "refused", &error), LT_LIMIT);
    assert_int_equal(count_files("refused"), 0);
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
    make_good(plain_job(5), "again");
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
        "</script><script>document.title='broken'</script>",
        "<img src=x onerror=\"document.title='broken'\">",
        "line\xe2\x80\xa8separator and paragraph\xe2\x80\xa9separator",
        "{{data}} {{policy}} `${1}` \\u003c &amp; \"quoted\"",
        "",
        "   ",
        "\xd8\xb9\xd8\xb1\xd8\xa8\xd9\x8a \xf0\x9f\x98\x80",
        "<!--<script>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_object_set_new(response_of(job, 1, i, 0), "text", json_string(texts[i]));
        json_object_set_new(prompt_of(job, 1, i), "text", json_string(texts[i]));
        json_object_set_new(prompt_of(job, 1, i), "category", json_string(texts[i]));
        json_object_set_new(response_of(job, 1, i, 0), "label", json_string(texts[i]));
    }
    json_object_set_new(job, "name",
                        json_string("</title><script>document.title='broken'</script>"));
    json_object_set_new(json_array_get(json_object_get(job, "variants"), 2), "name",
                        json_string("<b>c</b>&\"'"));
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
    assert_string_equal(json_string_value(json_object_get(first, "text")),
                        "</script><script>document.title='broken'</script>");
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
    const Lefttail__Row *rows[2] = {
        fix_row(&fixture, json_object_get(json_object_get(scored, "rows"), "safe"), 0), NULL};
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
    assert_int_equal(lt_report_rows(&fixture.source, LT_ROWS_CSV, count_bytes, &out, &error),
                     LT_OK);
    const char *const start = "variant,set,prompt_id,sample,category,scorer,prompt,response,logits,"
                              "score,label,refusal,probabilities,"
                              "tokens,tokens_cut,truncated,flags,human_label,failed,detail\n"
                              "a,unsafe,u0,0,,safe,how?,\"an answer, to \"\"u0\"\"\nin two "
                              "lines\",[-3],0.047425873177566";
    assert_memory_equal(out.data, start, strlen(start));
    lt_buf_fini(&out);
    report_fixture_fini(&fixture);
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
        cmocka_unit_test(wrong_rows),
        cmocka_unit_test(a_manifest_too_large),
        cmocka_unit_test(a_failure_leaves_the_old_report),
        cmocka_unit_test(hostile_text_stays_text),
        cmocka_unit_test(invalid_utf8_is_repaired),
        cmocka_unit_test(rows_as_csv),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
