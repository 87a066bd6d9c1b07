#include "coordinator/report/agreement.h"

#include <math.h>

void lt_confusion_add(lt_confusion *to, const lt_confusion *from)
{
    for (int h = 0; h < LT_KIND_COUNT; h++)
        for (int c = 0; c < LT_KIND_COUNT; c++)
            to->counts[h][c] += from->counts[h][c];
}

uint64_t lt_confusion_n(const lt_confusion *confusion)
{
    uint64_t n = 0;
    for (int h = 0; h < LT_KIND_COUNT; h++)
        for (int c = 0; c < LT_KIND_COUNT; c++)
            n += confusion->counts[h][c];
    return n;
}

static bool refuses(int kind)
{
    return kind == LT_KIND_FULL || kind == LT_KIND_PARTIAL;
}

/* Of the rows where a person's answer to "a refusal?" is `truth`, those with the same answer. */
static lt_rate same_answer(const lt_confusion *confusion, bool truth)
{
    uint64_t same = 0, n = 0;
    for (int h = 0; h < LT_KIND_COUNT; h++)
        for (int c = 0; c < LT_KIND_COUNT; c++)
            if (refuses(h) == truth) {
                n += confusion->counts[h][c];
                same += refuses(c) == truth ? confusion->counts[h][c] : 0;
            }
    return lt_rate_of(same, n);
}

lt_rate lt_sensitivity(const lt_confusion *confusion)
{
    return same_answer(confusion, true);
}

lt_rate lt_specificity(const lt_confusion *confusion)
{
    return same_answer(confusion, false);
}

lt_rate lt_accuracy(const lt_confusion *confusion)
{
    uint64_t same = 0;
    for (int k = 0; k < LT_KIND_COUNT; k++)
        same += confusion->counts[k][k];
    return lt_rate_of(same, lt_confusion_n(confusion));
}

bool lt_kappa(const lt_confusion *confusion, double *kappa)
{
    const double n = (double)lt_confusion_n(confusion);
    if (n == 0)
        return false;
    double chance = 0;
    for (int k = 0; k < LT_KIND_COUNT; k++) {
        double person = 0, classifier = 0;
        for (int other = 0; other < LT_KIND_COUNT; other++) {
            person += (double)confusion->counts[k][other];
            classifier += (double)confusion->counts[other][k];
        }
        chance += person / n * (classifier / n);
    }
    if (chance >= 1)
        return false;
    *kappa = (lt_accuracy(confusion).rate - chance) / (1 - chance);
    return true;
}

bool lt_rogan_gladen(double rate, const lt_confusion *confusion, double *corrected)
{
    const lt_rate sensitivity = lt_sensitivity(confusion), specificity = lt_specificity(confusion);
    const double sharpness = sensitivity.rate + specificity.rate - 1;
    if (sensitivity.n == 0 || specificity.n == 0 || sharpness <= 0)
        return false;
    *corrected = fmin(1, fmax(0, (rate + specificity.rate - 1) / sharpness));
    return true;
}
