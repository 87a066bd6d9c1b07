#include "coordinator/report/paired.h"

#include <math.h>
#include <stdlib.h>

#include "common/buf.h"
#include "coordinator/report/distribution.h"

double lt_mcnemar(const lt_discordant *discordant)
{
    const uint64_t all = discordant->gained + discordant->lost;
    const uint64_t fewer =
        discordant->gained < discordant->lost ? discordant->gained : discordant->lost;
    return all == 0 ? 1 : fmin(1, 2 * lt_binomial_cdf((int64_t)fewer, all, 0.5));
}

double lt_shift(const double *differences, uint64_t n)
{
    int64_t balance = 0;
    for (uint64_t i = 0; i < n; i++)
        balance += (differences[i] > 0) - (differences[i] < 0);
    return n ? (double)balance / (double)n : 0;
}

struct ranked {
    double p;
    uint32_t index;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

void lt_holm(double *p, uint32_t count)
{
    struct ranked *ranked = lt_alloc(count * sizeof *ranked);
    for (uint32_t i = 0; i < count; i++)
        ranked[i] = (struct ranked){p[i], i};
    qsort(ranked, count, sizeof *ranked, by_p);
    double most = 0;
    for (uint32_t i = 0; i < count; i++) {
        most = fmax(most, fmin(1, ranked[i].p * (count - i)));
        p[ranked[i].index] = most;
    }
    free(ranked);
}
