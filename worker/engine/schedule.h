/* How the texts of one call are put to work: equal ones once, the rest from long to short in passes
 * of a bounded number of tokens. Long texts that would keep one thread busy while the others wait
 * are run by the whole team. Nothing here can change a score. */
#ifndef LT_WORKER_ENGINE_SCHEDULE_H
#define LT_WORKER_ENGINE_SCHEDULE_H

#include <stddef.h>

#include "worker/engine/encoder.h"
#include "worker/engine/model/forward.h"

/* One item of the call. */
typedef struct lt_text_work {
    uint32_t *ids;              /* [count], owned; NULL: nothing to score */
    uint8_t *type_ids;          /* in the same block */
    uint32_t count;
    size_t twin;                /* the next item with the same tokens, or SIZE_MAX */
} lt_text_work;

void lt_text_work_set(lt_text_work *text, const lt_token_row *row); /* copies */

typedef struct lt_batch {
    size_t first;               /* into order and sequences */
    uint32_t count;
    uint32_t tokens;
    bool wide;                  /* by the whole team */
} lt_batch;

typedef struct lt_schedule {
    size_t *order;              /* [unique_count]: items, longest first; twins hang on the first */
    lt_sequence *sequences;     /* [unique_count] */
    const lt_sequence **pointers; /* [unique_count] */
    size_t unique_count;
    lt_batch *batches;          /* [batch_count]; the wide ones first */
    size_t batch_count, wide_count;
    uint32_t batch_tokens_max, narrow_tokens_max; /* of all batches, of those that are not wide */
    uint32_t batch_texts_max, text_tokens_max;
} lt_schedule;

typedef struct lt_schedule_limits {
    uint32_t threads;
    uint32_t texts_max;         /* of a batch; 0: by tokens alone */
    uint32_t wide_tokens_min;   /* shorter texts are not worth a team */
} lt_schedule_limits;

/* texts: [count]; twins are linked here. logits of item i: logits[i * logit_stride]. */
void lt_schedule_init(lt_schedule *schedule, lt_text_work *texts, size_t count, float *logits,
                      size_t logit_stride, const lt_schedule_limits *limits);
void lt_schedule_fini(lt_schedule *schedule); /* safe on zeroed memory */

#endif
