/* Tables: every format, where rows begin, and what is said of broken ones. */
#include "tests/unit/test_table_files.h"

#include "common/buf.h"
#include "common/input/table.h"

static lt_table *open_as(const char *path, lt_table_format format, const char *rows)
{
    lt_error error = {0};
    lt_table *table = NULL;
    if (lt_table_open(&table, path, format, rows, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    return table;
}

static void assert_row(lt_table *table, uint64_t line, const char *column, const char *text)
{
    lt_error error = {0};
    bool got;
    if (lt_table_next(table, &got, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    assert_true(got);
    assert_int_equal(lt_table_line(table), line);
    lt_value value;
    if (lt_table_need(table, column, &value, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    assert_string_equal(value.text, text);
    assert_int_equal(value.len, strlen(text));
}

static void assert_end(lt_table *table)
{
    lt_error error = {0};
    bool got = true;
    if (lt_table_next(table, &got, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    assert_false(got);
    lt_table_free(&table);
}

/* Reading all of it, with `column` of every row, fails and says all the parts (ended by NULL). */
static void assert_broken(const char *path, lt_table_format format, const char *rows,
                          const char *column, ...)
{
    lt_error error = {0};
    lt_table *table = NULL;
    lt_status status = lt_table_open(&table, path, format, rows, &error);
    bool got = true;
    while (status == LT_OK && got) {
        status = lt_table_next(table, &got, &error);
        lt_value value;
        if (status == LT_OK && got && column)
            status = lt_table_need(table, column, &value, &error);
    }
    lt_table_free(&table);
    assert_int_not_equal(status, LT_OK);
    assert_int_equal(error.status, status);
    va_list args;
    va_start(args, column);
    for (const char *part; (part = va_arg(args, const char *));)
        files_assert_says(&error, part);
    va_end(args);
}

static void csv_rows(void **state)
{
    (void)state;
    const char *path = files_put("a.csv", "\xef\xbb\xbfid,text,b.c\r\n1,\"two\nlines, "
                                          "\"\"quoted\"\"\",x\r\n\r\n2, spaces kept ,\n3,,\xff\n");
    lt_table *table = open_as(path, LT_TABLE_AUTO, NULL);
    assert_row(table, 2, "text", "two\nlines, \"quoted\"");
    assert_row(table, 5, "text", " spaces kept ");
    assert_row(table, 6, "b.c", "\xff");
    assert_string_equal(lt_table_get(table, "text").text, "");
    assert_int_equal(lt_table_get(table, "none").kind, LT_VALUE_MISSING);
    assert_end(table);
    table = open_as(files_put("cr.csv", "a,b\r1,2\r3,\"4\r5\""), LT_TABLE_CSV, NULL);
    assert_row(table, 1, "b", "2");
    assert_row(table, 1, "b", "4\r5");
    assert_end(table);
    table = open_as(files_put("a.tsv", "a\tb\nx,y\tz\n"), LT_TABLE_AUTO, NULL);
    assert_row(table, 2, "a", "x,y");
    assert_end(table);
}

static void csv_nul(void **state)
{
    (void)state;
    lt_table *table = open_as(files_put_bytes("n.csv", "a,b\n\0,x\0y\n", 10), LT_TABLE_AUTO, NULL);
    bool got;
    assert_int_equal(lt_table_next(table, &got, NULL), LT_OK);
    const lt_value value = lt_table_get(table, "b");
    assert_int_equal(value.len, 3);
    assert_memory_equal(value.text, "x\0y", 3);
    lt_table_free(&table);
}

static void csv_broken(void **state)
{
    (void)state;
    assert_broken(files_put("b.csv", "a,b\n1,2\n\n3\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.csv:4: ", "1 fields", "expected 2", NULL);
    assert_broken(files_put("b.csv", "a,b\n1,\"2\n3,4\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.csv:2: ", "not closed", NULL);
    assert_broken(files_put("b.csv", "a,b\n1,\"2\"x\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.csv:2: ", "no CSV", NULL);
    assert_broken(files_put("b.csv", "a,b,a\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.csv:1: ", "two columns are called 'a'", NULL);
    assert_broken(files_put("b.csv", ""), LT_TABLE_AUTO, NULL, NULL, "b.csv: is empty", NULL);
    assert_broken(files_put("b.csv", "a,b\n1,2\n"), LT_TABLE_AUTO, NULL, "c",
                  "b.csv:2: ", "no column 'c'", "one of a, b", NULL);
    assert_broken(files_put("b.txt", "a,b\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.txt: ", "what kind of table", "format:", NULL);
    assert_broken(files_path("gone.csv"), LT_TABLE_AUTO, NULL, NULL, "gone.csv: ", "No such file",
                  NULL);
}

static const char nested[] = "{\"a\": {\"b\": [10, {\"c\": \"deep\"}]}, \"a.b\": \"flat\", \"n\": "
                             "0.1, \"t\": true, \"z\": null}";

static void jsonl_rows(void **state)
{
    (void)state;
    lt_buf text = {0};
    lt_buf_printf(&text, "\xef\xbb\xbf%s\r\n\n  \n{\"id\": 12345678901, \"a\": \"\\u0000\"}",
                  nested);
    lt_table *table = open_as(files_put("a.jsonl", lt_buf_str(&text)), LT_TABLE_AUTO, NULL);
    assert_row(table, 1, "a.b.1.c", "deep");
    assert_string_equal(lt_table_get(table, "a.b").text, "flat");
    assert_string_equal(lt_table_get(table, "a.b.0").text, "10");
    assert_string_equal(lt_table_get(table, "n").text, "0.1");
    assert_string_equal(lt_table_get(table, "t").text, "true");
    assert_int_equal(lt_table_get(table, "z").kind, LT_VALUE_NULL);
    assert_int_equal(lt_table_get(table, "a").kind, LT_VALUE_OBJECT);
    assert_int_equal(lt_table_get(table, "a.x").kind, LT_VALUE_MISSING);
    assert_int_equal(lt_table_get(table, ".").kind, LT_VALUE_MISSING);
    assert_row(table, 4, "id", "12345678901");
    assert_int_equal(lt_table_get(table, "a").len, 1);
    assert_end(table);
    lt_buf_fini(&text);
}

static void jsonl_broken(void **state)
{
    (void)state;
    assert_broken(files_put("b.jsonl", "{\"a\": 1}\n{\"a\": 2,}\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.jsonl:2:9: ", "no JSON", NULL);
    assert_broken(files_put("b.jsonl", "{\"a\": 1}\n{\"a\": \"cut"), LT_TABLE_AUTO, NULL, NULL,
                  "b.jsonl:2:", NULL);
    assert_broken(files_put("b.jsonl", "[1]\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.jsonl:1:1: ", "no object", NULL);
    assert_broken(files_put("b.jsonl", "{\"a\": 1} {\"a\": 2}\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.jsonl:1:", NULL);
    assert_broken(files_put("b.jsonl", "{\"a\": 1, \"a\": 2}\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.jsonl:1:", "duplicate", NULL);
    assert_broken(files_put("b.jsonl", "{\"a\": null}\n"), LT_TABLE_AUTO, NULL, "a",
                  "b.jsonl:1: ", "'a' is null", NULL);
    assert_broken(files_put("b.jsonl", "\n{\"b\": 1, \"c\": 2}\n"), LT_TABLE_AUTO, NULL, "a",
                  "b.jsonl:2: ", "no column 'a'", "one of b, c", NULL);
    assert_broken(files_put("b.jsonl", "{\"a\": \"\xff\"}\n"), LT_TABLE_AUTO, NULL, "a",
                  "b.jsonl:1:", "0xff", NULL);
    lt_buf deep = {0};
    lt_buf_puts(&deep, "{\"a\": ");
    for (int i = 0; i < 100000; i++)
        lt_buf_putc(&deep, '[');
    assert_broken(files_put("b.jsonl", lt_buf_str(&deep)), LT_TABLE_AUTO, NULL, NULL,
                  "b.jsonl:1: ", "deeper", NULL);
    lt_buf_fini(&deep);
}

static void json_rows(void **state)
{
    (void)state;
    lt_table *table =
        open_as(files_put("a.json", "[\n  {\"a\": \"]}\\\"\"},\n\n  {\"a\":\n 2}\n]\n"),
                LT_TABLE_AUTO, NULL);
    assert_row(table, 2, "a", "]}\"");
    assert_row(table, 4, "a", "2");
    assert_end(table);
    static const char inside[] = "{\"meta\": {\"x\": [1, 2]}, \"tags\": [\"t\"],\n \"rows\": "
                                 "[{\"a\": 1},\n{\"a\": 2}], \"z\": {\"y\": [{\"a\": 3}]}}";
    table = open_as(files_put("a.json", inside), LT_TABLE_AUTO, NULL);
    assert_row(table, 2, "a", "1");
    assert_row(table, 3, "a", "2");
    assert_end(table);
    table = open_as(files_put("a.json", inside), LT_TABLE_JSON, "z.y");
    assert_row(table, 3, "a", "3");
    assert_end(table);
    table = open_as(files_put("a.json", "{\"a\": 1}\n{\"a\": 2}\n"), LT_TABLE_AUTO, NULL);
    assert_row(table, 1, "a", "1");
    assert_row(table, 2, "a", "2");
    assert_end(table);
    table = open_as(files_put("a.json", "[]"), LT_TABLE_AUTO, NULL);
    assert_end(table);
}

static void json_broken(void **state)
{
    (void)state;
    assert_broken(files_put("b.json", "[{\"a\": 1},\n {\"a\": }]"), LT_TABLE_AUTO, NULL, NULL,
                  "b.json:2:8: ", NULL);
    assert_broken(files_put("b.json", "[{\"a\": 1},\n {\"a\": 2"), LT_TABLE_AUTO, NULL, NULL,
                  "b.json:2:", "ends inside", NULL);
    assert_broken(files_put("b.json", "[{\"a\": 1}\n"), LT_TABLE_AUTO, NULL, NULL,
                  "b.json:2:", "ends inside", NULL);
    assert_broken(files_put("b.json", "[{\"a\": 1},]"), LT_TABLE_AUTO, NULL, NULL, "b.json:1:11",
                  NULL);
    assert_broken(files_put("b.json", "[{\"a\": 1} {\"a\": 2}]"), LT_TABLE_AUTO, NULL, NULL,
                  "b.json:1:11", "comma", NULL);
    assert_broken(files_put("b.json", "[{\"a\": 1}]\n[]"), LT_TABLE_AUTO, NULL, NULL, "b.json:2:1",
                  "follows", NULL);
    assert_broken(files_put("b.json", "[1]"), LT_TABLE_AUTO, NULL, NULL, "b.json:1:2", "no object",
                  NULL);
    assert_broken(files_put("b.json", " "), LT_TABLE_AUTO, NULL, NULL, "is empty", NULL);
    assert_broken(files_put("b.json", "{\"x\": [{}], \"y\": [{}]}"), LT_TABLE_AUTO, NULL, NULL,
                  "rows: one of x, y", NULL);
    assert_broken(files_put("b.json", "{\"x\": [{}]}"), LT_TABLE_AUTO, "y.z", NULL,
                  "b.json:1:", "no key 'y'", "one of x", NULL);
    assert_broken(files_put("b.json", "{\"x\": {}}"), LT_TABLE_AUTO, "x", NULL, "no array", NULL);
    assert_broken(files_put("b.json", "{\"x\": [{\"a\": 1}], \"y\": "), LT_TABLE_AUTO, "x", NULL,
                  "b.json:1:", NULL);
    lt_buf deep = {0};
    for (int i = 0; i < 100000; i++)
        lt_buf_puts(&deep, "{\"a\":");
    assert_broken(files_put("b.json", lt_buf_str(&deep)), LT_TABLE_AUTO, NULL, NULL, "nested",
                  NULL);
    lt_buf_fini(&deep);
}

static void lists(void **state)
{
    (void)state;
    lt_table *table =
        open_as(files_put("l.jsonl", "{\"a\": [\"x\", 2, null]}\n"), LT_TABLE_AUTO, NULL);
    bool got;
    assert_int_equal(lt_table_next(table, &got, NULL), LT_OK);
    const lt_value list = lt_table_get(table, "a");
    assert_int_equal(list.kind, LT_VALUE_LIST);
    assert_int_equal(list.count, 3);
    assert_string_equal(lt_table_item(table, &list, 0).text, "x");
    assert_string_equal(lt_table_item(table, &list, 1).text, "2");
    assert_int_equal(lt_table_item(table, &list, 2).kind, LT_VALUE_NULL);
    assert_end(table);
}

/* Rows around the edges of the reader's chunks. */
static void long_lines(void **state)
{
    (void)state;
    for (size_t len = (64 << 10) - 14; len < (64 << 10) + 4; len++) {
        lt_buf text = {0};
        lt_buf_puts(&text, "a,b\r\n\"");
        for (size_t i = 0; i < len; i++)
            lt_buf_putc(&text, i % 100 == 99 ? '\n' : 'x');
        lt_buf_puts(&text, "\",1\r\n2,3\r\n");
        lt_table *table = open_as(files_put("long.csv", lt_buf_str(&text)), LT_TABLE_AUTO, NULL);
        assert_row(table, 2, "b", "1");
        assert_int_equal(lt_table_get(table, "a").len, len);
        assert_row(table, 2 + len / 100 + 1, "b", "3");
        assert_end(table);
        lt_buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_rows),    cmocka_unit_test(csv_nul),      cmocka_unit_test(csv_broken),
        cmocka_unit_test(jsonl_rows),  cmocka_unit_test(jsonl_broken), cmocka_unit_test(json_rows),
        cmocka_unit_test(json_broken), cmocka_unit_test(lists),        cmocka_unit_test(long_lines),
    };
    return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
