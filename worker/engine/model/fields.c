#include "worker/engine/model/fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *lt_fields_get(const lt_fields *fields, const char *key)
{
    json_t *value = json_object_get(fields->object, key);
    return json_is_null(value) ? NULL : value;
}

/* The value as JSON, cut when long. Whole numbers arrive as doubles: no ".0" after them. */
static const char *value_text(const json_t *value, char *out, size_t out_bytes)
{
    const double number = json_number_value(value);
    if (json_is_number(value) && number == floor(number) && fabs(number) < 1e15) {
        snprintf(out, out_bytes, "%.0f", number);
        return out;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
    snprintf(out, out_bytes, "%.80s%s", text ? text : "not printable",
             text && strlen(text) > 80 ? "..." : "");
    free(text);
    return out;
}

lt_status lt_fields_refuse(const lt_fields *fields, lt_status status, const char *key,
                           lt_error *error, const char *expected, ...)
{
    char words[256];
    va_list args;
    va_start(args, expected);
    vsnprintf(words, sizeof words, expected, args);
    va_end(args);
    json_t *value = lt_fields_get(fields, key);
    if (!value) {
        lt_fail(error, status, fields->file, "there is no %s%s", fields->prefix, key);
        return lt_expected(error, status, "%s", words);
    }
    char text[96];
    lt_fail(error, status, fields->file, "%s%s is %s", fields->prefix, key,
            value_text(value, text, sizeof text));
    return lt_expected(error, status, "%s", words);
}

lt_status lt_fields_number(const lt_fields *fields, const char *key, lt_presence presence,
                           double min, double max, double *value, lt_error *error)
{
    const json_t *found = lt_fields_get(fields, key);
    if (!found && presence == LT_OPTIONAL)
        return LT_OK;
    const double number = json_number_value(found);
    if (!json_is_number(found) || !(number >= min && number <= max))
        return lt_fields_refuse(fields, LT_INPUT, key, error, "a number from %g to %g", min, max);
    *value = number;
    return LT_OK;
}

lt_status lt_fields_u32(const lt_fields *fields, const char *key, lt_presence presence,
                        uint32_t min, uint32_t max, uint32_t *value, lt_error *error)
{
    const json_t *found = lt_fields_get(fields, key);
    if (!found && presence == LT_OPTIONAL)
        return LT_OK;
    const double number = json_number_value(found);
    if (!json_is_number(found) || !(number >= min && number <= max) || number != floor(number))
        return lt_fields_refuse(fields, LT_INPUT, key, error, "a whole number from %u to %u", min,
                                max);
    *value = (uint32_t)number;
    return LT_OK;
}

lt_status lt_fields_bool(const lt_fields *fields, const char *key, bool *value, lt_error *error)
{
    const json_t *found = lt_fields_get(fields, key);
    if (!found)
        return LT_OK;
    if (!json_is_boolean(found))
        return lt_fields_refuse(fields, LT_INPUT, key, error, "true or false");
    *value = json_is_true(found);
    return LT_OK;
}

lt_status lt_fields_word(const lt_fields *fields, const char *key, lt_presence presence,
                         const char **value, lt_error *error)
{
    const json_t *found = lt_fields_get(fields, key);
    if (!found && presence == LT_OPTIONAL)
        return LT_OK;
    if (!json_is_string(found))
        return lt_fields_refuse(fields, LT_INPUT, key, error, "a string");
    *value = json_string_value(found);
    return LT_OK;
}

lt_status lt_fields_object(const lt_fields *fields, const char *key, const char *prefix,
                           lt_fields *inner, lt_error *error)
{
    json_t *found = lt_fields_get(fields, key);
    *inner = (lt_fields){found, fields->file, prefix};
    if (found && !json_is_object(found))
        return lt_fields_refuse(fields, LT_INPUT, key, error, "an object");
    return LT_OK;
}
