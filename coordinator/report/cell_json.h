/* One cell of report.json; the layout is in report_json.h. */
#ifndef LT_REPORT_CELL_JSON_H
#define LT_REPORT_CELL_JSON_H

#include "coordinator/report/numbers.h"

/* On a line of its own: numbers->cell, its numbers, and its comparison. */
void lt_cell_json(const lt_cells *cells, const lt_numbers *numbers, lt_buf *out);

/* "confusion": an object, or null when no row has a person's label. */
void lt_confusion_json(const lt_confusion *confusion, lt_buf *out);

#endif
