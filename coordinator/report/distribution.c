#include "coordinator/report/distribution.h"

#include <math.h>

#include "common/status.h"

static double log_gamma(double x)
{
    int sign; /* lgamma_r: lgamma writes a global */
    return lgamma_r(x, &sign);
}

/* The continued fraction of DLMF 8.17.22 by the modified Lentz method; fast for
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double f = d;
    for (int m = 1; m < 100000; m++) {
        const double steps[2] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                                 -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double change = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + steps[i] * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + steps[i] / c;
            c = fabs(c) < tiny ? tiny : c;
            f *= change = c * d;
        }
        if (fabs(change - 1) < 1e-16)
            break;
    }
    return f;
}

double lt_beta_regularized(double a, double b, double x)
{
    LT_ASSERT(a > 0 && b > 0);
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    if (x > (a + 1) / (a + b + 2))
        return 1 - lt_beta_regularized(b, a, 1 - x);
    const double log_front =
        log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x);
    return exp(log_front) * beta_fraction(a, b, x) / a;
}

double lt_binomial_cdf(int64_t k, uint64_t n, double p)
{
    if (k < 0)
        return 0;
    if ((uint64_t)k >= n)
        return 1;
    return lt_beta_regularized((double)(n - (uint64_t)k), (double)k + 1, 1 - p);
}

double lt_normal_quantile(double p)
{
    LT_ASSERT(p > 0 && p < 1);
    if (p > 0.5)
        return -lt_normal_quantile(1 - p);
    double low = -40, high = 0; /* Phi(-40) is below every double p > 0 in use */
    for (int i = 0; i < 200 && low < high; i++) {
        const double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high)
            break;
        if (0.5 * erfc(-middle / sqrt(2.0)) < p)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

/* Cornish-Fisher expansion in 1/df (Abramowitz and Stegun 26.7.5): the first term left out is
 * below 1e-11 for df > 1000, where the incomplete beta function starts to lose digits. */
static double student_quantile_wide(double z, double df)
{
    const double z2 = z * z;
    const double g1 = z * (z2 + 1) / 4;
    const double g2 = z * (3 + z2 * (16 + z2 * 5)) / 96;
    const double g3 = z * (-15 + z2 * (17 + z2 * (19 + z2 * 3))) / 384;
    const double g4 = z * (-945 + z2 * (-1920 + z2 * (1482 + z2 * (776 + z2 * 79)))) / 92160;
    return z + (g1 + (g2 + (g3 + g4 / df) / df) / df) / df;
}

double lt_student_quantile(double p, double df)
{
    LT_ASSERT(p > 0 && p < 1 && df >= 1);
    if (p < 0.5)
        return -lt_student_quantile(1 - p, df);
    if (df > 1000)
        return student_quantile_wide(lt_normal_quantile(p), df);
    const double outside = 2 * (1 - p);
    double low = 0, high = 1;
    while (lt_student_two_sided(high, df) > outside)
        high *= 2;
    for (int i = 0; i < 200; i++) {
        const double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high)
            break;
        if (lt_student_two_sided(middle, df) > outside)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

double lt_student_two_sided(double t, double df)
{
    LT_ASSERT(df >= 1);
    return lt_beta_regularized(df / 2, 0.5, df / (df + t * t));
}
