#include "coordinator/report/quantile.h"

#include <math.h>

#include "common/status.h"
#include "coordinator/report/distribution.h"

double lt_quantile(const double *sorted, uint64_t n, double p)
{
    LT_ASSERT(n > 0 && p >= 0 && p <= 1);
    const double place = p * (double)(n - 1);
    const uint64_t below = (uint64_t)place;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* The least k in [0, n] with P(B <= k) > limit. */
static uint64_t first_above(uint64_t n, double p, double limit)
{
    uint64_t low = 0, high = n;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (lt_binomial_cdf((int64_t)middle, n, p) > limit)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

lt_interval lt_quantile_interval(const double *sorted, uint64_t n, double p)
{
    const double side = (1 - LT_CONFIDENCE) / 2;
    lt_interval interval = {0};
    if (n == 0)
        return interval;
    /* l is the largest rank with P(B <= l - 1) <= side: the first k above it is that rank. */
    const uint64_t l = first_above(n, p, side);
    /* u is the least rank with P(B <= u - 1) >= 1 - side. Counted from the other end, so that the
     * comparison is of small probabilities: n - B ~ Binomial(n, 1 - p), P(n - B <= n - u) <= side.
     */
    const uint64_t from_end = first_above(n, 1 - p, side);
    if (l < 1 || from_end < 1)
        return interval;
    const uint64_t u = n - from_end + 1;
    LT_ASSERT(l <= u && u <= n);
    return (lt_interval){.known = true, .low = sorted[l - 1], .high = sorted[u - 1]};
}

uint64_t lt_quantile_n_needed(double p)
{
    const double side = (1 - LT_CONFIDENCE) / 2, end = fmin(p, 1 - p);
    return (uint64_t)ceil(log(side) / log1p(-end));
}

double lt_worst_mean(const double *sorted, uint64_t n, double q, uint64_t *count)
{
    LT_ASSERT(n > 0);
    uint64_t worst = (uint64_t)floor((double)n * q);
    if (worst < 1)
        worst = 1;
    double sum = 0;
    for (uint64_t i = 0; i < worst; i++)
        sum += sorted[i];
    *count = worst;
    return sum / (double)worst;
}
