#include "coordinator/report/summary.h"

#include <inttypes.h>
#include <string.h>

/* Names come from outside: shown without control characters and cut to `width` characters. */
static int add_name(lt_buf *out, const char *name, int width)
{
    int shown = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        const bool starts = (*c & 0xc0) != 0x80; /* a character, not one of its further bytes */
        if (starts && shown == width)
            break;
        shown += starts;
        lt_buf_putc(out, *c < 0x20 || *c == 0x7f ? '?' : (char)*c);
    }
    return shown;
}

static void add_name_padded(lt_buf *out, const char *name, int width)
{
    for (int shown = add_name(out, name, width); shown < width; shown++)
        lt_buf_putc(out, ' ');
}

static void add_rate(lt_buf *out, const lt_rate *rate)
{
    if (rate->n == 0)
        lt_buf_printf(out, "  %25s", "-");
    else
        lt_buf_printf(out, "  %5" PRIu64 " %6.2f %% [%5.2f, %5.2f]", rate->count, 100 * rate->rate,
                      100 * rate->interval.low, 100 * rate->interval.high);
}

static void add_reward_line(const lt_numbers *numbers, lt_buf *out)
{
    const lt_mean *mean = &numbers->mean;
    if (mean->n == 0)
        lt_buf_printf(out, "  %24s", "-");
    else if (mean->interval.known)
        lt_buf_printf(out, "  %7.4f [%6.4f, %6.4f]", mean->mean, mean->interval.low,
                      mean->interval.high);
    else
        lt_buf_printf(out, "  %7.4f %16s", mean->mean, "");
    if (numbers->has_threshold)
        add_rate(out, &numbers->tail);
}

static void add_line(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out)
{
    lt_buf_puts(out, "  ");
    add_name_padded(out, cells->manifest->variants[numbers->cell->variant]->name, 20);
    lt_buf_printf(out, " %7" PRIu64, numbers->n);
    if (numbers->cell->reward) {
        add_reward_line(numbers, out);
    } else {
        add_rate(out, &numbers->kinds[LT_KIND_FULL]);
        add_rate(out, &numbers->any);
        lt_buf_printf(out, "  %5" PRIu64, numbers->kinds[LT_KIND_CAPABILITY].count);
    }
    lt_buf_putc(out, '\n');
}

static void add_heading(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out)
{
    const Lefttail__PromptSet *set = cells->manifest->sets[numbers->cell->set];
    if (out->len > 0)
        lt_buf_putc(out, '\n');
    add_name(out, cells->manifest->scorers[numbers->cell->scorer]->name, 40);
    lt_buf_puts(out, " on ");
    add_name(out, set->name, 40);
    lt_buf_puts(out, " (");
    add_name(out, set->role, 20);
    lt_buf_puts(out, ")\n");
    lt_buf_printf(out, "  %-20s %7s", "variant", "n");
    if (!numbers->cell->reward)
        lt_buf_printf(out, "  %-29s  %-29s  %5s\n", " full refusals [95 %]", " any refusals [95 %]",
                      "can't");
    else if (numbers->has_threshold)
        lt_buf_printf(out, "  %-25s below %g [95 %%]\n", "   mean [95 %]", numbers->threshold);
    else
        lt_buf_puts(out, "     mean [95 %]\n");
}

void lt_summary(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out)
{
    uint64_t failed = 0, missing = 0, pending = 0, truncated = 0;
    const size_t variants = cells->manifest->n_variants;
    for (size_t i = 0; i < cells->count; i++) {
        const lt_cell *cell = numbers[i].cell;
        if (i % variants == 0)
            add_heading(cells, &numbers[i], out);
        add_line(cells, &numbers[i], out);
        failed += cell->failed;
        missing += cell->missing;
        pending += cell->pending;
        truncated += cell->truncated;
    }
    lt_buf_printf(out,
                  "\nnot scored: %" PRIu64 " failed, %" PRIu64 " missing, %" PRIu64
                  " pending; %" PRIu64 " truncated\n",
                  failed, missing, pending, truncated);
}
