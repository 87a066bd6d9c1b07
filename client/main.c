/* lefttail: picks the command and hands it its arguments. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"

/* While files of commands are still missing. */
#define X(suffix, name, group, summary) int lt_command_##suffix(int argc, char **argv) __attribute__((weak));
LT_COMMAND_LIST(X)
#undef X

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
    fputs("lefttail scores the answers of many variants of a chat model and shows their left tail.\n\n"
          "  lefttail run examples/xstest/job.yaml\n",
          out);
    const char *group = "";
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(group, commands[i].group) != 0)
            fprintf(out, "\n%s:\n", group = commands[i].group);
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nEvery command has --help. Exit codes: 0 good, 1 the work failed, 2 the call was wrong.\n"
          "A coordinator is named by --coordinator ENDPOINT or LEFTTAIL_COORDINATOR.\n",
          out);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a write error with a sentence */
    /* `--coordinator X` may stand before the command: it is moved behind it. */
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("lefttail " LT_VERSION);
        return 0;
    }
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0 && commands[i].run)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "lefttail: there is no command '%s'\nTry 'lefttail --help'.\n", argv[1]);
    return 2;
}
