#include "common/input/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/input/table_reader.h"
#include "common/limits.h"

static const struct {
    const char *word, *endings;
} formats[] = {
#define X(name, word, endings) {word, endings},
    LT_TABLE_FORMAT_LIST(X)
#undef X
};
enum { FORMAT_COUNT = sizeof formats / sizeof *formats };

bool lt_table_format_from(const char *word, lt_table_format *out)
{
    for (int i = 0; i < FORMAT_COUNT; i++)
        if (strcmp(formats[i].word, word) == 0) {
            *out = (lt_table_format)i;
            return true;
        }
    return false;
}

/* AUTO if the ending says nothing. */
static lt_table_format format_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *ending = strrchr(slash ? slash : path, '.');
    if (!ending)
        return LT_TABLE_AUTO;
    for (int i = 1; i < FORMAT_COUNT; i++) {
        const char *known = formats[i].endings;
        while (*known) {
            const size_t len = strcspn(known, " ");
            if (strlen(ending) == len && strncasecmp(ending, known, len) == 0)
                return (lt_table_format)i;
            known += len + (known[len] == ' ');
        }
    }
    return LT_TABLE_AUTO;
}

static lt_status open_reader(lt_table *table, lt_table_format format, const char *rows,
                             lt_error *error)
{
    if (format == LT_TABLE_AUTO)
        format = format_of_path(table->path);
    switch (format) {
    case LT_TABLE_JSONL:
        return lt_table_open_jsonl(table, error);
    case LT_TABLE_JSON:
        return lt_table_open_json(table, rows, error);
    case LT_TABLE_CSV:
        return lt_table_open_csv(table, ',', error);
    case LT_TABLE_TSV:
        return lt_table_open_csv(table, '\t', error);
    default:
        break;
    }
    lt_fail(error, LT_INPUT, table->path, "its name does not say what kind of table it is");
    return lt_remedy(error, LT_INPUT,
                     "end it in .jsonl, .json, .csv or .tsv, or say format: in the job");
}

lt_status lt_table_open(lt_table **out, const char *path, lt_table_format format, const char *rows,
                        lt_error *error)
{
    lt_table *table = lt_alloc(sizeof *table);
    table->path = lt_strdup(path);
    const lt_status status = open_reader(table, format, rows, error);
    if (status != LT_OK)
        lt_table_free(&table);
    *out = table;
    return status;
}

void lt_table_free(lt_table **table)
{
    if (!*table)
        return;
    if ((*table)->reader)
        (*table)->reader->close((*table)->state);
    lt_arena_fini(&(*table)->scratch);
    free((*table)->path);
    free(*table);
    *table = NULL;
}

lt_status lt_table_next(lt_table *table, bool *got, lt_error *error)
{
    lt_arena_reset(&table->scratch);
    return table->reader->next(table, got, error);
}

uint64_t lt_table_line(const lt_table *table)
{
    return table->line;
}

const char *lt_table_path(const lt_table *table)
{
    return table->path;
}

void lt_table_place(const lt_table *table, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "%s:%llu", table->path, (unsigned long long)table->line);
}

lt_status lt_table_fail(const lt_table *table, lt_status status, lt_error *error,
                        const char *format, ...)
{
    char where[sizeof error->where], what[sizeof error->what];
    lt_table_place(table, where, sizeof where);
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return lt_fail(error, status, where, "%s", what);
}

lt_value lt_table_get(lt_table *table, const char *column)
{
    return table->reader->get(table, column);
}

lt_value lt_table_item(lt_table *table, const lt_value *list, size_t index)
{
    return lt_json_value(json_array_get(list->node, index), &table->scratch);
}

lt_status lt_table_bad(lt_table *table, const char *column, const lt_value *value, lt_error *error)
{
    if (value->kind == LT_VALUE_MISSING) {
        lt_buf columns = {0};
        table->reader->columns(table, &columns);
        lt_table_fail(table, LT_INPUT, error, "there is no column '%s'", column);
        lt_expected(error, LT_INPUT, "one of %s",
                    columns.len ? lt_buf_str(&columns) : "none: the row is empty");
        lt_buf_fini(&columns);
        return LT_INPUT;
    }
    const char *what = value->kind == LT_VALUE_NULL   ? "null"
                       : value->kind == LT_VALUE_LIST ? "a list"
                                                      : "an object";
    lt_table_fail(table, LT_INPUT, error, "column '%s' is %s", column, what);
    return lt_expected(error, LT_INPUT, "a text%s",
                       value->kind == LT_VALUE_NULL
                           ? ""
                           : "; a path such as column.0 or column.key names one inside");
}

lt_status lt_table_need(lt_table *table, const char *column, lt_value *out, lt_error *error)
{
    *out = lt_table_get(table, column);
    return out->kind == LT_VALUE_TEXT ? LT_OK : lt_table_bad(table, column, out, error);
}

/* ---- lines ---- */

lt_status lt_table_lines_open(lt_table_lines *lines, const char *path, lt_error *error)
{
    memset(lines, 0, sizeof *lines);
    lines->file = fopen(path, "rbe");
    if (!lines->file)
        return lt_fail_errno(error, path, "cannot open the table");
    lines->next_number = 1;
    return LT_OK;
}

/* A byte-order mark at the start of the file is no part of its text. */
static void skip_bom(lt_table_lines *lines)
{
    static const char bom[] = "\xef\xbb\xbf";
    const bool first = !lines->begun;
    lines->begun = true;
    if (!first || lines->line.len < 3 || memcmp(lines->line.data, bom, 3) != 0)
        return;
    memmove(lines->line.data, lines->line.data + 3, lines->line.len - 3);
    lines->line.len -= 3;
    lines->line.data[lines->line.len] = '\0';
}

/* Bytes of the chunk that belong to the current line: up to and with its end, if it is there. */
static size_t run_bytes(const lt_table_lines *lines, bool any_end)
{
    const char *from = lines->chunk + lines->chunk_start;
    const size_t have = lines->chunk_end - lines->chunk_start;
    const char *lf = memchr(from, '\n', have);
    const char *cr = any_end ? memchr(from, '\r', lf ? (size_t)(lf - from) : have) : NULL;
    const char *end = cr && cr + 1 != lf ? cr : lf; /* CR LF is one end */
    return end ? (size_t)(end - from) + 1 : have;
}

static bool ended(const lt_table_lines *lines, bool any_end)
{
    const char last = lines->line.len ? lines->line.data[lines->line.len - 1] : 'x';
    return last == '\n' || (any_end && last == '\r');
}

lt_status lt_table_lines_next(lt_table_lines *lines, const char *path, bool any_end, bool *got,
                              lt_error *error)
{
    lt_buf_clear(&lines->line);
    lines->number = lines->next_number;
    while (!ended(lines, any_end)) {
        if (lines->chunk_start == lines->chunk_end) {
            lines->chunk_start = 0;
            lines->chunk_end = fread(lines->chunk, 1, sizeof lines->chunk, lines->file);
            if (lines->chunk_end == 0)
                break;
        }
        const size_t run = run_bytes(lines, any_end);
        lt_buf_add(&lines->line, lines->chunk + lines->chunk_start, run);
        lines->chunk_start += run;
        if (lines->line.len > LT_TABLE_LINE_BYTES_MAX) {
            char where[sizeof error->where];
            snprintf(where, sizeof where, "%s:%llu", path, (unsigned long long)lines->number);
            return lt_fail(error, LT_LIMIT, where, "the line is longer than %u bytes",
                           LT_TABLE_LINE_BYTES_MAX);
        }
    }
    if (ferror(lines->file))
        return lt_fail_errno(error, path, "cannot read");
    *got = lines->line.len > 0;
    lines->next_number += *got && lines->line.data[lines->line.len - 1] == '\n';
    skip_bom(lines);
    return LT_OK;
}

void lt_table_lines_close(lt_table_lines *lines)
{
    if (lines->file)
        fclose(lines->file);
    lt_buf_fini(&lines->line);
}
