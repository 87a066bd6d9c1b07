#include "coordinator/report/cells_csv.h"

#include "coordinator/report/json.h"

static void add_if(lt_buf *out, bool known, double value)
{
    if (known)
        lt_csv_double(out, value);
    else
        lt_csv_string(out, "");
}

static void add_interval(lt_buf *out, const lt_interval *interval)
{
    add_if(out, interval->known, interval->low);
    add_if(out, interval->known, interval->high);
}

static void add_mean(lt_buf *out, bool has, const lt_mean *mean)
{
    add_if(out, has && mean->n > 0, mean->mean);
    add_interval(out, &mean->interval);
}

static void add_rate(lt_buf *out, bool has, const lt_rate *rate)
{
    if (!has) {
        lt_buf_puts(out, ",,,,");
        return;
    }
    lt_csv_uint(out, rate->count);
    add_if(out, rate->n > 0, rate->rate);
    add_interval(out, &rate->interval);
}

static void add_cell(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out)
{
    const Lefttail__Manifest *manifest = cells->manifest;
    const lt_cell *cell = numbers->cell;
    lt_csv_string(out, manifest->variants[cell->variant]->name);
    lt_csv_string(out, manifest->sets[cell->set]->name);
    lt_csv_string(out, manifest->sets[cell->set]->role);
    lt_csv_string(out, manifest->scorers[cell->scorer]->name);
    lt_csv_string(out, cell->reward ? "reward" : "classifier");
    lt_csv_uint(out, cell->expected);
    lt_csv_uint(out, cell->scored);
    lt_csv_uint(out, cell->failed);
    lt_csv_uint(out, cell->missing);
    lt_csv_uint(out, cell->pending);
    lt_csv_uint(out, cell->truncated);
    add_mean(out, cell->reward, &numbers->mean);
    add_mean(out, cell->reward, &numbers->raw);
    add_if(out, numbers->has_threshold, numbers->threshold);
    add_rate(out, numbers->has_threshold, &numbers->tail);
    for (int q = 0; q < LT_QUANTILE_COUNT; q++)
        add_if(out, cell->reward && numbers->n > 0, numbers->quantile[q]);
    add_rate(out, !cell->reward, &numbers->kinds[LT_KIND_FULL]);
    add_rate(out, !cell->reward, &numbers->any);
    add_rate(out, !cell->reward, &numbers->kinds[LT_KIND_CAPABILITY]);
    add_rate(out, !cell->reward, &numbers->kinds[LT_KIND_COMPLIANCE]);
    lt_csv_end(out);
}

void lt_cells_csv(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out)
{
    static const char *const rates[] = {"tail", "full", "any", "capability", "compliance"};
    lt_buf_puts(out,
                "variant,set,role,scorer,kind,expected,scored,failed,missing,pending,truncated,"
                "mean,mean_low,mean_high,raw_mean,raw_mean_low,raw_mean_high,tail_threshold,");
    for (int r = 0; r < 5; r++) {
        lt_buf_printf(out, "%s_count,%s_rate,%s_low,%s_high,", rates[r], rates[r], rates[r],
                      rates[r]);
        for (int q = 0; r == 0 && q < LT_QUANTILE_COUNT; q++)
            lt_buf_printf(out, "q%g,", lt_quantiles[q]);
    }
    lt_csv_end(out);
    for (size_t i = 0; i < cells->count; i++)
        add_cell(cells, &numbers[i], out);
}
