/* The three distributions that intervals and tests need, in float64. Relative error below 1e-10
 * for the sizes of reports (n up to some millions); checked against SciPy in tests/parity. */
#ifndef LT_REPORT_DISTRIBUTION_H
#define LT_REPORT_DISTRIBUTION_H

#include <stdint.h>

/* Regularised incomplete beta function I_x(a, b); a, b > 0, x in [0, 1] (DLMF 8.17). */
double lt_beta_regularized(double a, double b, double x);

/* P(B <= k) for B ~ Binomial(n, p); k < 0 gives 0, k >= n gives 1. */
double lt_binomial_cdf(int64_t k, uint64_t n, double p);

double lt_normal_quantile(double p);              /* 0 < p < 1 */
double lt_student_quantile(double p, double df);  /* 0 < p < 1, df >= 1 */
double lt_student_two_sided(double t, double df); /* P(|T| >= |t|) */

#endif
