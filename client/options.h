/* What every command about a coordinator takes, beside its own options (common/options.h). */
#ifndef LT_CLIENT_OPTIONS_H
#define LT_CLIENT_OPTIONS_H

#include "client/remote.h"
#include "common/options.h"

typedef struct lt_client_options {
    char *coordinator;     /* endpoint; --coordinator, LEFTTAIL_COORDINATOR, "coordinator:" in --config FILE */
    char *keys;            /* folder of keys; --keys */
    uint64_t timeout_ms;   /* longest silence of the coordinator; --timeout; 0: lt_remote's default */
    bool json, help;
} lt_client_options;

/* Reads the command line: the options above, --config, and the command's own `more`. What is not an
 * option must be `rest_count` arguments, which end up in argv[1..]; `rest_words` names them for the
 * usage ("JOB"; NULL for none).
 * Returns -1 when the command goes on, else the exit code to leave with: --help printed `summary`,
 * `example` and the options (0), or the call was wrong (2). */
int lt_client_options_read(lt_client_options *options, const char *command, const char *summary,
                           const char *rest_words, int rest_count, const char *example,
                           const lt_option *more, size_t more_count, int argc, char **argv);
void lt_client_options_fini(lt_client_options *options);

/* Opens the session that the options name; LT_INPUT when there is no coordinator. Ctrl-C and SIGTERM make
 * waiting calls return LT_CANCELLED from then on. */
lt_status lt_client_open(const lt_client_options *options, lt_remote **out, lt_error *error);

/* True after Ctrl-C or SIGTERM. */
bool lt_client_stopped(void);

#endif
