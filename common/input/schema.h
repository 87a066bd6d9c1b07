/* Says where a YAML tree does not fit a libcyaml schema, in a person's words. */
#ifndef LT_COMMON_INPUT_SCHEMA_H
#define LT_COMMON_INPUT_SCHEMA_H

#include <cyaml/cyaml.h>

#include "common/input/yaml.h"

/* LT_OK if the tree fits; else LT_INPUT with file:line:column, what was met and what was expected.
 */
lt_status lt_schema_explain(const lt_yaml_node *node, const char *path,
                            const cyaml_schema_value_t *schema, lt_error *error);

#endif
