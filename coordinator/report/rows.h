/* One line per (item, scorer): rows.jsonl and its CSV form. */
#ifndef LT_REPORT_ROWS_H
#define LT_REPORT_ROWS_H

#include "coordinator/report/walk.h"

/* Appends the item's lines, scorers in the job's order; rows that are not recorded have no line.
 * A JSON line, always with these keys in this order:
 *   variant set prompt_id sample category scorer prompt response
 *   logits         float32, shortest form; null when failed
 *   score          reward models: transformed (common/outcome.h); else null
 *   label refusal probabilities
 *                  classifiers: the label's name, its kind, {label: probability}; else null
 *   tokens tokens_cut truncated flags human_label
 *   failed         null, or {"reason", "detail"}
 * Texts that are not valid UTF-8 are repaired with U+FFFD, and the flag invalid_utf8 says so. */
void lt_rows_jsonl(const Lefttail__Manifest *manifest, const lt_walk_item *item, lt_buf *out);

/* The same as CSV; logits and probabilities as JSON in one field, flags joined by blanks. */
void lt_rows_csv_header(lt_buf *out);
void lt_rows_csv(const Lefttail__Manifest *manifest, const lt_walk_item *item, lt_buf *out);

#endif
