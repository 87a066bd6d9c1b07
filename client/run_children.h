/* The processes of a run: started, looked after, stopped. One that dies is started again, later
 * each time; one that keeps dying ends the run. One thread. */
#ifndef LT_CLIENT_RUN_CHILDREN_H
#define LT_CLIENT_RUN_CHILDREN_H

#include <stdint.h>
#include <sys/types.h>

#include "common/status.h"

typedef struct lt_child {
    char *name;     /* "coordinator", "worker-1" */
    char **argv;    /* argv[0] is the program's path */
    char *log_path; /* standard error goes there; NULL: to ours */
    pid_t pid;      /* 0: not running */
    uint64_t started_ms;
    uint64_t start_at_ms;  /* when to start it next */
    unsigned quick_deaths; /* in a row */
    unsigned deaths;
} lt_child;

typedef struct lt_children {
    lt_child *children; /* [count] */
    size_t count;
    lt_error error; /* why lt_children_poll said false */
    void (*on_death)(void *context, const char *name, const char *how); /* may be NULL */
    void *context;
} lt_children;

/* The path of a program that lies beside this one. LT_NOT_FOUND if it does not. Caller frees. */
lt_status lt_program_path(const char *name, char **out, lt_error *error);

/* Adds and starts one. argv is a list ended by NULL, copied; log_path may be NULL. */
lt_status lt_children_add(lt_children *children, const char *name, const char *log_path,
                          const char *const *argv, lt_error *error);

/* Collects the dead and starts them again when it is time. False: one has died too often, see
 * children->error. Does not block. */
bool lt_children_poll(lt_children *children);

/* SIGTERM to those at [first, count), SIGKILL to what is left after bound_ms or as soon as
 * hurry(context) says so (may be NULL). Blocks until they are gone; they are forgotten. */
void lt_children_stop(lt_children *children, size_t first, uint64_t bound_ms,
                      bool (*hurry)(void *context), void *context);
void lt_children_fini(lt_children *children); /* SIGKILL to what still runs */

#endif
