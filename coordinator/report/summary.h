/* The few lines that a terminal shows when a report is made. */
#ifndef LT_REPORT_SUMMARY_H
#define LT_REPORT_SUMMARY_H

#include "coordinator/report/numbers.h"

/* Per set and scorer one table, a line per variant, at most 100 columns wide as long as names are
 * short; then what was not scored. */
void lt_summary(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out);

#endif
