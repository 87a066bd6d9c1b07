#include "worker/engine/tokenizer/json_node.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"

lt_status lt_node_read(const char *dir, const char *name, size_t bytes_max, json_t **document,
                       lt_node *root, lt_error *error)
{
    char *path = lt_path_join(dir, name);
    lt_buf bytes = {0};
    lt_status status = lt_file_read(path, bytes_max, &bytes, error);
    if (status == LT_OK) {
        json_error_t problem;
        *document = json_loadb(lt_buf_str(&bytes), bytes.len, JSON_ALLOW_NUL, &problem);
        /* transformers writes model_max_length: 10^30 for "no limit" */
        if (!*document && json_error_code(&problem) == json_error_numeric_overflow)
            *document = json_loadb(lt_buf_str(&bytes), bytes.len,
                                   JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &problem);
        char where[320];
        snprintf(where, sizeof where, "%s", path);
        if (*document == NULL) {
            snprintf(where, sizeof where, "%s:%d:%d", path, problem.line, problem.column);
            status = lt_fail(error, LT_INPUT, where, "not valid JSON: %s", problem.text);
        } else if (!json_is_object(*document)) {
            json_decref(*document);
            *document = NULL;
            status = lt_fail(error, LT_INPUT, where, "the file does not hold a JSON object");
        }
    }
    if (status == LT_OK) {
        root->json = *document;
        snprintf(root->where, sizeof root->where, "%s:", path);
    }
    lt_buf_fini(&bytes);
    free(path);
    return status;
}

static const json_t *not_null(const json_t *json)
{
    return json_is_null(json) ? NULL : json;
}

/* "file: a.b" + ".c"; the front is kept when it grows too long, the last step always. */
static void extend(lt_node *child, const lt_node *node, const char *step)
{
    size_t len = strlen(node->where);
    const char *dot = len > 0 && node->where[len - 1] == ':' ? " " : step[0] == '[' ? "" : ".";
    size_t room = sizeof child->where - strlen(step) - 5;
    snprintf(child->where, sizeof child->where, "%.*s%s%s%s", (int)(len < room ? len : room),
             node->where, len < room ? "" : "...", dot, step);
}

lt_node lt_node_get(const lt_node *node, const char *key)
{
    lt_node child = {not_null(json_object_get(node->json, key)), ""};
    char step[96];
    snprintf(step, sizeof step, "%s", key);
    extend(&child, node, step);
    return child;
}

lt_node lt_node_at(const lt_node *node, size_t index)
{
    lt_node child = {not_null(json_array_get(node->json, index)), ""};
    char step[32];
    snprintf(step, sizeof step, "[%zu]", index);
    extend(&child, node, step);
    return child;
}

size_t lt_node_count(const lt_node *node)
{
    return json_is_array(node->json) ? json_array_size(node->json) : 0;
}

static const char *kind_of(const json_t *json)
{
    if (json == NULL)
        return "nothing";
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

lt_status lt_node_expect(const lt_node *node, const char *expected, lt_error *error)
{
    lt_fail(error, LT_INPUT, node->where, "%s is here", kind_of(node->json));
    return lt_expected(error, LT_INPUT, "%s", expected);
}

lt_status lt_node_array(const lt_node *node, lt_error *error)
{
    return json_is_array(node->json) ? LT_OK : lt_node_expect(node, "an array", error);
}

lt_status lt_node_object(const lt_node *node, lt_error *error)
{
    return json_is_object(node->json) ? LT_OK : lt_node_expect(node, "an object", error);
}

lt_status lt_node_as_text(const lt_node *node, lt_text *out, lt_error *error)
{
    if (!json_is_string(node->json))
        return lt_node_expect(node, "a string", error);
    *out = (lt_text){json_string_value(node->json), json_string_length(node->json)};
    return LT_OK;
}

lt_status lt_node_as_u32(const lt_node *node, uint32_t *out, lt_error *error)
{
    json_int_t value = json_is_integer(node->json) ? json_integer_value(node->json) : -1;
    if (value < 0 || value > INT32_MAX)
        return lt_node_expect(node, "a whole number from 0 to 2147483647", error);
    *out = (uint32_t)value;
    return LT_OK;
}

lt_status lt_node_text(const lt_node *node, const char *key, lt_text *out, lt_error *error)
{
    lt_node child = lt_node_get(node, key);
    return lt_node_as_text(&child, out, error);
}

lt_status lt_node_text_or(const lt_node *node, const char *key, lt_text fallback, lt_text *out,
                          lt_error *error)
{
    lt_node child = lt_node_get(node, key);
    *out = fallback;
    return child.json ? lt_node_as_text(&child, out, error) : LT_OK;
}

lt_status lt_node_bool_or(const lt_node *node, const char *key, bool fallback, bool *out,
                          lt_error *error)
{
    lt_node child = lt_node_get(node, key);
    *out = fallback;
    if (child.json == NULL)
        return LT_OK;
    if (!json_is_boolean(child.json))
        return lt_node_expect(&child, "true or false", error);
    *out = json_is_true(child.json);
    return LT_OK;
}

lt_status lt_node_u32(const lt_node *node, const char *key, uint32_t *out, lt_error *error)
{
    lt_node child = lt_node_get(node, key);
    return lt_node_as_u32(&child, out, error);
}
