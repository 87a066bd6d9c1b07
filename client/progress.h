/* How far a job is, on standard error: a bar that is drawn over on a terminal, a log line now and
 * then in a pipe. Used by run and watch. Not for threads. */
#ifndef LT_CLIENT_PROGRESS_H
#define LT_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lefttail.pb-c.h"

typedef struct lt_progress {
    bool terminal;
    bool drawn;        /* a bar stands on the last line */
    uint64_t shown_ms; /* when it was last shown */
    uint64_t shown_rows;
    uint64_t first_ms;      /* what the average at the end is taken over */
    uint64_t first_rows;
} lt_progress;

void lt_progress_init(lt_progress *progress);

/* Shows the status if it is time to: ten times a second at most on a terminal, every 5 seconds in a
 * pipe; `last` shows it whatever the time. */
void lt_progress_show(lt_progress *progress, const Lefttail__JobStatus *job, uint32_t workers,
                      bool last);

/* A line above the bar (in a pipe: a line). */
void lt_progress_note(lt_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Leaves the cursor on a fresh line. */
void lt_progress_end(lt_progress *progress);

#endif
