/* Files for the tests of tables, joins and jobs: a folder of the test's own, removed at the end. */
#ifndef LT_TESTS_UNIT_TEST_TABLE_FILES_H
#define LT_TESTS_UNIT_TEST_TABLE_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/status.h"

static char files_dir[64];

static inline int files_setup(void **state)
{
    (void)state;
    snprintf(files_dir, sizeof files_dir, "/tmp/lt-test-XXXXXX");
    return mkdtemp(files_dir) ? 0 : -1;
}

static inline int files_teardown(void **state)
{
    (void)state;
    return lt_dir_remove(files_dir, NULL) == LT_OK ? 0 : -1;
}

/* The path of a name in the folder; one of four buffers in turn. */
static inline const char *files_path(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", files_dir, name);
    return path;
}

static inline const char *files_put_bytes(const char *name, const void *bytes, size_t count)
{
    const char *path = files_path(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
    return path;
}

static inline const char *files_put(const char *name, const char *text)
{
    return files_put_bytes(name, text, strlen(text));
}

/* The whole sentence holds `part`. */
static inline void files_assert_says(const lt_error *error, const char *part)
{
    char text[LT_ERROR_TEXT_BYTES];
    lt_error_text(error, text, sizeof text);
    if (!strstr(text, part))
        fail_msg("'%s' does not say '%s'", text, part);
}

#endif
