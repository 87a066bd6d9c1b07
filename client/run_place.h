/* The output folder of a run: the report's files, and .lefttail beside them with what the next run
 * goes on from. Held by one run at a time. */
#ifndef LT_CLIENT_RUN_PLACE_H
#define LT_CLIENT_RUN_PLACE_H

#include "common/status.h"

typedef struct lt_run_place {
    char *dir;
    char *state;   /* dir/.lefttail */
    char *sockets; /* a private folder, short enough for a socket's path */
    int lock_fd;   /* -1: not held */
} lt_run_place;

/* Makes the folders and takes the lock. LT_CONFLICT: another run has it. Fini also after a failure.
 */
lt_status lt_run_place_open(lt_run_place *place, const char *dir, lt_error *error);
void lt_run_place_close(
    lt_run_place *place); /* removes the sockets, leaves the lock; safe on {.lock_fd = -1} */

/* A path inside .lefttail. Caller frees. */
char *lt_run_place_path(const lt_run_place *place, const char *name);
/* "ipc://.../name" in the private folder. Caller frees. */
char *lt_run_place_endpoint(const lt_run_place *place, const char *name);

/* The job that the folder's last run was about. `id` is "" when there was none. */
void lt_run_place_job(const char *dir, char id[17]);
lt_status lt_run_place_set_job(const lt_run_place *place, const char *id, lt_error *error);

#endif
