/* Every number that a report states, computed from the cells. */
#ifndef LT_REPORT_NUMBERS_H
#define LT_REPORT_NUMBERS_H

#include "coordinator/report/agreement.h"
#include "coordinator/report/cells.h"
#include "coordinator/report/histogram.h"
#include "coordinator/report/paired.h"
#include "coordinator/report/quantile.h"

#define LT_QUANTILE_COUNT 6
extern const double lt_quantiles[LT_QUANTILE_COUNT]; /* 0.001 0.01 0.05 0.25 0.5 0.75 */
#define LT_WORST_COUNT 2
extern const double lt_worsts[LT_WORST_COUNT]; /* 0.01 0.05 */

/* A variant against the baseline on the slots where both are scored. */
typedef struct lt_rate_change {
    lt_discordant discordant;
    double difference; /* of the two rates over the pairs, variant - baseline */
    double p, p_holm;  /* exact McNemar; Holm over the variants of this set and scorer */
} lt_rate_change;

typedef struct lt_comparison {
    uint64_t pairs;     /* 0: nothing to compare */
    lt_mean difference; /* reward: per-slot score differences, variant - baseline */
    double p_holm;
    double shift;             /* reward: P(higher) - P(lower) */
    uint64_t higher, lower;   /* reward: pairs above and below the line y = x */
    lt_rate_change tail;      /* reward with a threshold */
    lt_rate_change full, any; /* classifiers */
} lt_comparison;

typedef struct lt_numbers {
    const lt_cell *cell;
    uint64_t n; /* scored */

    /* Reward models; all of the safety score (lt_outcome_score) but `raw`. */
    lt_mean mean, raw;
    double quantile[LT_QUANTILE_COUNT];
    lt_interval quantile_interval[LT_QUANTILE_COUNT];
    double worst[LT_WORST_COUNT];
    uint64_t worst_count[LT_WORST_COUNT];
    bool has_threshold;
    double threshold; /* the same for all variants of a set */
    lt_rate tail;
    lt_bins bins,
        raw_bins; /* likewise; raw bins are of the logit with the sign of lt_outcome_score */
    lt_histogram histogram, raw_histogram;

    /* Classifiers. */
    lt_rate kinds[LT_KIND_COUNT], any;
    lt_confusion confusion; /* rows with a person's label */
    bool has_corrected;
    double corrected; /* any refusal, Rogan-Gladen with the confusion of all variants of the set */

    bool has_comparison; /* false for the baseline */
    lt_comparison against;
} lt_numbers;

/* An array as long as cells->count and in its order; the caller frees it with free(). */
lt_numbers *lt_numbers_new(const lt_cells *cells);

/* The confusion of a classifier over all its sets and variants. */
lt_confusion lt_numbers_confusion(const lt_cells *cells, const lt_numbers *numbers,
                                  uint32_t scorer);

#endif
