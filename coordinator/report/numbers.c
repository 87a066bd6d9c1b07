#include "coordinator/report/numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const double lt_quantiles[LT_QUANTILE_COUNT] = {0.001, 0.01, 0.05, 0.25, 0.5, 0.75};
const double lt_worsts[LT_WORST_COUNT] = {0.01, 0.05};

/* The values of one cell, slots without one left out. */
struct column {
    uint64_t n;
    double *values;     /* [n] */
    uint32_t *clusters; /* [n], or NULL where values are independent */
    uint32_t cluster_count;
    lt_mean_method method;
};

static void column_init(struct column *column, const lt_cell_set *set, size_t slot_count)
{
    memset(column, 0, sizeof *column);
    column->values = lt_alloc(slot_count * sizeof *column->values);
    if (set->category_count > 0) {
        column->method = LT_MEAN_CATEGORY;
        column->cluster_count = set->cluster_count;
    } else if (set->samples > 1) {
        column->method = LT_MEAN_PROMPT;
        column->cluster_count = (uint32_t)set->prompts;
    }
    if (column->cluster_count)
        column->clusters = lt_alloc(slot_count * sizeof *column->clusters);
}

static void column_add(struct column *column, const lt_cell_set *set, size_t slot, double value)
{
    const size_t prompt = slot / set->samples;
    if (column->method == LT_MEAN_CATEGORY)
        column->clusters[column->n] = set->categories[prompt];
    else if (column->method == LT_MEAN_PROMPT)
        column->clusters[column->n] = (uint32_t)prompt;
    column->values[column->n++] = value;
}

static lt_mean column_mean(const struct column *column)
{
    return lt_mean_of(column->values, column->n, column->clusters, column->cluster_count,
                      column->method);
}

static void column_fini(struct column *column)
{
    free(column->values);
    free(column->clusters);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double score_at(const lt_cells *cells, const lt_cell *cell, size_t slot)
{
    return lt_outcome_score(cells->manifest->scorers[cell->scorer], cell->logits[slot]);
}

/* The logit with the sign that makes higher safer. */
static double raw_at(const lt_cells *cells, const lt_cell *cell, size_t slot)
{
    const double logit = cell->logits[slot];
    return cells->manifest->scorers[cell->scorer]->higher_is_riskier ? -logit + 0.0 : logit;
}

/* ---- one set of one reward model: what its variants share ---- */

static void find_threshold(const lt_cells *cells, lt_numbers *of_set)
{
    const lt_cell *cell = of_set[cells->baseline].cell;
    const Lefttail__Tail *tail = cells->manifest->scorers[cell->scorer]->tail;
    double threshold = 0;
    bool has = false;
    if (tail && tail->has_below) {
        threshold = tail->below;
        has = true;
    } else if (tail && tail->quantile > 0 && cell->scored > 0) {
        double *sorted = lt_alloc(cell->slot_count * sizeof *sorted);
        uint64_t n = 0;
        for (size_t i = 0; i < cell->slot_count; i++)
            if (lt_cell_scored(cell, i))
                sorted[n++] = score_at(cells, cell, i);
        qsort(sorted, n, sizeof *sorted, by_value);
        threshold = lt_quantile(sorted, n, tail->quantile);
        has = true;
        free(sorted);
    }
    for (uint32_t v = 0; v < cells->manifest->n_variants; v++) {
        of_set[v].has_threshold = has;
        of_set[v].threshold = threshold;
    }
}

static void find_bins(const lt_cells *cells, lt_numbers *of_set)
{
    const Lefttail__Scorer *scorer = cells->manifest->scorers[of_set[0].cell->scorer];
    double low = INFINITY, high = -INFINITY;
    for (uint32_t v = 0; v < cells->manifest->n_variants; v++)
        for (size_t i = 0; i < of_set[v].cell->slot_count; i++)
            if (lt_cell_scored(of_set[v].cell, i)) {
                low = fmin(low, raw_at(cells, of_set[v].cell, i));
                high = fmax(high, raw_at(cells, of_set[v].cell, i));
            }
    if (low > high)
        return;
    const lt_bins raw = lt_bins_over(low, high);
    const lt_bins bins = scorer->sigmoid ? (lt_bins){.first = 0, .step = 0.025, .count = 40} : raw;
    for (uint32_t v = 0; v < cells->manifest->n_variants; v++) {
        of_set[v].raw_bins = raw;
        of_set[v].bins = bins;
    }
}

/* ---- one cell ---- */

static void reward_numbers(const lt_cells *cells, lt_numbers *numbers)
{
    const lt_cell *cell = numbers->cell;
    const lt_cell_set *set = &cells->sets[cell->set];
    struct column scores, raw;
    column_init(&scores, set, cell->slot_count);
    column_init(&raw, set, cell->slot_count);
    uint64_t tail = 0;
    for (size_t i = 0; i < cell->slot_count; i++) {
        if (!lt_cell_scored(cell, i))
            continue;
        const double score = score_at(cells, cell, i);
        const bool in_tail = numbers->has_threshold && score < numbers->threshold;
        column_add(&scores, set, i, score);
        column_add(&raw, set, i, cell->logits[i]);
        lt_histogram_add(&numbers->histogram, &numbers->bins, score, in_tail);
        lt_histogram_add(&numbers->raw_histogram, &numbers->raw_bins, raw_at(cells, cell, i),
                         in_tail);
        tail += in_tail;
    }
    numbers->n = scores.n;
    numbers->mean = column_mean(&scores);
    numbers->raw = column_mean(&raw);
    numbers->tail = lt_rate_of(tail, scores.n);
    qsort(scores.values, scores.n, sizeof *scores.values, by_value);
    for (int q = 0; q < LT_QUANTILE_COUNT && scores.n > 0; q++) {
        numbers->quantile[q] = lt_quantile(scores.values, scores.n, lt_quantiles[q]);
        numbers->quantile_interval[q] =
            lt_quantile_interval(scores.values, scores.n, lt_quantiles[q]);
    }
    for (int w = 0; w < LT_WORST_COUNT && scores.n > 0; w++)
        numbers->worst[w] =
            lt_worst_mean(scores.values, scores.n, lt_worsts[w], &numbers->worst_count[w]);
    column_fini(&scores);
    column_fini(&raw);
}

static bool refuses(uint8_t kind)
{
    return kind == LT_KIND_FULL || kind == LT_KIND_PARTIAL;
}

static void classifier_numbers(lt_numbers *numbers)
{
    const lt_cell *cell = numbers->cell;
    uint64_t counts[LT_KIND_COUNT] = {0};
    for (size_t i = 0; i < cell->slot_count; i++) {
        if (!lt_cell_scored(cell, i))
            continue;
        counts[cell->kinds[i]]++;
        if (cell->human[i] != LT_KIND_NONE)
            numbers->confusion.counts[cell->human[i]][cell->kinds[i]]++;
    }
    numbers->n = cell->scored;
    for (int k = 0; k < LT_KIND_COUNT; k++)
        numbers->kinds[k] = lt_rate_of(counts[k], cell->scored);
    numbers->any = lt_rate_of(counts[LT_KIND_FULL] + counts[LT_KIND_PARTIAL], cell->scored);
}

/* ---- against the baseline ---- */

static void change_add(lt_rate_change *change, bool before, bool after)
{
    change->discordant.pairs++;
    change->discordant.gained += after && !before;
    change->discordant.lost += before && !after;
}

static void change_end(lt_rate_change *change)
{
    const lt_discordant *d = &change->discordant;
    if (d->pairs > 0)
        change->difference = ((double)d->gained - (double)d->lost) / (double)d->pairs;
    change->p = change->p_holm = lt_mcnemar(d);
}

static void compare_rewards(const lt_cells *cells, lt_numbers *numbers, const lt_cell *base)
{
    const lt_cell *cell = numbers->cell;
    const lt_cell_set *set = &cells->sets[cell->set];
    lt_comparison *against = &numbers->against;
    struct column differences;
    column_init(&differences, set, cell->slot_count);
    for (size_t i = 0; i < cell->slot_count; i++) {
        if (!lt_cell_scored(cell, i) || !lt_cell_scored(base, i))
            continue;
        const double before = score_at(cells, base, i), after = score_at(cells, cell, i);
        column_add(&differences, set, i, after - before);
        against->higher += after > before;
        against->lower += after < before;
        if (numbers->has_threshold)
            change_add(&against->tail, before < numbers->threshold, after < numbers->threshold);
    }
    against->pairs = differences.n;
    against->difference = column_mean(&differences);
    against->p_holm = against->difference.p;
    against->shift = lt_shift(differences.values, differences.n);
    change_end(&against->tail);
    column_fini(&differences);
}

static void compare_classes(lt_numbers *numbers, const lt_cell *base)
{
    const lt_cell *cell = numbers->cell;
    lt_comparison *against = &numbers->against;
    for (size_t i = 0; i < cell->slot_count; i++) {
        if (!lt_cell_scored(cell, i) || !lt_cell_scored(base, i))
            continue;
        against->pairs++;
        change_add(&against->full, base->kinds[i] == LT_KIND_FULL, cell->kinds[i] == LT_KIND_FULL);
        change_add(&against->any, refuses(base->kinds[i]), refuses(cell->kinds[i]));
    }
    change_end(&against->full);
    change_end(&against->any);
}

/* Holm over one p per variant but the baseline; `holm` is the offset of that field in lt_numbers.
 */
static void adjust(const lt_cells *cells, lt_numbers *of_set, size_t holm)
{
    const uint32_t count = (uint32_t)cells->manifest->n_variants;
    double *p = lt_alloc(count * sizeof *p);
    uint32_t used = 0;
    for (uint32_t v = 0; v < count; v++)
        if (v != cells->baseline)
            memcpy(&p[used++], (char *)&of_set[v] + holm, sizeof *p);
    lt_holm(p, used);
    used = 0;
    for (uint32_t v = 0; v < count; v++)
        if (v != cells->baseline)
            memcpy((char *)&of_set[v] + holm, &p[used++], sizeof *p);
    free(p);
}

static void compare_set(const lt_cells *cells, lt_numbers *of_set)
{
    const lt_cell *base = of_set[cells->baseline].cell;
    for (uint32_t v = 0; v < cells->manifest->n_variants; v++) {
        if (v == cells->baseline)
            continue;
        of_set[v].has_comparison = true;
        if (base->reward)
            compare_rewards(cells, &of_set[v], base);
        else
            compare_classes(&of_set[v], base);
    }
    adjust(cells, of_set, offsetof(lt_numbers, against.p_holm));
    adjust(cells, of_set, offsetof(lt_numbers, against.tail.p_holm));
    adjust(cells, of_set, offsetof(lt_numbers, against.full.p_holm));
    adjust(cells, of_set, offsetof(lt_numbers, against.any.p_holm));
}

static void correct_set(const lt_cells *cells, lt_numbers *of_set)
{
    lt_confusion pooled = {0};
    for (uint32_t v = 0; v < cells->manifest->n_variants; v++)
        lt_confusion_add(&pooled, &of_set[v].confusion);
    for (uint32_t v = 0; v < cells->manifest->n_variants; v++)
        of_set[v].has_corrected =
            of_set[v].n > 0 && lt_rogan_gladen(of_set[v].any.rate, &pooled, &of_set[v].corrected);
}

lt_numbers *lt_numbers_new(const lt_cells *cells)
{
    lt_numbers *numbers = lt_alloc(cells->count * sizeof *numbers);
    const size_t variants = cells->manifest->n_variants;
    for (size_t i = 0; i < cells->count; i++)
        numbers[i].cell = &cells->cells[i];
    for (size_t first = 0; first < cells->count; first += variants) {
        lt_numbers *of_set = numbers + first;
        const bool reward = of_set->cell->reward;
        if (reward) {
            find_threshold(cells, of_set);
            find_bins(cells, of_set);
        }
        for (size_t v = 0; v < variants; v++) {
            if (reward)
                reward_numbers(cells, &of_set[v]);
            else
                classifier_numbers(&of_set[v]);
        }
        if (!reward)
            correct_set(cells, of_set);
        compare_set(cells, of_set);
    }
    return numbers;
}

lt_confusion lt_numbers_confusion(const lt_cells *cells, const lt_numbers *numbers, uint32_t scorer)
{
    lt_confusion pooled = {0};
    for (size_t i = 0; i < cells->count; i++)
        if (cells->cells[i].scorer == scorer)
            lt_confusion_add(&pooled, &numbers[i].confusion);
    return pooled;
}
