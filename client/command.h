/* The commands of lefttail: one line here and one file each. A command gets its own arguments
 * (argv[0] is its name) and returns the exit code: 0 good, 1 the work failed, 2 the call was wrong. */
#ifndef LT_CLIENT_COMMAND_H
#define LT_CLIENT_COMMAND_H

#include "common/status.h"

/* function suffix, name, group, summary */
#define LT_COMMAND_LIST(X)                                                                         \
    X(run, "run", "Jobs on this machine", "run a job here, from its file to its report")          \
    X(check, "check", "Jobs on this machine", "say what a job would do, before any work")         \
    X(submit, "submit", "Jobs on a coordinator", "send a job to a coordinator")                   \
    X(jobs, "jobs", "Jobs on a coordinator", "list its jobs")                                     \
    X(status, "status", "Jobs on a coordinator", "show how far a job is")                         \
    X(watch, "watch", "Jobs on a coordinator", "follow a job until it ends")                      \
    X(cancel, "cancel", "Jobs on a coordinator", "stop a job; its rows stay")                     \
    X(rows, "rows", "Jobs on a coordinator", "every row, as JSON lines or CSV")                   \
    X(report, "report", "Jobs on a coordinator", "make the report of a job")                      \
    X(workers, "workers", "Jobs on a coordinator", "list its workers")                            \
    X(keygen, "keygen", "Jobs on a coordinator", "make the keys that remote endpoints need")      \
    X(score, "score", "Checkpoints", "score JSON lines from standard input")                      \
    X(tokenize, "tokenize", "Checkpoints", "token ids of JSON lines from standard input")         \
    X(inspect, "inspect", "Checkpoints", "say what a checkpoint is and how it would be read")

#define X(suffix, name, group, summary) int lt_command_##suffix(int argc, char **argv);
LT_COMMAND_LIST(X)
#undef X

/* Prints "lefttail NAME: SENTENCE" to standard error and returns the exit code of error->status. */
int lt_command_fail(const char *name, const lt_error *error);

/* Prints a usage complaint and "try 'lefttail NAME --help'"; returns 2. */
int lt_command_usage(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
