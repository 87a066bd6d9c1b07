#include "client/options.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"

enum { OWN_COUNT = 6, MORE_MAX = 16 };

static void print_help(const char *command, const char *summary, const char *rest_words,
                       const char *example, const lt_option *table, size_t count)
{
    printf("lefttail %s%s%s [options]\n\n%s\n\n  %s\n\n", command, rest_words ? " " : "",
           rest_words ? rest_words : "", summary, example);
    lt_options_help(table, count, stdout);
}

int lt_client_options_read(lt_client_options *options, const char *command, const char *summary,
                           const char *rest_words, int rest_count, const char *example,
                           const lt_option *more, size_t more_count, int argc, char **argv)
{
    char *config = NULL;
    lt_option table[OWN_COUNT + MORE_MAX];
    LT_ASSERT(more_count <= MORE_MAX);
    if (more_count)
        memcpy(table, more, more_count * sizeof *more);
    const lt_option own[OWN_COUNT] = {
        {"coordinator", LT_OPTION_TEXT, &options->coordinator, "ENDPOINT",
         "its clients' endpoint: tcp://HOST:PORT or ipc:///PATH"},
        {"keys", LT_OPTION_TEXT, &options->keys, "DIR",
         "keys made by 'lefttail keygen'; needed beyond this machine"},
        {"timeout", LT_OPTION_MS, &options->timeout_ms, "TIME",
         "give up when it is silent for so long (default: 30s)"},
        {"config", LT_OPTION_TEXT, &config, "FILE",
         "a file of these options, a line each: name: value"},
        {"json", LT_OPTION_FLAG, &options->json, NULL, "answer in JSON"},
        {"help", LT_OPTION_FLAG, &options->help, NULL, "this"},
    };
    memcpy(table + more_count, own, sizeof own);
    const size_t count = more_count + OWN_COUNT;
    lt_error error = {0};
    int rest = 0, code = -1;
    const lt_status status = lt_options_read(table, count, argc, argv, &rest, &error);
    free(config);
    if (options->help) {
        print_help(command, summary, rest_words, example, table, count);
        code = 0;
    } else if (status != LT_OK) {
        char text[LT_ERROR_TEXT_BYTES];
        code = lt_command_usage(command, "%s", lt_error_text(&error, text, sizeof text));
    } else if (rest > rest_count) {
        code = lt_command_usage(command, "there is nothing to do with '%s'", argv[rest_count + 1]);
    } else if (rest < rest_count) {
        code = lt_command_usage(command, "%s is missing", rest_words);
    }
    return code;
}

void lt_client_options_fini(lt_client_options *options)
{
    free(options->coordinator);
    free(options->keys);
    memset(options, 0, sizeof *options);
}

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

bool lt_client_stopped(void)
{
    return stopped != 0;
}

static bool is_stopped(void *context)
{
    (void)context;
    return lt_client_stopped();
}

static void say_waiting(void *context, const char *why)
{
    (void)context;
    fprintf(stderr, "waiting for the coordinator: %s\n", why);
}

lt_status lt_client_open(const lt_client_options *options, lt_remote **out, lt_error *error)
{
    *out = NULL;
    if (!options->coordinator || !*options->coordinator)
        return lt_remedy(error, lt_fail(error, LT_INPUT, NULL, "no coordinator is named"),
                         "give --coordinator ENDPOINT or set LEFTTAIL_COORDINATOR");
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    const lt_remote_options remote = {
        .endpoint = options->coordinator,
        .keys_dir = options->keys,
        .wait_ms = (uint32_t)(options->timeout_ms < UINT32_MAX ? options->timeout_ms : UINT32_MAX),
        .interrupted = is_stopped,
        .on_wait = say_waiting,
    };
    return lt_remote_open(&remote, out, error);
}
