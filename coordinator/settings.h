/* What an operator can choose about a coordinator: command line, environment, configuration file.
 */
#ifndef LT_COORDINATOR_SETTINGS_H
#define LT_COORDINATOR_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/log.h"
#include "common/status.h"

typedef struct lt_settings {
    char *data;    /* folder of everything that must not be forgotten */
    char *workers; /* endpoint to bind */
    char *clients;
    char *keys; /* folder of CurveZMQ keys; NULL: none */
    char *config;
    char *log_level_word, *log_format_word, *log_file;
    lt_log_level log_level;
    lt_log_format log_format;
    uint64_t lease_ms, heartbeat_ms, progress_ms;
    uint64_t blob_bytes_max;
    bool trust_paths, die_with_parent, help, version;
} lt_settings;

/* Defaults, then all three places. LT_INPUT names the option. The values of --help and --version
 * win over missing ones. Free with lt_settings_fini also after a failure. */
lt_status lt_settings_read(lt_settings *settings, int argc, char **argv, lt_error *error);
void lt_settings_fini(lt_settings *settings);
void lt_settings_help(FILE *out);

#endif
