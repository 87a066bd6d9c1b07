/* One variant against another on the same prompts. */
#ifndef LT_REPORT_PAIRED_H
#define LT_REPORT_PAIRED_H

#include <stdint.h>

/* The pairs whose outcomes differ. */
typedef struct lt_discordant {
    uint64_t pairs;  /* all pairs */
    uint64_t gained; /* no under the baseline, yes under the variant */
    uint64_t lost;   /* yes under the baseline, no under the variant */
} lt_discordant;

/* Exact McNemar test, two-sided: twice the binomial tail of the rarer direction among the
 * discordant pairs, at most 1 (McNemar 1947; the exact form of Liddell 1983). No discordant
 * pair: 1. */
double lt_mcnemar(const lt_discordant *discordant);

/* P(new > old) - P(new < old) over n pairs of differences new - old; 0 for n = 0. */
double lt_shift(const double *differences, uint64_t n);

/* Holm's step-down adjustment (Holm 1979) of p[count] in place. */
void lt_holm(double *p, uint32_t count);

#endif
