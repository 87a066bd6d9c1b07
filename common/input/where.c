#include "common/input/where.h"

#include <stdlib.h>
#include <string.h>

#include "common/input/job.h"

static lt_status read_test(const lt_yaml_node *node, const char *path, bool negated,
                           lt_where_test *out, lt_error *error)
{
    if (node->kind != LT_YAML_SCALAR)
        return lt_expected(
            error,
            lt_yaml_fail(node, path, error, "a filter is neither a value nor a list of values"),
            "such as \"!contrast_*\" or [a, b]");
    out->negated = negated;
    out->pattern = node->text;
    if (node->text[0] == '!') {
        out->negated = !negated;
        out->pattern++;
    }
    return LT_OK;
}

static lt_status read_column(const lt_yaml_node *node, const char *path, bool negated,
                             lt_arena *arena, lt_where_column *out, lt_error *error)
{
    if (node->kind == LT_YAML_MAPPING) {
        const lt_yaml_node *inner = lt_yaml_get(node, "not");
        if (!inner || node->count != 1 || negated)
            return lt_expected(
                error, lt_yaml_fail(node, path, error, "a filter has other keys than 'not'"),
                "{not: value} or {not: [a, b]}");
        return read_column(inner, path, true, arena, out, error);
    }
    const bool list = node->kind == LT_YAML_SEQUENCE;
    if (list && node->count == 0)
        return lt_yaml_fail(node, path, error, "a filter with an empty list keeps nothing");
    out->test_count = list ? node->count : 1;
    out->tests = lt_arena_alloc(arena, out->test_count * sizeof *out->tests);
    for (size_t i = 0; i < out->test_count; i++)
        LT_TRY(read_test(list ? node->items[i] : node, path, negated, &out->tests[i], error));
    return LT_OK;
}

lt_status lt_where_read(const lt_yaml_node *node, const char *path, lt_arena *arena, lt_where *out,
                        lt_error *error)
{
    memset(out, 0, sizeof *out);
    if (!node)
        return LT_OK;
    if (node->kind != LT_YAML_MAPPING)
        return lt_expected(error, lt_yaml_fail(node, path, error, "where is no mapping"),
                           "{column: value} or {column: [value, value]}");
    out->columns = lt_arena_alloc(arena, (node->count + 1) * sizeof *out->columns);
    out->column_count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        out->columns[i].column = node->keys[i]->text;
        LT_TRY(read_column(node->items[i], path, false, arena, &out->columns[i], error));
    }
    return LT_OK;
}

/* Bytes of the UTF-8 character at text; 1 for a stray byte. */
static size_t char_bytes(const char *text, const char *end)
{
    const char *next = text + 1;
    if ((unsigned char)*text >= 0xc0)
        while (next < end && next < text + 4 && ((unsigned char)*next & 0xc0) == 0x80)
            next++;
    return (size_t)(next - text);
}

bool lt_where_glob(const char *pattern, const char *text, size_t len)
{
    const char *end = text + len;
    const char *star = NULL,
               *star_text = NULL; /* where to go back to: the last star, and what it ate up to */
    while (text < end || *pattern) {
        const char *literal = *pattern == '\\' && pattern[1] ? pattern + 1 : pattern;
        if (literal == pattern && *pattern == '*') {
            star = ++pattern;
            star_text = text;
        } else if (text < end && literal == pattern && *pattern == '?') {
            pattern++;
            text += char_bytes(text, end);
        } else if (text < end && *literal && *literal == *text) {
            pattern = literal + 1;
            text++;
        } else if (star && star_text < end) {
            pattern = star;
            text = ++star_text;
        } else {
            return false;
        }
    }
    return true;
}

/* Alternatives: one of the plain values, and every negated one. */
static bool column_passes(const lt_where_column *column, const char *variant, const lt_value *value)
{
    bool any_plain = false, plain = false;
    for (size_t i = 0; i < column->test_count; i++) {
        const lt_where_test *test = &column->tests[i];
        char *filled = variant ? lt_job_fill(test->pattern, variant) : NULL;
        const bool match = lt_where_glob(filled ? filled : test->pattern,
                                         value->text ? value->text : "", value->len);
        free(filled);
        if (test->negated && match)
            return false;
        any_plain = any_plain || !test->negated;
        plain = plain || (!test->negated && match);
    }
    return plain || !any_plain;
}

lt_status lt_where_row(const lt_where *where, const char *variant, lt_table *table, bool *kept,
                       lt_error *error)
{
    *kept = true;
    for (size_t i = 0; i < where->column_count; i++) {
        const lt_where_column *column = &where->columns[i];
        lt_value value = lt_table_get(table, column->column);
        if (value.kind != LT_VALUE_TEXT && value.kind != LT_VALUE_NULL)
            return lt_table_bad(table, column->column, &value, error);
        if (!column_passes(column, variant, &value))
            *kept = false;
    }
    return LT_OK;
}
