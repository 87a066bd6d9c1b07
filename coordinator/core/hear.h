/* What a worker says: credit, progress, results, failure, or just that it is there. */
#ifndef LT_COORDINATOR_CORE_HEAR_H
#define LT_COORDINATOR_CORE_HEAR_H

#include "coordinator/core/state.h"

/* An event that a worker caused. Nothing is heard from one that has been asked to say Hello. */
void lt_hear(lt_core *core, const lt_event *event);

#endif
