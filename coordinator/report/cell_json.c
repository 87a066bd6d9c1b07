#include "coordinator/report/cell_json.h"

#include <string.h>

#include "common/row.h"
#include "coordinator/report/json.h"

static void add_interval(lt_buf *out, const char *low, const char *high,
                         const lt_interval *interval)
{
    lt_json_put_double_if(out, low, interval->known, interval->low);
    lt_json_put_double_if(out, high, interval->known, interval->high);
}

/* The fields of a rate, without braces. */
static void add_rate_fields(lt_buf *out, const lt_rate *rate)
{
    double bound;
    lt_json_put_uint(out, "count", rate->count);
    lt_json_put_uint(out, "n", rate->n);
    lt_json_put_double_if(out, "rate", rate->n > 0, rate->rate);
    add_interval(out, "low", "high", &rate->interval);
    if (lt_rule_of_three(rate, &bound))
        lt_json_put_double(out, "rule_of_three", bound);
}

static void add_rate(lt_buf *out, const char *key, const lt_rate *rate)
{
    lt_json_put_open(out, key, '{');
    add_rate_fields(out, rate);
    lt_json_close(out, '}');
}

void lt_confusion_json(const lt_confusion *confusion, lt_buf *out)
{
    lt_json_key(out, "confusion");
    if (lt_confusion_n(confusion) == 0) {
        lt_json_null(out);
        return;
    }
    lt_json_open(out, '{');
    lt_json_put_uint(out, "n", lt_confusion_n(confusion));
    lt_json_put_open(out, "kinds", '[');
    for (int k = 0; k < LT_KIND_COUNT; k++)
        lt_json_string(out, lt_kind_word((lt_kind)k));
    lt_json_close(out, ']');
    lt_json_put_open(out, "counts", '['); /* [human][classifier] */
    for (int human = 0; human < LT_KIND_COUNT; human++) {
        lt_json_open(out, '[');
        for (int k = 0; k < LT_KIND_COUNT; k++)
            lt_json_uint(out, confusion->counts[human][k]);
        lt_json_close(out, ']');
    }
    lt_json_close(out, ']');
    const lt_rate sensitivity = lt_sensitivity(confusion), specificity = lt_specificity(confusion),
                  accuracy = lt_accuracy(confusion);
    add_rate(out, "sensitivity", &sensitivity);
    add_rate(out, "specificity", &specificity);
    add_rate(out, "accuracy", &accuracy);
    double kappa = 0;
    const bool known = lt_kappa(confusion, &kappa);
    lt_json_put_double_if(out, "kappa", known, kappa);
    lt_json_close(out, '}');
}

static void add_account(const lt_cell *cell, lt_buf *out)
{
    lt_json_put_uint(out, "expected", cell->expected);
    lt_json_put_uint(out, "scored", cell->scored);
    lt_json_put_uint(out, "failed", cell->failed);
    lt_json_put_open(out, "failed_by", '{');
    for (int reason = 0; reason < LT_CELL_REASONS_MAX; reason++)
        if (cell->failed_by[reason])
            lt_json_put_uint(out, lt_failure_word((Lefttail__FailureReason)reason),
                             cell->failed_by[reason]);
    lt_json_close(out, '}');
    lt_json_put_uint(out, "missing", cell->missing);
    lt_json_put_uint(out, "pending", cell->pending);
    lt_json_put_uint(out, "unmatched", cell->unmatched);
    lt_json_put_uint(out, "truncated", cell->truncated);
    lt_json_put_uint(out, "n", cell->scored);
}

static void add_mean_fields(lt_buf *out, const lt_mean *mean)
{
    lt_json_put_double_if(out, "mean", mean->n > 0, mean->mean);
    add_interval(out, "mean_low", "mean_high", &mean->interval);
}

static void add_histogram(lt_buf *out, const char *key, const lt_bins *bins,
                          const lt_histogram *histogram)
{
    lt_json_key(out, key);
    if (bins->count == 0) {
        lt_json_null(out);
        return;
    }
    lt_json_open(out, '{');
    lt_json_put_double(out, "first", bins->first);
    lt_json_put_double(out, "step", bins->step);
    lt_json_put_open(out, "counts", '[');
    for (uint32_t i = 0; i < bins->count; i++)
        lt_json_uint(out, histogram->counts[i]);
    lt_json_close(out, ']');
    lt_json_put_open(out, "tail", '[');
    for (uint32_t i = 0; i < bins->count; i++)
        lt_json_uint(out, histogram->tail[i]);
    lt_json_close(out, ']');
    lt_json_close(out, '}');
}

static void add_quantiles(const lt_numbers *numbers, lt_buf *out)
{
    lt_json_put_open(out, "quantiles", '[');
    for (int q = 0; q < LT_QUANTILE_COUNT; q++) {
        lt_json_open(out, '{');
        lt_json_put_double(out, "q", lt_quantiles[q]);
        lt_json_put_double_if(out, "value", numbers->n > 0, numbers->quantile[q]);
        add_interval(out, "low", "high", &numbers->quantile_interval[q]);
        lt_json_put_uint(out, "n", numbers->n);
        lt_json_put_uint(out, "n_needed", lt_quantile_n_needed(lt_quantiles[q]));
        lt_json_close(out, '}');
    }
    lt_json_close(out, ']');
    lt_json_put_open(out, "worst", '[');
    for (int w = 0; w < LT_WORST_COUNT; w++) {
        lt_json_open(out, '{');
        lt_json_put_double(out, "q", lt_worsts[w]);
        lt_json_put_uint(out, "count", numbers->worst_count[w]);
        lt_json_put_double_if(out, "mean", numbers->n > 0, numbers->worst[w]);
        lt_json_close(out, '}');
    }
    lt_json_close(out, ']');
}

static void add_reward(const lt_numbers *numbers, lt_buf *out)
{
    add_mean_fields(out, &numbers->mean);
    lt_json_put_open(out, "interval", '{');
    lt_json_put_string(out, "method", lt_mean_method_word(numbers->mean.method));
    lt_json_put_uint(out, "clusters", numbers->mean.clusters);
    lt_json_put_double_if(out, "standard_error", numbers->mean.interval.known,
                          numbers->mean.standard_error);
    lt_json_close(out, '}');
    lt_json_put_open(out, "raw", '{');
    add_mean_fields(out, &numbers->raw);
    lt_json_close(out, '}');
    lt_json_key(out, "tail");
    if (numbers->has_threshold) {
        lt_json_open(out, '{');
        lt_json_put_double(out, "threshold", numbers->threshold);
        add_rate_fields(out, &numbers->tail);
        lt_json_close(out, '}');
    } else {
        lt_json_null(out);
    }
    add_quantiles(numbers, out);
    add_histogram(out, "histogram", &numbers->bins, &numbers->histogram);
    add_histogram(out, "raw_histogram", &numbers->raw_bins, &numbers->raw_histogram);
}

static void add_classifier(const lt_numbers *numbers, bool legitimate, lt_buf *out)
{
    static const lt_kind order[] = {LT_KIND_CAPABILITY, LT_KIND_COMPLIANCE};
    const lt_mean none = {0};
    add_mean_fields(out, &none);
    lt_json_put_open(out, "refusals", '{');
    lt_json_put_uint(out, "n", numbers->n);
    lt_json_put_string(out, "name", legitimate ? "false_refusal" : "refusal");
    add_rate(out, "full", &numbers->kinds[LT_KIND_FULL]);
    add_rate(out, "partial", &numbers->kinds[LT_KIND_PARTIAL]);
    add_rate(out, "any", &numbers->any);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        add_rate(out, lt_kind_word(order[i]), &numbers->kinds[order[i]]);
    lt_json_put_double_if(out, "corrected_any", numbers->has_corrected, numbers->corrected);
    lt_json_close(out, '}');
    lt_confusion_json(&numbers->confusion, out);
}

static void add_change(lt_buf *out, const char *key, const lt_rate_change *change)
{
    lt_json_put_open(out, key, '{');
    lt_json_put_double_if(out, "difference", change->discordant.pairs > 0, change->difference);
    lt_json_put_uint(out, "gained", change->discordant.gained);
    lt_json_put_uint(out, "lost", change->discordant.lost);
    lt_json_put_double_if(out, "p", change->discordant.pairs > 0, change->p);
    lt_json_put_double_if(out, "p_holm", change->discordant.pairs > 0, change->p_holm);
    lt_json_close(out, '}');
}

static void add_against(const lt_numbers *numbers, const char *baseline, lt_buf *out)
{
    if (!numbers->has_comparison) {
        lt_json_put_null(out, "against");
        return;
    }
    const lt_comparison *against = &numbers->against;
    lt_json_put_open(out, "against", '{');
    lt_json_put_string(out, "baseline", baseline);
    lt_json_put_uint(out, "pairs", against->pairs);
    if (numbers->cell->reward) {
        const lt_mean *difference = &against->difference;
        lt_json_put_open(out, "mean", '{');
        lt_json_put_double_if(out, "difference", difference->n > 0, difference->mean);
        add_interval(out, "low", "high", &difference->interval);
        lt_json_put_string(out, "method", lt_mean_method_word(difference->method));
        lt_json_put_uint(out, "clusters", difference->clusters);
        lt_json_put_double_if(out, "p", difference->interval.known, difference->p);
        lt_json_put_double_if(out, "p_holm", difference->interval.known, against->p_holm);
        lt_json_close(out, '}');
        lt_json_put_uint(out, "higher", against->higher);
        lt_json_put_uint(out, "lower", against->lower);
        lt_json_put_double_if(out, "shift", against->pairs > 0, against->shift);
        if (numbers->has_threshold)
            add_change(out, "tail", &against->tail);
    } else {
        add_change(out, "full", &against->full);
        add_change(out, "any", &against->any);
    }
    lt_json_close(out, '}');
}

static bool is_legitimate(const char *role)
{
    return strcmp(role, "helpfulness") == 0 || strcmp(role, "borderline") == 0;
}

void lt_cell_json(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out)
{
    const Lefttail__Manifest *manifest = cells->manifest;
    const lt_cell *cell = numbers->cell;
    const Lefttail__PromptSet *set = manifest->sets[cell->set];
    lt_json_newline(out);
    lt_json_open(out, '{');
    lt_json_put_string(out, "variant", manifest->variants[cell->variant]->name);
    lt_json_put_string(out, "set", set->name);
    lt_json_put_string(out, "role", set->role);
    lt_json_put_string(out, "scorer", manifest->scorers[cell->scorer]->name);
    lt_json_put_string(out, "kind", cell->reward ? "reward" : "classifier");
    add_account(cell, out);
    if (cell->reward)
        add_reward(numbers, out);
    else
        add_classifier(numbers, is_legitimate(set->role), out);
    add_against(numbers, manifest->variants[cells->baseline]->name, out);
    lt_json_close(out, '}');
}
