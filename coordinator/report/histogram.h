/* Bins that all variants of one (set, scorer) share. */
#ifndef LT_REPORT_HISTOGRAM_H
#define LT_REPORT_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#define LT_BINS_MAX 64

/* Bin i holds first + i * step <= value < first + (i + 1) * step; the last one its upper edge too.
 */
typedef struct lt_bins {
    double first, step;
    uint32_t count; /* 0: no values */
} lt_bins;

/* Bins over [low, high] with a step of 1, 2 or 5 times a power of ten, edges at multiples of
 * it, 20 to 52 of them. */
lt_bins lt_bins_over(double low, double high);

typedef struct lt_histogram {
    uint64_t counts[LT_BINS_MAX];
    uint64_t tail[LT_BINS_MAX]; /* of counts, those in the tail */
} lt_histogram;

void lt_histogram_add(lt_histogram *histogram, const lt_bins *bins, double value, bool in_tail);

#endif
