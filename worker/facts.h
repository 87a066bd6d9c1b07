/* What a worker says about its machine. */
#ifndef LT_WORKER_FACTS_H
#define LT_WORKER_FACTS_H

#include "common/status.h"
#include "lefttail.pb-c.h"

typedef struct lt_facts {
    Lefttail__WorkerFacts message; /* its strings are in here */
    char cpu[128];
} lt_facts;

/* threads 0: the cores that this process may use. LT_UNSUPPORTED: the instruction set that
 * LEFTTAIL_ISA asks for is not there. */
lt_status lt_facts_read(lt_facts *facts, int threads, lt_error *error);

#endif
