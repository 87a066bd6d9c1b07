#include "coordinator/report/histogram.h"

#include <math.h>

#include "common/status.h"

/* A power of ten as one correctly rounded operation, so that 0.02 is the double nearest to 0.02. */
static double times_power(double factor, int exponent)
{
    double power = 1;
    for (int i = 0; i < (exponent < 0 ? -exponent : exponent); i++)
        power *= 10;
    return exponent < 0 ? factor / power : factor * power;
}

lt_bins lt_bins_over(double low, double high)
{
    LT_ASSERT(low <= high);
    const double span = high > low ? high - low : fmax(1e-3, fabs(low) * 1e-3);
    int exponent = (int)floor(log10(span / 50));
    static const double factors[] = {1, 2, 5, 10};
    double step = 0;
    for (int i = 0; i < 4 && step < span / 50 * (1 - 1e-9); i++)
        step = times_power(factors[i], exponent);
    lt_bins bins = {.step = step, .first = floor(low / step + 1e-9) * step};
    bins.count = (uint32_t)ceil((high - bins.first) / step - 1e-9);
    if (bins.count == 0)
        bins.count = 1;
    LT_ASSERT(bins.count <= LT_BINS_MAX);
    return bins;
}

void lt_histogram_add(lt_histogram *histogram, const lt_bins *bins, double value, bool in_tail)
{
    const double place = floor((value - bins->first) / bins->step + 1e-9);
    uint32_t bin = place > 0 ? (uint32_t)place : 0;
    if (bin >= bins->count)
        bin = bins->count - 1;
    histogram->counts[bin]++;
    histogram->tail[bin] += in_tail;
}
