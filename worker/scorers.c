#include "worker/scorers.h"

#include <unistd.h>

#include "common/row.h"

typedef struct lt_loaded_scorer loaded_scorer;

static uint64_t memory_budget(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 4 : UINT64_MAX;
}

static loaded_scorer *oldest(lt_scorers *scorers)
{
    loaded_scorer *found = NULL;
    for (int i = 0; i < LT_SCORERS_LOADED_MAX; i++)
        if (scorers->loaded[i].scorer && (!found || scorers->loaded[i].used < found->used))
            found = &scorers->loaded[i];
    return found;
}

static uint64_t weight_bytes(const lt_scorers *scorers, int *count)
{
    uint64_t bytes = 0;
    *count = 0;
    for (int i = 0; i < LT_SCORERS_LOADED_MAX; i++)
        if (scorers->loaded[i].scorer) {
            bytes += lt_scorer_facts_of(scorers->loaded[i].scorer)->weight_bytes;
            ++*count;
        }
    return bytes;
}

/* Room for one more that is as large as the largest budget share allows: what it weighs is known
 * only once it is loaded, so the check is on what is there, before and after. */
static void make_room(lt_scorers *scorers, uint64_t budget_bytes, int keep)
{
    int count;
    while ((weight_bytes(scorers, &count) > budget_bytes || count >= LT_SCORERS_LOADED_MAX) &&
           count > keep)
        lt_scorer_free(&oldest(scorers)->scorer);
}

lt_scorer *lt_scorers_find(lt_scorers *scorers, const Lefttail__ScorerSpec *spec)
{
    const lt_digest class = lt_spec_class(spec);
    for (int i = 0; i < LT_SCORERS_LOADED_MAX; i++)
        if (scorers->loaded[i].scorer && lt_digest_equal(&scorers->loaded[i].class, &class)) {
            scorers->loaded[i].used = ++scorers->clock;
            return scorers->loaded[i].scorer;
        }
    return NULL;
}

lt_status lt_scorers_get(lt_scorers *scorers, const Lefttail__ScorerSpec *spec,
                         const lt_scorer_options *options, const char *dir, lt_scorer **out,
                         lt_error *error)
{
    *out = lt_scorers_find(scorers, spec);
    if (*out)
        return LT_OK;
    make_room(scorers, memory_budget() / 2, 0);
    lt_scorer_options own = *options;
    own.threads = scorers->threads;
    LT_TRY(lt_scorer_open(out, dir, &own, error));
    for (int i = 0; i < LT_SCORERS_LOADED_MAX; i++)
        if (!scorers->loaded[i].scorer) {
            scorers->loaded[i] = (loaded_scorer){lt_spec_class(spec), *out, ++scorers->clock};
            break;
        }
    make_room(scorers, memory_budget(), 1);
    return LT_OK;
}

void lt_scorers_fini(lt_scorers *scorers)
{
    for (int i = 0; i < LT_SCORERS_LOADED_MAX; i++)
        lt_scorer_free(&scorers->loaded[i].scorer);
}
