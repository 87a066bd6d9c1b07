/* One table of options: command line over environment over file; errors that say where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/options.h"

typedef struct values {
    bool fast;
    char *name, *config;
    uint64_t count, bytes, wait_ms;
} values;

#define OPTION_COUNT 6

static lt_status read_into(values *v, const char *const *arguments, int *rest, lt_error *error)
{
    const lt_option options[OPTION_COUNT] = {
        {"test-fast", LT_OPTION_FLAG, &v->fast, NULL, "be fast"},
        {"test-name", LT_OPTION_TEXT, &v->name, "NAME", "a name"},
        {"test-count", LT_OPTION_COUNT, &v->count, "N", "how many"},
        {"test-bytes", LT_OPTION_BYTES, &v->bytes, "BYTES", "how large"},
        {"test-wait-ms", LT_OPTION_MS, &v->wait_ms, "TIME", "how long"},
        {"config", LT_OPTION_TEXT, &v->config, "FILE", "read options from FILE"},
    };
    char *argv[16] = {"program"};
    int argc = 1;
    for (; arguments[argc - 1]; argc++)
        argv[argc] = (char *)arguments[argc - 1];
    return lt_options_read(options, OPTION_COUNT, argc, argv, rest, error);
}
#define READ(v, rest, error, ...)                                                                  \
    read_into(v, (const char *const[]){__VA_ARGS__, NULL}, rest, error)

static void drop(values *v)
{
    free(v->name);
    free(v->config);
    *v = (values){0};
}

static void the_command_line_is_read(void **state)
{
    (void)state;
    values v = {0};
    lt_error error = {0};
    int rest;
    assert_int_equal(READ(&v, &rest, &error, "--test-fast", "a", "--test-name", "x y",
                          "--test-count=7", "b", "--", "--test-bytes"),
                     LT_OK);
    assert_int_equal(rest, 3);
    assert_true(v.fast);
    assert_string_equal(v.name, "x y");
    assert_int_equal(v.count, 7);
    drop(&v);
    assert_int_equal(READ(&v, NULL, &error, "--test-bytes", "20G", "--test-wait-ms=5m"), LT_OK);
    assert_true(v.bytes == 20ull << 30 && v.wait_ms == 300000);
    drop(&v);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        {"--test-none", NULL, "no option '--test-none'"},
        {"--test-count", NULL, "no value"},
        {"--test-count", "many", "cannot use 'many'"},
        {"--test-count", "-1", "cannot use '-1'"},
        {"--test-bytes", "5X", "cannot use '5X'"},
        {"--test-bytes", "99999999999999999999", "cannot use"},
        {"--test-bytes", "99999999999T", "cannot use"},
        {"--test-fast=perhaps", NULL, "cannot use 'perhaps'"},
        {"stray", NULL, "nothing to do with 'stray'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        values v = {0};
        lt_error error = {0};
        assert_int_equal(READ(&v, NULL, &error, wrong[i][0], wrong[i][1]), LT_INPUT);
        if (!strstr(error.what, wrong[i][2]))
            fail_msg("'%s' is not about '%s'", error.what, wrong[i][2]);
        drop(&v);
    }
}

static void the_nearer_place_wins(void **state)
{
    (void)state;
    char path[] = "/tmp/lefttail-options-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    const char text[] = "# a comment\n\ntest-name: from file  # and why\n  test-count:   "
                        "3\ntest-bytes: \"4K\"\ntest-fast: true";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    setenv("LEFTTAIL_TEST_COUNT", "5", 1);
    values v = {0};
    lt_error error = {0};
    assert_int_equal(READ(&v, NULL, &error, "--config", path, "--test-bytes=1"), LT_OK);
    assert_string_equal(v.name, "from file");
    assert_true(v.fast && v.count == 5 && v.bytes == 1);
    drop(&v);
    setenv("LEFTTAIL_CONFIG", path, 1);
    assert_int_equal(READ(&v, NULL, &error, "--test-count=6"), LT_OK);
    assert_true(v.count == 6 && v.bytes == 4096);
    drop(&v);
    unsetenv("LEFTTAIL_CONFIG");
    setenv("LEFTTAIL_TEST_COUNT", "five", 1);
    assert_int_equal(READ(&v, NULL, &error, "--test-fast"), LT_INPUT);
    assert_string_equal(error.where, "LEFTTAIL_TEST_COUNT");
    unsetenv("LEFTTAIL_TEST_COUNT");
    drop(&v);
    unlink(path);
}

static void a_wrong_line_of_the_file_is_named(void **state)
{
    (void)state;
    char path[] = "/tmp/lefttail-options-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    static const char *const texts[] = {"test-fast: true\ntest-nothing: 1\n", "\ntest-count\n",
                                        "#\ntest-count: x\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        values v = {0};
        lt_error error = {0};
        assert_int_equal(lt_file_write(path, texts[i], strlen(texts[i]), NULL), LT_OK);
        assert_int_equal(READ(&v, NULL, &error, "--config", path), LT_INPUT);
        assert_non_null(strstr(error.where, ":2"));
        drop(&v);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_line_is_read),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(the_nearer_place_wins),
        cmocka_unit_test(a_wrong_line_of_the_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
