/* Goes through all items of a job in the order of rows.jsonl (set, pack, prompt, variant, sample),
 * each with its rows of all scorers. The only place that reads row groups. */
#ifndef LT_REPORT_WALK_H
#define LT_REPORT_WALK_H

#include "coordinator/report/report.h"

/* Valid during the visit only. */
typedef struct lt_walk_item {
    uint32_t pack; /* index into the manifest */
    uint32_t set;
    uint64_t prompt_index; /* in its set */
    const Lefttail__Prompt *prompt;
    const Lefttail__Response *response;
    const Lefttail__Row *const *rows; /* [scorers]; NULL: not recorded, or not this scorer's set */
} lt_walk_item;

typedef lt_status (*lt_walk_visit)(void *context, const lt_walk_item *item, lt_error *error);

/* Visits every item. Rows are checked: pack and scorer in range and in order, the scorer scores
 * that set, items ascending and in range, lt_row_check. LT_PROTOCOL says which. */
lt_status lt_walk(const lt_report_source *source, lt_walk_visit visit, void *context,
                  lt_error *error);

#endif
