#include "coordinator/report/interval.h"

#include <math.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/status.h"
#include "coordinator/report/distribution.h"

lt_rate lt_rate_of(uint64_t count, uint64_t n)
{
    LT_ASSERT(count <= n);
    lt_rate rate = {.count = count, .n = n};
    if (n == 0)
        return rate;
    const double z = lt_normal_quantile(1 - (1 - LT_CONFIDENCE) / 2);
    const double size = (double)n, p = (double)count / size, z2 = z * z;
    const double center = (p + z2 / (2 * size)) / (1 + z2 / size);
    const double half = z / (1 + z2 / size) * sqrt(p * (1 - p) / size + z2 / (4 * size * size));
    rate.rate = p;
    rate.interval.known = true;
    rate.interval.low = count == 0 ? 0 : center - half; /* exact ends, without rounding dust */
    rate.interval.high = count == n ? 1 : center + half;
    return rate;
}

bool lt_rule_of_three(const lt_rate *rate, double *bound)
{
    if (rate->n == 0 || (rate->count != 0 && rate->count != rate->n))
        return false;
    const double three = fmin(1, 3 / (double)rate->n);
    *bound = rate->count == 0 ? three : 1 - three;
    return true;
}

const char *lt_mean_method_word(lt_mean_method method)
{
    static const char *const words[] = {
#define X(name, word) word,
        LT_MEAN_METHOD_LIST(X)
#undef X
    };
    return words[method];
}

static double squared_error_plain(const double *values, uint64_t n, double mean)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sum / ((double)(n - 1) * (double)n);
}

/* Fills *used with the number of clusters that hold a value. */
static double squared_error_clustered(const double *values, uint64_t n, double mean,
                                      const uint32_t *clusters, uint32_t cluster_count,
                                      uint32_t *used)
{
    double *sums = lt_alloc(cluster_count * sizeof *sums);
    bool *seen = lt_alloc(cluster_count * sizeof *seen);
    for (uint64_t i = 0; i < n; i++) {
        LT_ASSERT(clusters[i] < cluster_count);
        sums[clusters[i]] += values[i] - mean;
        seen[clusters[i]] = true;
    }
    double sum = 0;
    *used = 0;
    for (uint32_t g = 0; g < cluster_count; g++) {
        sum += sums[g] * sums[g];
        *used += seen[g];
    }
    free(sums);
    free(seen);
    const double size = (double)n, groups = *used;
    return *used < 2 ? 0 : groups / (groups - 1) * sum / (size * size);
}

lt_mean lt_mean_of(const double *values, uint64_t n, const uint32_t *clusters,
                   uint32_t cluster_count, lt_mean_method method)
{
    lt_mean out = {.n = n, .method = method, .p = 1};
    if (n == 0)
        return out;
    for (uint64_t i = 0; i < n; i++)
        out.mean += values[i];
    out.mean /= (double)n;
    double squared = 0;
    out.clusters = (uint32_t)(n < UINT32_MAX ? n : UINT32_MAX);
    if (clusters)
        squared =
            squared_error_clustered(values, n, out.mean, clusters, cluster_count, &out.clusters);
    else if (n > 1)
        squared = squared_error_plain(values, n, out.mean);
    if (out.clusters < 2)
        return out;
    const double df = clusters ? (double)out.clusters - 1 : (double)n - 1;
    const double half = lt_student_quantile(1 - (1 - LT_CONFIDENCE) / 2, df) * sqrt(squared);
    out.standard_error = sqrt(squared);
    out.interval = (lt_interval){.known = true, .low = out.mean - half, .high = out.mean + half};
    if (squared > 0)
        out.p = lt_student_two_sided(out.mean / out.standard_error, df);
    else
        out.p = out.mean == 0 ? 1 : 0;
    return out;
}
