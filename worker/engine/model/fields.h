/* The fields of a JSON object from a checkpoint, read with bounds. An error names the file, the
 * key, what stands there and what was expected. null counts as absent, as Python writes it.
 *
 * Every reader leaves *value alone when the key is absent, so that the caller's value is the
 * default; LT_REQUIRED makes absence an error. */
#ifndef LT_WORKER_ENGINE_MODEL_FIELDS_H
#define LT_WORKER_ENGINE_MODEL_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"

typedef struct lt_fields {
    json_t *object;         /* borrowed; NULL: an object without fields */
    const char *file;       /* for errors */
    const char *prefix;     /* "rope_parameters." for the fields of an inner object, else "" */
} lt_fields;

typedef enum lt_presence { LT_OPTIONAL, LT_REQUIRED } lt_presence;

json_t *lt_fields_get(const lt_fields *fields, const char *key); /* NULL: absent or null */

lt_status lt_fields_u32(const lt_fields *fields, const char *key, lt_presence presence, uint32_t min,
                        uint32_t max, uint32_t *value, lt_error *error);
lt_status lt_fields_number(const lt_fields *fields, const char *key, lt_presence presence, double min,
                           double max, double *value, lt_error *error);
lt_status lt_fields_bool(const lt_fields *fields, const char *key, bool *value, lt_error *error);
/* *value points into the object. */
lt_status lt_fields_word(const lt_fields *fields, const char *key, lt_presence presence,
                         const char **value, lt_error *error);
/* *inner is empty when the key is absent. `prefix` becomes the inner one's; it must outlive it. */
lt_status lt_fields_object(const lt_fields *fields, const char *key, const char *prefix, lt_fields *inner,
                           lt_error *error);

/* "FILE: PREFIXkey is VALUE; expected ...": for what only the caller can judge. */
lt_status lt_fields_refuse(const lt_fields *fields, lt_status status, const char *key,
                           lt_error *error, const char *expected, ...)
    __attribute__((format(printf, 5, 6)));

#endif
