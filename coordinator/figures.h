/* What people see of jobs and workers while they run: the status messages, and the progress log. */
#ifndef LT_COORDINATOR_FIGURES_H
#define LT_COORDINATOR_FIGURES_H

#include "common/arena.h"
#include "coordinator/jobs.h"

struct lt_shell;

/* The status of a job; all of it lives in the arena (strings may point into the job). `cells` false
 * leaves the estimates out. */
Lefttail__JobStatus *lt_figures_job(struct lt_shell *shell, const lt_job *job, bool cells,
                                    lt_arena *arena);
Lefttail__WorkersReply *lt_figures_workers(struct lt_shell *shell, lt_arena *arena);

/* Once a second: a "progress" event for every job that moved; and one log line per running job
 * every settings->progress_ms. */
void lt_figures_second(struct lt_shell *shell);

/* Sets the job's record and its last status for its end, and logs how it ended. */
void lt_figures_end(lt_job *job, Lefttail__JobState state, const lt_core_job_facts *facts);

#endif
