/* Jobs: what they want, how far they are, how they end. */
#ifndef LT_COORDINATOR_CORE_JOB_H
#define LT_COORDINATOR_CORE_JOB_H

#include "coordinator/core/state.h"

uint32_t lt_job_find(const lt_core *core, uint64_t id); /* index or LT_NONE */
void lt_job_ready(lt_core *core, uint32_t job);         /* counts its rows, queues its shards */
void lt_job_cancel(lt_core *core, uint32_t job);        /* revokes, JOB_CANCELLED, forgets */
void lt_job_finish_all(lt_core *core);                  /* JOB_DONE for those that are complete */
void lt_job_facts(const lt_core *core, const lt_job_state *job, lt_core_job_facts *facts);

#endif
