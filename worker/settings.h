/* What can be chosen about a worker: command line, environment, configuration file. */
#ifndef LT_WORKER_SETTINGS_H
#define LT_WORKER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/log.h"
#include "common/status.h"

typedef struct lt_worker_settings {
    char *coordinator; /* endpoint to dial */
    char *cache;       /* folder; the default is under the user's cache folder */
    char *name;        /* for people; host and process id by default */
    char *keys;        /* folder; NULL: none */
    char *config;
    char *log_level_word, *log_format_word;
    lt_log_level log_level;
    lt_log_format log_format;
    uint64_t cache_bytes_max, threads, stop_ms;
    bool die_with_parent, engine, help, version;
} lt_worker_settings;

/* Defaults, then all three places. LT_INPUT names the option. Free with lt_worker_settings_fini
 * also after a failure. */
lt_status lt_worker_settings_read(lt_worker_settings *settings, int argc, char **argv,
                                  lt_error *error);
void lt_worker_settings_fini(lt_worker_settings *settings);
void lt_worker_settings_help(FILE *out);

#endif
