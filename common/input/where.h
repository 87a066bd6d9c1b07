/* Filters on the columns of a table, as `where` in a job file has them.
 *
 *     where: {type: homonyms}               equal
 *     where: {type: "!contrast_*"}          does not match the glob
 *     where: {type: [a, "b_*"], lang: en}   (a or b_*) and en
 *     where: {type: ["!a", "!b"]}           neither
 *     where: {type: {not: [a, b]}}          the same
 *
 * Every column must agree. In a list the plain values are alternatives and each negated one must
 * hold. * stands for any run of bytes, ? for one character; \ takes the next character as it is. */
#ifndef LT_COMMON_INPUT_WHERE_H
#define LT_COMMON_INPUT_WHERE_H

#include "common/arena.h"
#include "common/input/table.h"
#include "common/input/yaml.h"

typedef struct lt_where_test {
    const char *pattern; /* without its "!" */
    bool negated;
} lt_where_test;

typedef struct lt_where_column {
    const char *column;
    lt_where_test *tests; /* [test_count], at least one */
    size_t test_count;
} lt_where_column;

typedef struct lt_where {
    lt_where_column *columns; /* [column_count]; none: every row is kept */
    size_t column_count;
} lt_where;

/* Reads a `where` node of the job file `path` into the arena. NULL node: no filter. */
lt_status lt_where_read(const lt_yaml_node *node, const char *path, lt_arena *arena, lt_where *out,
                        lt_error *error);

/* True if text[0..len) matches the glob. Linear in len times the number of stars. */
bool lt_where_glob(const char *pattern, const char *text, size_t len);

/* Sets *kept to whether the table's current row passes. `variant` replaces {variant} in patterns;
 * may be NULL. A column that the row does not have is an error. */
lt_status lt_where_row(const lt_where *where, const char *variant, lt_table *table, bool *kept,
                       lt_error *error);

#endif
