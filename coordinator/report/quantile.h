/* Quantiles and the mean of the worst, of ascending values. */
#ifndef LT_REPORT_QUANTILE_H
#define LT_REPORT_QUANTILE_H

#include "coordinator/report/interval.h"

/* Type 7 of Hyndman and Fan (1996), R's and NumPy's default. sorted[n] ascends, n > 0. */
double lt_quantile(const double *sorted, uint64_t n, double p);

/* Distribution-free 95 % interval between two order statistics (David and Nagaraja 2003, 7.1):
 * the closest ranks l and u with P(B < l) <= 2.5 % and P(B >= u) <= 2.5 %, B ~ Binomial(n, p). Not
 * known where no such rank exists ("n too small"). */
lt_interval lt_quantile_interval(const double *sorted, uint64_t n, double p);

/* The least n at which lt_quantile_interval knows both ends: 368 for 1 %, 72 for 5 %. */
uint64_t lt_quantile_n_needed(double p);

/* Mean of the floor(n q) lowest values, at least one (the expected shortfall at q). */
double lt_worst_mean(const double *sorted, uint64_t n, double q, uint64_t *count);

#endif
