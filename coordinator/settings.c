#include "coordinator/settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/net/endpoint.h"
#include "common/options.h"

enum {
    LEASE_MS = 60000, /* a worker silent for this long is taken for dead */
    HEARTBEAT_MS = 2000,
    PROGRESS_MS = 5000,
    OPTION_COUNT = 15,
};

static void fill_options(lt_settings *s, lt_option options[OPTION_COUNT])
{
    const lt_option table[OPTION_COUNT] = {
        {"data", LT_OPTION_TEXT, &s->data, "DIR",
         "folder for jobs, rows and files; made if missing (needed)"},
        {"workers", LT_OPTION_TEXT, &s->workers, "ENDPOINT",
         "where workers connect: tcp://HOST:PORT or ipc:///PATH (needed)"},
        {"clients", LT_OPTION_TEXT, &s->clients, "ENDPOINT", "where lefttail connects (needed)"},
        {"keys", LT_OPTION_TEXT, &s->keys, "DIR",
         "keys made by 'lefttail keygen'; needed unless both endpoints are local"},
        {"lease-ms", LT_OPTION_MS, &s->lease_ms, "TIME",
         "work without progress for this long goes to another worker (60s)"},
        {"heartbeat-ms", LT_OPTION_MS, &s->heartbeat_ms, "TIME",
         "workers show progress at least this often (2s)"},
        {"trust-paths", LT_OPTION_FLAG, &s->trust_paths, NULL,
         "read files where clients say they lie, when size and digest agree"},
        {"blob-bytes-max", LT_OPTION_BYTES, &s->blob_bytes_max, "BYTES",
         "largest file that a client may bring (64G)"},
        {"die-with-parent", LT_OPTION_FLAG, &s->die_with_parent, NULL,
         "stop when the process that started this one ends"},
        {"progress-ms", LT_OPTION_MS, &s->progress_ms, "TIME",
         "a line per running job this often (5s)"},
        {"log-level", LT_OPTION_TEXT, &s->log_level_word, "LEVEL",
         "debug, info, warn or error (info)"},
        {"log-format", LT_OPTION_TEXT, &s->log_format_word, "FORMAT",
         "auto, text, logfmt or json (auto)"},
        {"log-file", LT_OPTION_TEXT, &s->log_file, "FILE",
         "append the log there instead of standard error"},
        {"config", LT_OPTION_TEXT, &s->config, "FILE", "lines 'name: value' with these names"},
        {"help", LT_OPTION_FLAG, &s->help, NULL, "show this"},
    };
    memcpy(options, table, sizeof table);
}

void lt_settings_help(FILE *out)
{
    lt_settings settings = {0};
    lt_option options[OPTION_COUNT];
    fill_options(&settings, options);
    fputs("lefttail-coordinator owns jobs, leases and results; one per cluster.\n\n"
          "  lefttail-coordinator --data /var/lib/lefttail --keys /etc/lefttail/keys \\\n"
          "      --workers tcp://0.0.0.0:7301 --clients tcp://0.0.0.0:7302\n\n",
          out);
    lt_options_help(options, OPTION_COUNT, out);
    fputs("\nEvery option is also LEFTTAIL_NAME in the environment. Port 0 lets the system choose; "
          "the\n"
          "endpoints as bound are in the log and in DIR/endpoints. SIGTERM stops cleanly; SIGKILL "
          "loses\n"
          "nothing that was acknowledged. Exit codes: 0 stopped, 1 failed, 2 the call was wrong.\n",
          out);
}

static lt_status needed(const char *value, const char *name, lt_error *error)
{
    if (value && *value)
        return LT_OK;
    return lt_remedy(error, lt_fail(error, LT_INPUT, NULL, "--%s is missing", name),
                     "see lefttail-coordinator --help");
}

static lt_status check_endpoint(const lt_settings *settings, const char *endpoint, lt_error *error)
{
    LT_TRY(lt_endpoint_check(endpoint, true, error));
    return lt_endpoint_check_keys(endpoint, settings->keys != NULL, error);
}

static lt_status check(lt_settings *s, lt_error *error)
{
    if (!lt_log_level_from(s->log_level_word, &s->log_level))
        return lt_expected(
            error,
            lt_fail(error, LT_INPUT, "--log-level", "there is no level '%s'", s->log_level_word),
            "debug, info, warn or error");
    if (!lt_log_format_from(s->log_format_word, &s->log_format))
        return lt_expected(
            error,
            lt_fail(error, LT_INPUT, "--log-format", "there is no format '%s'", s->log_format_word),
            "auto, text, logfmt or json");
    if (s->help || s->version)
        return LT_OK;
    LT_TRY(needed(s->data, "data", error));
    LT_TRY(needed(s->workers, "workers", error));
    LT_TRY(needed(s->clients, "clients", error));
    LT_TRY(check_endpoint(s, s->workers, error));
    LT_TRY(check_endpoint(s, s->clients, error));
    if (s->heartbeat_ms < 10 || s->heartbeat_ms > 600000)
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, "--heartbeat-ms", "%llu ms is out of range",
                                   (unsigned long long)s->heartbeat_ms),
                           "10 ms to 10 minutes");
    if (s->lease_ms < 2 * s->heartbeat_ms || s->lease_ms > 86400000)
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, "--lease-ms", "%llu ms is out of range",
                                   (unsigned long long)s->lease_ms),
                           "at least two heartbeats (%llu ms) and at most a day",
                           (unsigned long long)(2 * s->heartbeat_ms));
    if (s->progress_ms < 100 || s->progress_ms > 86400000)
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, "--progress-ms", "%llu ms is out of range",
                                   (unsigned long long)s->progress_ms),
                           "100 ms to a day");
    return LT_OK;
}

lt_status lt_settings_read(lt_settings *settings, int argc, char **argv, lt_error *error)
{
    memset(settings, 0, sizeof *settings);
    settings->lease_ms = LEASE_MS;
    settings->heartbeat_ms = HEARTBEAT_MS;
    settings->progress_ms = PROGRESS_MS;
    settings->log_level_word = lt_strdup("info");
    settings->log_format_word = lt_strdup("auto");
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        settings->version = true;
        return LT_OK;
    }
    lt_option options[OPTION_COUNT];
    fill_options(settings, options);
    LT_TRY(lt_options_read(options, OPTION_COUNT, argc, argv, NULL, error));
    return check(settings, error);
}

void lt_settings_fini(lt_settings *s)
{
    char *owned[] = {s->data,   s->workers,        s->clients,         s->keys,
                     s->config, s->log_level_word, s->log_format_word, s->log_file};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    memset(s, 0, sizeof *s);
}
