/* cells.csv: one line per cell with its account and main numbers; empty where there is none. */
#ifndef LT_REPORT_CELLS_CSV_H
#define LT_REPORT_CELLS_CSV_H

#include "coordinator/report/numbers.h"

void lt_cells_csv(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out);

#endif
