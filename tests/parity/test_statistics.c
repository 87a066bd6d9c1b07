/* The report's statistics against SciPy, statsmodels and NumPy: 1e-9, relative or absolute. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/buf.h"
#include "coordinator/report/agreement.h"
#include "coordinator/report/distribution.h"
#include "coordinator/report/paired.h"
#include "coordinator/report/quantile.h"

static json_t *goldens;

static void same(double got, double expected)
{
    const double bound = 1e-9 * fmax(1, fabs(expected));
    if (fabs(got - expected) > bound)
        fail_msg("got %.17g, expected %.17g", got, expected);
}

/* Small probabilities count relatively. */
static void same_relative(double got, double expected)
{
    if (fabs(got - expected) > 1e-9 * fabs(expected) + 1e-300)
        fail_msg("got %.17g, expected %.17g", got, expected);
}

static double at(const json_t *array, size_t index)
{
    return json_number_value(json_array_get(array, index));
}

static double of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static double *numbers(const json_t *array)
{
    double *values = lt_alloc((json_array_size(array) + 1) * sizeof *values);
    for (size_t i = 0; i < json_array_size(array); i++)
        values[i] = at(array, i);
    return values;
}

#define EACH(name)                                                                                 \
    size_t i_;                                                                                     \
    json_t *c;                                                                                     \
    json_array_foreach(json_object_get(goldens, name), i_, c)

static void distributions(void **state)
{
    (void)state;
    {
        EACH("beta") same_relative(lt_beta_regularized(at(c, 0), at(c, 1), at(c, 2)), at(c, 3));
    }
    {
        EACH("binomial")
        same_relative(lt_binomial_cdf((int64_t)at(c, 0), (uint64_t)at(c, 1), at(c, 2)), at(c, 3));
    }
    {
        EACH("normal") same(lt_normal_quantile(at(c, 0)), at(c, 1));
    }
    {
        EACH("student") same_relative(lt_student_quantile(at(c, 0), at(c, 1)), at(c, 2));
    }
    EACH("two_sided") same_relative(lt_student_two_sided(at(c, 0), at(c, 1)), at(c, 2));
}

static void wilson(void **state)
{
    (void)state;
    EACH("wilson")
    {
        const lt_rate rate = lt_rate_of((uint64_t)at(c, 0), (uint64_t)at(c, 1));
        assert_true(rate.interval.known);
        same(rate.interval.low, at(c, 2));
        same(rate.interval.high, at(c, 3));
    }
}

static void means(void **state)
{
    (void)state;
    EACH("mean")
    {
        json_t *list = json_object_get(c, "values");
        double *values = numbers(list);
        const lt_mean mean = lt_mean_of(values, json_array_size(list), NULL, 0, LT_MEAN_STUDENT);
        same(mean.mean, of(c, "mean"));
        same(mean.interval.low, of(c, "low"));
        same(mean.interval.high, of(c, "high"));
        same(mean.p, of(c, "p"));
        free(values);
    }
}

static void clustered_means(void **state)
{
    (void)state;
    EACH("clustered")
    {
        json_t *list = json_object_get(c, "values"), *groups = json_object_get(c, "clusters");
        const size_t n = json_array_size(list);
        double *values = numbers(list);
        uint32_t *clusters = lt_alloc(n * sizeof *clusters);
        for (size_t i = 0; i < n; i++)
            clusters[i] = (uint32_t)at(groups, i);
        const lt_mean mean =
            lt_mean_of(values, n, clusters, (uint32_t)of(c, "count"), LT_MEAN_CATEGORY);
        assert_int_equal(mean.clusters, (uint32_t)of(c, "count"));
        same(mean.mean, of(c, "mean"));
        same(mean.standard_error, of(c, "se"));
        same(mean.interval.low, of(c, "low"));
        same(mean.interval.high, of(c, "high"));
        same(mean.p, of(c, "p"));
        free(values);
        free(clusters);
    }
}

static void quantiles(void **state)
{
    (void)state;
    EACH("quantile")
    {
        json_t *list = json_object_get(c, "sorted"), *q;
        const size_t n = json_array_size(list);
        double *sorted = numbers(list);
        size_t k;
        json_array_foreach(json_object_get(c, "quantiles"), k, q)
        {
            const double p = of(q, "p");
            json_t *interval = json_object_get(q, "interval");
            const lt_interval got = lt_quantile_interval(sorted, n, p);
            same(lt_quantile(sorted, n, p), of(q, "value"));
            assert_int_equal(got.known, json_is_array(interval));
            if (got.known) {
                same(got.low, at(interval, 0));
                same(got.high, at(interval, 1));
            }
        }
        json_array_foreach(json_object_get(c, "worst"), k, q)
        {
            uint64_t count;
            same(lt_worst_mean(sorted, n, at(q, 0), &count), at(q, 1));
        }
        free(sorted);
    }
}

static void paired_tests(void **state)
{
    (void)state;
    {
        EACH("mcnemar")
        {
            const lt_discordant discordant = {.gained = (uint64_t)at(c, 0),
                                              .lost = (uint64_t)at(c, 1)};
            same_relative(lt_mcnemar(&discordant), at(c, 2));
        }
    }
    EACH("holm")
    {
        json_t *adjusted = json_object_get(c, "adjusted");
        double *p = numbers(json_object_get(c, "p"));
        lt_holm(p, (uint32_t)json_array_size(adjusted));
        for (size_t i = 0; i < json_array_size(adjusted); i++)
            same_relative(p[i], at(adjusted, i));
        free(p);
    }
}

static void agreement(void **state)
{
    (void)state;
    EACH("agreement")
    {
        lt_confusion confusion = {0};
        for (size_t h = 0; h < LT_KIND_COUNT; h++)
            for (size_t k = 0; k < LT_KIND_COUNT; k++)
                confusion.counts[h][k] =
                    (uint64_t)at(json_array_get(json_object_get(c, "counts"), h), k);
        double value;
        same(lt_sensitivity(&confusion).rate, of(c, "sensitivity"));
        same(lt_specificity(&confusion).rate, of(c, "specificity"));
        assert_true(lt_kappa(&confusion, &value));
        same(value, of(c, "kappa"));
        assert_true(lt_rogan_gladen(of(c, "rate"), &confusion, &value));
        same(value, of(c, "corrected"));
    }
}

int main(void)
{
    json_error_t error;
    goldens = json_load_file(LT_SOURCE_DIR "/tests/parity/statistics/goldens.json", 0, &error);
    if (!goldens) {
        printf("goldens.json: %s\n", error.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions), cmocka_unit_test(wilson),
        cmocka_unit_test(means),         cmocka_unit_test(clustered_means),
        cmocka_unit_test(quantiles),     cmocka_unit_test(paired_tests),
        cmocka_unit_test(agreement),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(goldens);
    return failed;
}
