#include "common/input/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

struct walk {
    const char *path;
    lt_error *error;
};

static lt_status explain(const struct walk *w, const lt_yaml_node *node, const char *key,
                         const cyaml_schema_value_t *schema);

/* Edit distance between two short words, for "did you mean"; 99 if either is long. */
static unsigned distance(const char *a, const char *b)
{
    enum { LEN_MAX = 31 };
    const size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > LEN_MAX || b_len > LEN_MAX)
        return 99;
    unsigned row[LEN_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            best = best < row[j] + 1 ? best : row[j] + 1;
            best = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_len];
}

static lt_status unknown_key(const struct walk *w, const lt_yaml_node *key,
                             const cyaml_schema_field_t *fields)
{
    lt_buf keys = {0};
    const char *nearest = NULL;
    unsigned nearest_distance = 3;
    for (const cyaml_schema_field_t *field = fields; field->key; field++) {
        lt_buf_printf(&keys, "%s%s", keys.len ? ", " : "", field->key);
        const unsigned d = distance(key->text, field->key);
        if (d < nearest_distance) {
            nearest = field->key;
            nearest_distance = d;
        }
    }
    lt_status status = lt_yaml_fail(key, w->path, w->error, "unknown key '%s'", key->text);
    lt_expected(w->error, status, "one of %s", lt_buf_str(&keys));
    if (nearest)
        lt_remedy(w->error, status, "did you mean %s?", nearest);
    lt_buf_fini(&keys);
    return status;
}

static lt_status explain_mapping(const struct walk *w, const lt_yaml_node *node, const char *key,
                                 const cyaml_schema_field_t *fields)
{
    if (node->kind != LT_YAML_MAPPING)
        return lt_expected(w->error, lt_yaml_fail(node, w->path, w->error, "%s is no mapping", key),
                           "keys such as %s", fields->key);
    for (size_t i = 0; i < node->count; i++) {
        const cyaml_schema_field_t *field = fields;
        while (field->key && strcmp(field->key, node->keys[i]->text) != 0)
            field++;
        if (!field->key)
            return unknown_key(w, node->keys[i], fields);
        LT_TRY(explain(w, node->items[i], field->key, &field->value));
    }
    for (const cyaml_schema_field_t *field = fields; field->key; field++)
        if (!(field->value.flags & CYAML_FLAG_OPTIONAL) && !lt_yaml_get(node, field->key))
            return lt_yaml_fail(node, w->path, w->error, "%s has no '%s'", key, field->key);
    return LT_OK;
}

static lt_status explain_sequence(const struct walk *w, const lt_yaml_node *node, const char *key,
                                  const cyaml_schema_value_t *schema)
{
    if (node->kind != LT_YAML_SEQUENCE)
        return lt_expected(w->error, lt_yaml_fail(node, w->path, w->error, "%s is no list", key),
                           "a list, such as [a, b]");
    if (node->count < schema->sequence.min)
        return lt_yaml_fail(node, w->path, w->error, "%s is empty", key);
    if (node->count > schema->sequence.max)
        return lt_expected(
            w->error, lt_yaml_fail(node, w->path, w->error, "%s has %zu entries", key, node->count),
            "at most %u", schema->sequence.max);
    for (size_t i = 0; i < node->count; i++)
        LT_TRY(explain(w, node->items[i], key, schema->sequence.entry));
    return LT_OK;
}

static lt_status explain_enum(const struct walk *w, const lt_yaml_node *node, const char *key,
                              const cyaml_schema_value_t *schema)
{
    lt_buf words = {0};
    bool known = false;
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        known = known || strcmp(schema->enumeration.strings[i].str, node->text) == 0;
        lt_buf_printf(&words, "%s%s", i == 0 ? "" : " | ", schema->enumeration.strings[i].str);
    }
    lt_status status = LT_OK;
    if (!known)
        status = lt_expected(w->error,
                             lt_yaml_fail(node, w->path, w->error, "%s is '%s'", key, node->text),
                             "%s", lt_buf_str(&words));
    lt_buf_fini(&words);
    return status;
}

static lt_status explain_number(const struct walk *w, const lt_yaml_node *node, const char *key,
                                bool whole)
{
    char *end;
    errno = 0;
    if (whole) {
        const unsigned long long value = strtoull(node->text, &end, 0);
        if (errno == 0 && node->text[0] != '-' && end != node->text && *end == '\0' &&
            value <= UINT32_MAX)
            return LT_OK;
    } else {
        strtod(node->text, &end);
        if (end != node->text && *end == '\0')
            return LT_OK;
    }
    return lt_expected(w->error,
                       lt_yaml_fail(node, w->path, w->error, "%s is '%s'", key, node->text), "a %s",
                       whole ? "whole number from 0" : "number");
}

static lt_status explain_text(const struct walk *w, const lt_yaml_node *node, const char *key,
                              const cyaml_schema_value_t *schema)
{
    const size_t len = strlen(node->text);
    if (len < schema->string.min)
        return lt_yaml_fail(node, w->path, w->error, "%s is empty", key);
    if (len > schema->string.max)
        return lt_expected(w->error,
                           lt_yaml_fail(node, w->path, w->error, "%s has %zu bytes", key, len),
                           "at most %u", schema->string.max);
    return LT_OK;
}

static lt_status explain(const struct walk *w, const lt_yaml_node *node, const char *key,
                         const cyaml_schema_value_t *schema)
{
    if (schema->type == CYAML_IGNORE)
        return LT_OK;
    if (schema->type == CYAML_MAPPING)
        return explain_mapping(w, node, key, schema->mapping.fields);
    if (schema->type == CYAML_SEQUENCE)
        return explain_sequence(w, node, key, schema);
    if (node->kind != LT_YAML_SCALAR)
        return lt_expected(w->error,
                           lt_yaml_fail(node, w->path, w->error, "%s is a %s", key,
                                        node->kind == LT_YAML_SEQUENCE ? "list" : "mapping"),
                           "one value");
    if (schema->type == CYAML_ENUM)
        return explain_enum(w, node, key, schema);
    if (schema->type == CYAML_STRING)
        return explain_text(w, node, key, schema);
    return explain_number(w, node, key, schema->type == CYAML_UINT);
}

lt_status lt_schema_explain(const lt_yaml_node *node, const char *path,
                            const cyaml_schema_value_t *schema, lt_error *error)
{
    const struct walk w = {path, error};
    return explain(&w, node, "the job", schema);
}
