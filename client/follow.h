/* Following a job to its end: a bar on a terminal, lines in a pipe, JSON lines for a program. */
#ifndef LT_CLIENT_FOLLOW_H
#define LT_CLIENT_FOLLOW_H

#include "client/remote.h"

/* Returns when the job has ended. LT_OK: done. LT_FAILED: cancelled by a client. LT_CANCELLED: the
 * person stopped watching; the job goes on. With json, one event a line on standard output. */
lt_status lt_follow(lt_remote *remote, const char *job, bool json, lt_error *error);

#endif
