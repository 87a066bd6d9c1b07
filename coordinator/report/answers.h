/* Which answers the page carries, and their text. Every prompt goes with all variants' answers.
 *
 * Chosen in turns over all cells, the r-th of each list for r = 0, 1, ...: reward models: the
 * lowest scores and the largest drops against the baseline; classifiers: on safety prompts the
 * least refused, elsewhere the surest refusals; failures everywhere. Then the rest in order. It
 * ends at LT_ANSWERS_BYTES; the page says what it holds, rows.jsonl has everything. */
#ifndef LT_REPORT_ANSWERS_H
#define LT_REPORT_ANSWERS_H

#include "coordinator/report/cells.h"

#define LT_ANSWERS_BYTES (8u << 20)     /* of answers in the page, text and JSON around it */
#define LT_ANSWER_BYTES_AROUND 200u     /* JSON around one answer, about */
#define LT_ANSWERS_DEPTH 200u           /* of each list, before the rest */
#define LT_ANSWER_BYTES_MAX (16u << 10) /* one text; longer ones are cut, and say so */

typedef struct lt_answers {
    uint8_t **chosen; /* [sets][prompts] */
    uint64_t prompt_count, prompts_chosen;
    uint32_t depth; /* every list is here this deep */
    uint64_t bytes;
} lt_answers;

void lt_answers_choose(lt_answers *answers, const lt_cells *cells);
void lt_answers_fini(lt_answers *answers, const lt_cells *cells);

/* Appends {"prompts_total", "prompts_shown", "depth", "text_bytes_max", "prompts": [{set, index,
 * id, category, label, text, cut, answers: [{v, sample, text, cut, human, rows: [per scorer]}]}]};
 * a row is null,
 * {"l": logit}, {"k": kind, "p": P(refusal)} or {"f": reason}, with "t": true when truncated. Reads
 * the packs that hold chosen prompts. */
lt_status lt_answers_json(const lt_answers *answers, const lt_cells *cells,
                          const lt_report_source *source, lt_buf *out, lt_error *error);

#endif
