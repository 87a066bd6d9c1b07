/* A small YAML file as a tree in which every node knows its line and column. libyaml parses;
 * what a stranger's file could do to us is bounded here: size, depth, aliases (which may multiply
 * a few lines into billions of nodes), tags, a second document, a key given twice. */
#ifndef LT_COMMON_INPUT_YAML_H
#define LT_COMMON_INPUT_YAML_H

#include <stdint.h>

#include "common/arena.h"
#include "common/status.h"

typedef enum lt_yaml_kind { LT_YAML_SCALAR, LT_YAML_SEQUENCE, LT_YAML_MAPPING } lt_yaml_kind;

typedef struct lt_yaml_node {
    lt_yaml_kind kind;
    uint32_t line, column;       /* from 1 */
    const char *text;            /* scalars: NUL-terminated, no NUL inside */
    bool quoted;                 /* scalars: '12' is a text, 12 may be a number */
    size_t count;                /* items, or pairs */
    struct lt_yaml_node **keys;  /* [count], mappings: scalars, unique */
    struct lt_yaml_node **items; /* [count] */
} lt_yaml_node;

/* Parses text (NUL-terminated, len bytes) of the file `path` into the arena. Errors are
 * path:line:column. An empty document is an error. */
lt_status lt_yaml_parse(const char *path, const char *text, size_t len, lt_arena *arena,
                        const lt_yaml_node **out, lt_error *error);

/* The value under a key; NULL if there is none or the node is no mapping. */
const lt_yaml_node *lt_yaml_get(const lt_yaml_node *mapping, const char *key);

/* Fails at a node: where = path:line:column. Returns status for tail calls. */
lt_status lt_yaml_fail(const lt_yaml_node *node, const char *path, lt_error *error,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
