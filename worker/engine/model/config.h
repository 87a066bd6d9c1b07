/* config.json of a checkpoint: which family it is, its spec, its labels. */
#ifndef LT_WORKER_ENGINE_MODEL_CONFIG_H
#define LT_WORKER_ENGINE_MODEL_CONFIG_H

#include "common/arena.h"
#include "worker/engine/model/family.h"

typedef struct lt_config {
    char *path;             /* owned; of the file, for errors */
    lt_spec spec;           /* its strings are in the arena */
    lt_arena arena;
} lt_config;

/* LT_NOT_FOUND: no such file. LT_INPUT: not JSON (line), or a key that is missing or out of its
 * range (named, with its value). LT_UNSUPPORTED: an architecture, activation, rope type, ... that
 * lefttail does not have (named). Reads the spellings of transformers 4 and 5. */
lt_status lt_config_read(lt_config *config, const char *dir, lt_error *error);
void lt_config_fini(lt_config *config); /* safe on zeroed memory */

#endif
