/* report.html: one file that needs no network. The parts under page/ and Vega are in the program;
 * the data is JSON in a script element that is never run. */
#ifndef LT_REPORT_PAGE_H
#define LT_REPORT_PAGE_H

#include "coordinator/report/answers.h"
#include "coordinator/report/numbers.h"
#include "coordinator/report/output.h"

#define LT_PAGE_SCORES_MAX 250000u /* scores in the page; above it every k-th prompt is taken */

/* `report_json` is the document of report.json. The page's content-security policy allows its
 * own scripts and styles by their SHA-256 and nothing else, so text of prompts and answers cannot
 * run even if it got out of its element. */
lt_status lt_page_write(const lt_cells *cells, const lt_answers *answers,
                        const lt_report_source *source, const lt_buf *report_json,
                        lt_output *output, lt_error *error);

/* Appends JSON so that it can stand inside <script>: '<', '>', '&', U+2028 and U+2029 as \uXXXX. */
void lt_page_escape(const char *json, size_t len, lt_buf *out);

#endif
