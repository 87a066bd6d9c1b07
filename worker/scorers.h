/* The scorers that an engine process keeps loaded, by numerics class: jobs alternate between a few,
 * and loading costs more than scoring a shard. */
#ifndef LT_WORKER_SCORERS_H
#define LT_WORKER_SCORERS_H

#include "common/digest.h"
#include "worker/engine/scorer.h"

#define LT_SCORERS_LOADED_MAX 8

typedef struct lt_scorers {
    struct lt_loaded_scorer {
        lt_digest class;   /* lt_spec_class */
        lt_scorer *scorer; /* NULL: a free place */
        uint64_t used;     /* of `clock` */
    } loaded[LT_SCORERS_LOADED_MAX];
    uint64_t clock;
    int threads; /* of every scorer */
} lt_scorers;

/* The scorer of the class if it is loaded, else NULL. Lives until the next lt_scorers_get. */
lt_scorer *lt_scorers_find(lt_scorers *scorers, const Lefttail__ScorerSpec *spec);

/* The scorer of the class, loaded from `dir` if it is not there; lives until the next call. Makes
 * room first: the least recently used go while the weights of all would pass a quarter of the
 * machine's memory. Errors as lt_scorer_open. */
lt_status lt_scorers_get(lt_scorers *scorers, const Lefttail__ScorerSpec *spec,
                         const lt_scorer_options *options, const char *dir, lt_scorer **out,
                         lt_error *error);
void lt_scorers_fini(lt_scorers *scorers);

#endif
