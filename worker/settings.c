#include "worker/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/options.h"
#include "common/utf8.h"

#define CACHE_BYTES_MAX (100ull << 30)
#define STOP_MS 10000
#define THREADS_MAX 1024
#define OPTION_COUNT 14

static void fill_table(lt_worker_settings *s, lt_option table[OPTION_COUNT])
{
    const lt_option options[OPTION_COUNT] = {
        {"coordinator", LT_OPTION_TEXT, &s->coordinator, "ENDPOINT",
         "the coordinator's workers' endpoint: tcp://HOST:PORT or ipc:///PATH"},
        {"cache", LT_OPTION_TEXT, &s->cache, "DIR",
         "where checkpoints are kept (~/.cache/lefttail)"},
        {"cache-bytes-max", LT_OPTION_BYTES, &s->cache_bytes_max, "BYTES",
         "the cache's size; what was not used for longest goes first (100G; 0: no limit)"},
        {"threads", LT_OPTION_COUNT, &s->threads, "N", "threads that score (0: all cores)"},
        {"name", LT_OPTION_TEXT, &s->name, "NAME", "what people see (host and process id)"},
        {"keys", LT_OPTION_TEXT, &s->keys, "DIR",
         "CurveZMQ keys, as made by 'lefttail keygen'; needed beyond this machine"},
        {"stop-ms", LT_OPTION_MS, &s->stop_ms, "TIME",
         "what a lease in work may still take after SIGTERM (10s)"},
        {"die-with-parent", LT_OPTION_FLAG, &s->die_with_parent, NULL,
         "stop when the process that started this one ends"},
        {"log-level", LT_OPTION_TEXT, &s->log_level_word, "LEVEL",
         "debug, info, warn or error (info)"},
        {"log-format", LT_OPTION_TEXT, &s->log_format_word, "FORM",
         "text, logfmt or json (text on a terminal, else logfmt)"},
        {"config", LT_OPTION_TEXT, &s->config, "FILE",
         "read options from FILE: lines of 'name: value'"},
        {"engine", LT_OPTION_FLAG, &s->engine, NULL, NULL},
        {"help", LT_OPTION_FLAG, &s->help, NULL, "print this and end"},
        {"version", LT_OPTION_FLAG, &s->version, NULL, "print the version and end"},
    };
    memcpy(table, options, sizeof options);
}

static char *default_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return lt_path_join(cache, "lefttail");
    if (home && *home == '/')
        return lt_path_join(home, ".cache/lefttail");
    return lt_strdup("/var/tmp/lefttail-cache");
}

static char *default_name(void)
{
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    lt_buf name = {0};
    lt_buf_printf(&name, "%s-%d", *host ? host : "worker", (int)getpid());
    return lt_buf_take(&name);
}

static lt_status check(lt_worker_settings *s, lt_error *error)
{
    if (s->log_level_word && !lt_log_level_from(s->log_level_word, &s->log_level))
        return lt_expected(
            error,
            lt_fail(error, LT_INPUT, "--log-level", "there is no level '%s'", s->log_level_word),
            "debug, info, warn or error");
    if (s->log_format_word && !lt_log_format_from(s->log_format_word, &s->log_format))
        return lt_expected(
            error,
            lt_fail(error, LT_INPUT, "--log-format", "there is no form '%s'", s->log_format_word),
            "text, logfmt or json");
    if (s->help || s->version || s->engine)
        return LT_OK;
    if (s->threads > THREADS_MAX)
        return lt_expected(
            error,
            lt_fail(error, LT_INPUT, "--threads", "%lu are too many", (unsigned long)s->threads),
            "at most %d", THREADS_MAX);
    if (strlen(s->name) > LT_NAME_BYTES_MAX || !lt_utf8_valid(s->name, strlen(s->name)))
        return lt_expected(error, lt_fail(error, LT_INPUT, "--name", "the name cannot be used"),
                           "UTF-8, at most %d bytes", LT_NAME_BYTES_MAX);
    if (!s->coordinator || !*s->coordinator)
        return lt_expected(error, lt_fail(error, LT_INPUT, NULL, "no coordinator is named"),
                           "--coordinator ENDPOINT");
    return LT_OK;
}

lt_status lt_worker_settings_read(lt_worker_settings *settings, int argc, char **argv,
                                  lt_error *error)
{
    *settings = (lt_worker_settings){.cache_bytes_max = CACHE_BYTES_MAX,
                                     .stop_ms = STOP_MS,
                                     .log_level = LT_LOG_INFO,
                                     .log_format = LT_LOG_FORMAT_AUTO,
                                     .cache = default_cache(),
                                     .name = default_name()};
    lt_option table[OPTION_COUNT];
    fill_table(settings, table);
    LT_TRY(lt_options_read(table, OPTION_COUNT, argc, argv, NULL, error));
    return check(settings, error);
}

void lt_worker_settings_fini(lt_worker_settings *settings)
{
    free(settings->coordinator);
    free(settings->cache);
    free(settings->name);
    free(settings->keys);
    free(settings->config);
    free(settings->log_level_word);
    free(settings->log_format_word);
    *settings = (lt_worker_settings){0};
}

void lt_worker_settings_help(FILE *out)
{
    lt_worker_settings none = {0};
    lt_option table[OPTION_COUNT];
    fill_table(&none, table);
    fputs("lefttail-worker joins a coordinator and scores what it is given.\n\n"
          "  lefttail-worker --coordinator tcp://head:7301 --keys /etc/lefttail/keys\n\n",
          out);
    lt_options_help(table, OPTION_COUNT, out);
    fputs("\nEvery option is also a variable (LEFTTAIL_CACHE_BYTES_MAX) and a line of the --config "
          "file.\n"
          "SIGTERM and SIGINT: finish the lease in work, or give it back, and leave; twice: at "
          "once.\n"
          "Exit codes: 0 asked to stop, 1 the work failed, 2 the call was wrong.\n",
          out);
}
