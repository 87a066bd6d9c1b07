/* lefttail: picks the command and hands it its arguments. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"

static const struct command {
    const char *name, *group, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
#define X(suffix, name, group, summary) {name, group, summary, lt_command_##suffix},
    LT_COMMAND_LIST(X)
#undef X
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("lefttail scores the answers of many variants of a chat model and shows their left "
          "tail.\n\n"
          "  lefttail run examples/xstest/job.yaml\n",
          out);
    const char *group = "";
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(group, commands[i].group) != 0)
            fprintf(out, "\n%s:\n", group = commands[i].group);
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fputs(
        "\nEvery command has --help. Exit codes: 0 good, 1 the work failed, 2 the call was wrong.\n"
        "A coordinator is named by --coordinator ENDPOINT or LEFTTAIL_COORDINATOR.\n",
        out);
}

/* Options before the command (`lefttail --coordinator ENDPOINT submit ...`) become its environment,
 * which its own options overrule. Returns the index of the command, or -1 after a complaint. */
static int take_leading_options(int argc, char **argv)
{
    static const char *const names[] = {"coordinator", "keys", "config", "timeout"};
    static const char *const variables[] = {"LEFTTAIL_COORDINATOR", "LEFTTAIL_KEYS",
                                            "LEFTTAIL_CONFIG", "LEFTTAIL_TIMEOUT"};
    int i = 1;
    while (i < argc && strncmp(argv[i], "--", 2) == 0) {
        const char *name = argv[i] + 2, *equals = strchr(name, '=');
        const size_t len = equals ? (size_t)(equals - name) : strlen(name);
        size_t known = 0;
        while (known < 4 && (strlen(names[known]) != len || memcmp(names[known], name, len) != 0))
            known++;
        if (known == 4 || (!equals && i + 1 >= argc)) {
            fprintf(stderr, "lefttail: %s '%s'\nTry 'lefttail --help'.\n",
                    known == 4 ? "there is no option" : "there is no value for", argv[i]);
            return -1;
        }
        setenv(variables[known], equals ? equals + 1 : argv[i + 1], 1);
        i += equals ? 1 : 2;
    }
    if (i < argc)
        return i;
    fputs("lefttail: no command\nTry 'lefttail --help'.\n", stderr);
    return -1;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a write error with a sentence */
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("lefttail " LT_VERSION);
        return 0;
    }
    const int at = take_leading_options(argc, argv);
    if (at < 0)
        return 2;
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[at], commands[i].name) == 0)
            return commands[i].run(argc - at, argv + at);
    fprintf(stderr, "lefttail: there is no command '%s'\nTry 'lefttail --help'.\n", argv[at]);
    return 2;
}
