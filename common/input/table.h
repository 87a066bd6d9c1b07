/* Tables as people publish them, one row at a time through one interface: JSON lines, a JSON
 * array, an array inside an object, CSV. Every row knows its file and line. Not for threads. */
#ifndef LT_COMMON_INPUT_TABLE_H
#define LT_COMMON_INPUT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

/* name, the word in a job file, file endings that mean it */
#define LT_TABLE_FORMAT_LIST(X)                                                                    \
    X(AUTO, "auto", "")                                                                            \
    X(JSONL, "jsonl", ".jsonl .ndjson")                                                            \
    X(JSON, "json", ".json") /* an array, an object with one, or lines after all: looked at */     \
    X(CSV, "csv", ".csv")                                                                          \
    X(TSV, "tsv", ".tsv")
typedef enum lt_table_format {
#define X(name, word, endings) LT_TABLE_##name,
    LT_TABLE_FORMAT_LIST(X)
#undef X
} lt_table_format;

typedef enum lt_value_kind {
    LT_VALUE_MISSING, /* the row has no such column */
    LT_VALUE_NULL,    /* it has, and it is null */
    LT_VALUE_TEXT,    /* a string; numbers and true/false as text */
    LT_VALUE_LIST,    /* a JSON array */
    LT_VALUE_OBJECT,
} lt_value_kind;

/* A value of the current row. Good until the next lt_table_next. */
typedef struct lt_value {
    lt_value_kind kind;
    const char *text; /* TEXT: len bytes and a NUL; may hold NULs, and in CSV invalid UTF-8 */
    size_t len;
    size_t count; /* LIST */
    const void *node;
} lt_value;

typedef struct lt_table lt_table;

/* Opens `path`. AUTO goes by the ending. `rows` is the path to the array inside a JSON object
 * ("data.items"); NULL: the only array of objects directly inside it. A leading BOM is skipped. */
lt_status lt_table_open(lt_table **out, const char *path, lt_table_format format, const char *rows,
                        lt_error *error);
void lt_table_free(lt_table **table);

/* Goes to the next row; *got is false at the end. A broken row is an error with file, line and
 * (JSON) column, and ends the reading. Empty lines are skipped. */
lt_status lt_table_next(lt_table *table, bool *got, lt_error *error);

uint64_t lt_table_line(const lt_table *table); /* where the current row begins, from 1 */
const char *lt_table_path(const lt_table *table);
void lt_table_place(const lt_table *table, char *out, size_t out_bytes); /* "file:line" */

/* The value of a column: the name as it stands, else a path of names and indices ("a.b.0.c"). */
lt_value lt_table_get(lt_table *table, const char *column);
lt_value lt_table_item(lt_table *table, const lt_value *list, size_t index);

/* A text that must be there: missing, null, a list or an object is an error that names file,
 * line, column and the columns there are. */
lt_status lt_table_need(lt_table *table, const char *column, lt_value *out, lt_error *error);

/* Fills `error` for a column whose value is not what it must be; returns LT_INPUT. */
lt_status lt_table_bad(lt_table *table, const char *column, const lt_value *value, lt_error *error);

bool lt_table_format_from(const char *word, lt_table_format *out); /* false: no such format */

#endif
