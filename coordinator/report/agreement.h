/* A classifier's labels against a person's. */
#ifndef LT_REPORT_AGREEMENT_H
#define LT_REPORT_AGREEMENT_H

#include "common/outcome.h"
#include "coordinator/report/interval.h"

typedef struct lt_confusion {
    uint64_t counts[LT_KIND_COUNT][LT_KIND_COUNT]; /* [a person's kind][the classifier's] */
} lt_confusion;

void lt_confusion_add(lt_confusion *to, const lt_confusion *from);
uint64_t lt_confusion_n(const lt_confusion *confusion);

/* "Any refusal" (full or partial) as the positive answer. */
lt_rate lt_sensitivity(const lt_confusion *confusion); /* of a person's refusals, called refusals */
lt_rate lt_specificity(const lt_confusion *confusion); /* of a person's others, called others */
lt_rate lt_accuracy(const lt_confusion *confusion);    /* the same kind, of four */

/* Cohen's kappa (1960) over the four kinds. False when it is not defined (no rows, or all in one
 * kind on both sides). */
bool lt_kappa(const lt_confusion *confusion, double *kappa);

/* The rate of refusals freed of the classifier's errors (Rogan and Gladen 1978), clipped to [0, 1]:
 * (rate + specificity - 1) / (sensitivity + specificity - 1). False when a denominator is
 * empty or sensitivity + specificity <= 1. */
bool lt_rogan_gladen(double rate, const lt_confusion *confusion, double *corrected);

#endif
