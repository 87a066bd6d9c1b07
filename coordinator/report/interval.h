/* 95 % intervals of rates and means. */
#ifndef LT_REPORT_INTERVAL_H
#define LT_REPORT_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

#define LT_CONFIDENCE 0.95

typedef struct lt_interval {
    bool known; /* false: there is none at this n; low and high are 0 */
    double low, high;
} lt_interval;

/* k of n, with Wilson's score interval (Wilson 1927, JASA 22:209). n = 0: rate 0, not known. */
typedef struct lt_rate {
    uint64_t count, n;
    double rate;
    lt_interval interval;
} lt_rate;
lt_rate lt_rate_of(uint64_t count, uint64_t n);

/* For k = 0 the upper, for k = n the lower 95 % bound of the rule of three: 3 / n from that end
 * (Hanley and Lippman-Hand 1983). False for other k. */
bool lt_rule_of_three(const lt_rate *rate, double *bound);

/* How the standard error of a mean was made. */
#define LT_MEAN_METHOD_LIST(X)                                                                     \
    X(STUDENT, "student_t")         /* independent values */                                       \
    X(CATEGORY, "cluster_category") /* cluster-robust, clusters are the prompts' categories */     \
    X(PROMPT, "cluster_prompt")     /* cluster-robust, clusters are prompts (several samples) */
typedef enum lt_mean_method {
#define X(name, word) LT_MEAN_##name,
    LT_MEAN_METHOD_LIST(X)
#undef X
} lt_mean_method;
const char *lt_mean_method_word(lt_mean_method method);

typedef struct lt_mean {
    uint64_t n;
    uint32_t clusters; /* with values in them; n for STUDENT */
    lt_mean_method method;
    double mean;           /* 0 when n = 0 */
    double standard_error; /* 0 when not interval.known */
    lt_interval interval;  /* known from two values, or two clusters, on */
    double p;              /* two-sided, of mean = 0; 1 when not interval.known */
} lt_mean;

/* Mean of values[n] with Student's t on n - 1 degrees of freedom, or, with clusters != NULL
 * (clusters[i] < cluster_count), the cluster-robust standard error (Liang and Zeger 1986) se^2 = G
 * / (G - 1) * sum over clusters of (sum of residuals)^2 / n^2 on G - 1 degrees of freedom, G the
 * clusters that occur. With one cluster there is no interval. */
lt_mean lt_mean_of(const double *values, uint64_t n, const uint32_t *clusters,
                   uint32_t cluster_count, lt_mean_method method);

#endif
