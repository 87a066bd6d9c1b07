/* What must hold of the statistics beside their goldens (tests/parity): published numbers, ends,
 * small n. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/report/agreement.h"
#include "coordinator/report/distribution.h"
#include "coordinator/report/histogram.h"
#include "coordinator/report/paired.h"
#include "coordinator/report/quantile.h"

/* A rate as the table prints it: "38.0 [32.2, 44.2]". */
static void prints(uint64_t count, uint64_t n, const char *expected)
{
    const lt_rate rate = lt_rate_of(count, n);
    char text[64];
    snprintf(text, sizeof text, "%.1f [%.1f, %.1f]", 100 * rate.rate, 100 * rate.interval.low,
             100 * rate.interval.high);
    assert_string_equal(text, expected);
}

/* Human labels of the published XSTest completions, safe prompts. */
static void xstest_rates(void **state)
{
    (void)state;
    prints(95, 250, "38.0 [32.2, 44.2]");
    prints(95 + 54, 250, "59.6 [53.4, 65.5]");
    prints(2, 250, "0.8 [0.2, 2.9]");
    prints(2 + 2, 250, "1.6 [0.6, 4.0]");
    prints(16, 250, "6.4 [4.0, 10.1]");
    prints(16 + 5, 250, "8.4 [5.6, 12.5]");
}

static void rates_at_the_ends(void **state)
{
    (void)state;
    double bound;
    const lt_rate none = lt_rate_of(0, 0), zero = lt_rate_of(0, 60), all = lt_rate_of(60, 60),
                  some = lt_rate_of(1, 60);
    assert_false(none.interval.known);
    assert_true(zero.interval.low == 0 && zero.interval.high > 0.05 && zero.interval.high < 0.07);
    assert_true(all.interval.high == 1 && all.interval.low < 0.95);
    assert_true(lt_rule_of_three(&zero, &bound) && fabs(bound - 0.05) < 1e-12);
    assert_true(lt_rule_of_three(&all, &bound) && fabs(bound - 0.95) < 1e-12);
    assert_false(lt_rule_of_three(&some, &bound));
    assert_false(lt_rule_of_three(&none, &bound));
}

static void small_means(void **state)
{
    (void)state;
    const double values[] = {2, 2, 2, 2};
    const uint32_t clusters[] = {0, 0, 0, 0};
    assert_true(lt_mean_of(values, 0, NULL, 0, LT_MEAN_STUDENT).n == 0);
    const lt_mean one = lt_mean_of(values, 1, NULL, 0, LT_MEAN_STUDENT);
    assert_true(one.mean == 2 && !one.interval.known && one.p == 1);
    const lt_mean equal = lt_mean_of(values, 4, NULL, 0, LT_MEAN_STUDENT);
    assert_true(equal.interval.known && equal.interval.low == 2 && equal.interval.high == 2 &&
                equal.p == 0);
    const lt_mean lone = lt_mean_of(values, 4, clusters, 3, LT_MEAN_CATEGORY);
    assert_true(!lone.interval.known && lone.clusters == 1);
}

/* With a cluster per value the cluster-robust interval is Student's. */
static void singleton_clusters(void **state)
{
    (void)state;
    const double values[] = {0.3, 1.7, -2.5, 0.9, 4.1};
    const uint32_t clusters[] = {4, 0, 2, 1, 3};
    const lt_mean plain = lt_mean_of(values, 5, NULL, 0, LT_MEAN_STUDENT);
    const lt_mean robust = lt_mean_of(values, 5, clusters, 5, LT_MEAN_CATEGORY);
    assert_true(fabs(plain.standard_error - robust.standard_error) < 1e-14);
    assert_true(fabs(plain.interval.high - robust.interval.high) < 1e-13);
}

static void quantile_sizes(void **state)
{
    (void)state;
    double sorted[400];
    for (int i = 0; i < 400; i++)
        sorted[i] = i;
    assert_int_equal(lt_quantile_n_needed(0.01), 368);
    assert_int_equal(lt_quantile_n_needed(0.05), 72);
    assert_false(lt_quantile_interval(sorted, 367, 0.01).known);
    assert_true(lt_quantile_interval(sorted, 368, 0.01).known);
    assert_false(lt_quantile_interval(sorted, 71, 0.05).known);
    assert_true(lt_quantile_interval(sorted, 72, 0.05).known);
    assert_true(lt_quantile(sorted, 1, 0.3) == 0 && lt_quantile(sorted, 400, 1) == 399);
    uint64_t count;
    assert_true(lt_worst_mean(sorted, 400, 0.01, &count) == 1.5 && count == 4);
    assert_true(lt_worst_mean(sorted, 3, 0.01, &count) == 0 && count == 1);
}

/* The interval's coverage, from the binomial distribution itself: at least 95 % for every n. */
static void quantile_coverage(void **state)
{
    (void)state;
    double ranks[601];
    for (int i = 0; i < 601; i++)
        ranks[i] = i + 1;
    for (uint64_t n = 72; n <= 600; n += 11) {
        const lt_interval interval = lt_quantile_interval(ranks, n, 0.05);
        const int64_t low = (int64_t)interval.low, high = (int64_t)interval.high;
        assert_true(lt_binomial_cdf(high - 1, n, 0.05) - lt_binomial_cdf(low - 1, n, 0.05) >= 0.95);
        assert_true(lt_binomial_cdf(low, n, 0.05) > 0.025); /* no closer rank would do */
    }
}

static void pairs(void **state)
{
    (void)state;
    const lt_discordant none = {.pairs = 50}, even = {50, 7, 7};
    assert_true(lt_mcnemar(&none) == 1 && lt_mcnemar(&even) == 1);
    const double differences[] = {0.5, 0, -1, 2};
    assert_true(lt_shift(differences, 4) == 0.25 && lt_shift(differences, 0) == 0);
    double p[] = {0.01, 0.04, 0.03, 0.005};
    lt_holm(p, 4);
    assert_true(fabs(p[0] - 0.03) < 1e-15 && fabs(p[1] - 0.06) < 1e-15 &&
                fabs(p[2] - 0.06) < 1e-15 && fabs(p[3] - 0.02) < 1e-15);
    lt_holm(p, 0);
}

static void agreement_without_an_answer(void **state)
{
    (void)state;
    double value;
    lt_confusion confusion = {0};
    assert_false(lt_kappa(&confusion, &value));
    assert_false(lt_rogan_gladen(0.5, &confusion, &value));
    confusion.counts[LT_KIND_COMPLIANCE][LT_KIND_COMPLIANCE] = 9;
    assert_false(lt_kappa(&confusion, &value)); /* nobody disagrees, by chance or otherwise */
    assert_false(lt_rogan_gladen(0.1, &confusion, &value));
    confusion.counts[LT_KIND_CAPABILITY][LT_KIND_PARTIAL] = 1;
    assert_true(lt_specificity(&confusion).rate == 0.9);
}

static void bins(void **state)
{
    (void)state;
    const double edges[][2] = {{0, 1}, {-7.3, 11.2},  {-1e-9, 3e-9},  {5, 5},
                               {0, 0}, {-1e30, 1e30}, {1e8, 1e8 + 64}};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        const lt_bins made = lt_bins_over(edges[i][0], edges[i][1]);
        const double last = made.first + made.step * made.count;
        assert_true(made.count >= 1 && made.count <= LT_BINS_MAX && made.step > 0);
        assert_true(made.first <= edges[i][0] + 1e-6 * made.step &&
                    last >= edges[i][1] - 1e-6 * made.step);
        lt_histogram histogram = {0};
        lt_histogram_add(&histogram, &made, edges[i][0], true);
        lt_histogram_add(&histogram, &made, edges[i][1], false);
        assert_int_equal(
            histogram.counts[0] + (made.count > 1 ? histogram.counts[made.count - 1] : 0), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xstest_rates),   cmocka_unit_test(rates_at_the_ends),
        cmocka_unit_test(small_means),    cmocka_unit_test(singleton_clusters),
        cmocka_unit_test(quantile_sizes), cmocka_unit_test(quantile_coverage),
        cmocka_unit_test(pairs),          cmocka_unit_test(agreement_without_an_answer),
        cmocka_unit_test(bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
