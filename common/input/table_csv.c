/* CSV through libcsv, which tells fields and rows but not where they are. It is fed one physical
 * line at a time, so the line where a row began is known: the one fed after the last row ended.
 * libcsv's habit of trimming spaces around fields is turned off. */
#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "common/input/table_reader.h"
#include "common/limits.h"

struct field {
    size_t start, len;
};

struct csv_state {
    struct csv_parser parser;
    lt_table_lines lines;
    lt_buf text;          /* the row's fields, each followed by a NUL */
    struct field *fields; /* [field_count] */
    size_t field_count, field_cap;
    bool row_done;
    bool row_open; /* a row has begun and not ended */
    uint64_t row_line;
    lt_buf header_text;
    struct field *header; /* [header_count] */
    size_t header_count;
};

static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static void on_field(void *bytes, size_t len, void *context)
{
    struct csv_state *csv = context;
    if (csv->field_count == csv->field_cap) {
        csv->field_cap = csv->field_cap ? 2 * csv->field_cap : 16;
        csv->fields = lt_realloc(csv->fields, csv->field_cap * sizeof *csv->fields);
    }
    csv->fields[csv->field_count++] = (struct field){csv->text.len, len};
    lt_buf_add(&csv->text, bytes, len);
    lt_buf_putc(&csv->text, '\0');
}

static void on_row(int end, void *context)
{
    (void)end;
    struct csv_state *csv = context;
    csv->row_done = true;
}

static lt_status feed(lt_table *table, struct csv_state *csv, lt_error *error)
{
    if (!csv->row_open)
        csv->row_line = csv->lines.number;
    csv->row_open = true;
    table->line = csv->row_line;
    const lt_buf *line = &csv->lines.line;
    if (csv_parse(&csv->parser, line->data, line->len, on_field, on_row, csv) != line->len)
        return lt_table_fail(table, LT_INPUT, error, "is no CSV: %s",
                             csv_strerror(csv_error(&csv->parser)));
    if (csv_get_buffer_size(&csv->parser) > 2 * (size_t)LT_TABLE_LINE_BYTES_MAX)
        return lt_remedy(error,
                         lt_table_fail(table, LT_LIMIT, error, "a field is larger than %u bytes",
                                       LT_TABLE_LINE_BYTES_MAX),
                         "is a quote missing at its end?");
    return LT_OK;
}

/* The next record into text and fields; blank lines are none. */
static lt_status next_record(lt_table *table, struct csv_state *csv, bool *got, lt_error *error)
{
    lt_buf_clear(&csv->text);
    csv->field_count = 0;
    csv->row_done = csv->row_open = *got = false;
    while (!csv->row_done) {
        bool more;
        LT_TRY(lt_table_lines_next(&csv->lines, table->path, true, &more, error));
        if (!more)
            break;
        const bool blank =
            !csv->row_open && strspn(csv->lines.line.data, "\r\n") == csv->lines.line.len;
        if (!blank)
            LT_TRY(feed(table, csv, error));
    }
    if (!csv->row_done && csv->row_open) {
        if (csv_fini(&csv->parser, on_field, on_row, csv) != 0)
            return lt_expected(
                error,
                lt_table_fail(table, LT_INPUT, error,
                              "a quoted field that begins in this row is not closed"),
                "a closing quote before the end of the file");
    }
    *got = csv->row_done;
    return LT_OK;
}

static lt_status next(lt_table *table, bool *got, lt_error *error)
{
    struct csv_state *csv = table->state;
    LT_TRY(next_record(table, csv, got, error));
    if (*got && csv->field_count != csv->header_count)
        return lt_expected(
            error,
            lt_table_fail(table, LT_INPUT, error, "the row has %zu fields", csv->field_count),
            "%zu, as the header has", csv->header_count);
    return LT_OK;
}

static lt_value get(lt_table *table, const char *column)
{
    struct csv_state *csv = table->state;
    for (size_t i = 0; i < csv->header_count; i++)
        if (strcmp(csv->header_text.data + csv->header[i].start, column) == 0)
            return (lt_value){.kind = LT_VALUE_TEXT,
                              .text = csv->text.data + csv->fields[i].start,
                              .len = csv->fields[i].len};
    return (lt_value){.kind = LT_VALUE_MISSING};
}

static void columns(lt_table *table, lt_buf *out)
{
    struct csv_state *csv = table->state;
    for (size_t i = 0; i < csv->header_count; i++)
        lt_buf_printf(out, "%s%s", i ? ", " : "", csv->header_text.data + csv->header[i].start);
}

static void close_csv(void *state)
{
    struct csv_state *csv = state;
    csv_free(&csv->parser);
    lt_table_lines_close(&csv->lines);
    lt_buf_fini(&csv->text);
    lt_buf_fini(&csv->header_text);
    free(csv->fields);
    free(csv->header);
    free(csv);
}

static lt_status read_header(lt_table *table, struct csv_state *csv, lt_error *error)
{
    bool got;
    LT_TRY(next_record(table, csv, &got, error));
    if (!got)
        return lt_expected(error, lt_fail(error, LT_INPUT, table->path, "is empty"),
                           "a line with the columns' names");
    csv->header_text = csv->text;
    csv->header = csv->fields;
    csv->header_count = csv->field_count;
    memset(&csv->text, 0, sizeof csv->text);
    csv->fields = NULL;
    csv->field_cap = csv->field_count = 0;
    for (size_t i = 0; i < csv->header_count; i++)
        for (size_t j = 0; j < i; j++) {
            const char *name = csv->header_text.data + csv->header[i].start;
            if (name[0] && strcmp(name, csv->header_text.data + csv->header[j].start) == 0)
                return lt_table_fail(table, LT_INPUT, error, "two columns are called '%s'", name);
        }
    return LT_OK;
}

lt_status lt_table_open_csv(lt_table *table, char delimiter, lt_error *error)
{
    static const struct lt_table_reader reader = {next, get, columns, close_csv};
    struct csv_state *csv = lt_alloc(sizeof *csv);
    table->state = csv;
    table->reader = &reader;
    LT_ASSERT(csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
    csv_set_delim(&csv->parser, (unsigned char)delimiter);
    csv_set_space_func(&csv->parser, no_space);
    LT_TRY(lt_table_lines_open(&csv->lines, table->path, error));
    return read_header(table, csv, error);
}
