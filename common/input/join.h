/* A prompt set: its prompts, and every variant's responses to them, joined.
 *
 * Prompts keep the table's order; rows that `where` leaves out are forgotten together with the
 * responses to them. Without an id column a prompt's id is the number of its row (from 1, before
 * `where`). Responses find their prompt by id, or by the prompt's text when the mapping has no id
 * column or says `join: prompt`. Samples of one prompt: an array in the response column, or
 * several rows when the mapping says `samples: many` (numbered as they come) or names a `sample`
 * column (whole numbers; the smallest one of the set is sample 0). Any other second row is an
 * error that names both lines. A response without a prompt is one too, unless the set says
 * `unmatched: count`. All texts lie once, in the arena. */
#ifndef LT_COMMON_INPUT_JOIN_H
#define LT_COMMON_INPUT_JOIN_H

#include "common/input/job.h"

typedef struct lt_prompt {
    const char *id, *text, *category,
        *label; /* NUL-terminated, valid UTF-8, no NUL inside; "" if none */
    uint64_t line;
    size_t first_response; /* into lt_joined.responses */
    size_t response_count;
} lt_prompt;

typedef struct lt_response {
    uint32_t variant, sample;
    const char *text; /* text_len bytes and a NUL: as it stood, perhaps not UTF-8 */
    size_t text_len;
    const char *label; /* "" if none */
    uint64_t line;
    size_t prompt;
} lt_response;

typedef struct lt_joined_account {
    uint64_t present, unmatched, left_out; /* missing = prompts x samples - present */
    uint64_t first_unmatched_line;         /* 0: none */
    uint64_t empty;                        /* present, with an empty text */
} lt_joined_account;

typedef struct lt_joined {
    lt_prompt *prompts; /* [prompt_count], the table's order */
    size_t prompt_count;
    uint64_t prompts_left_out; /* by where */
    lt_response *responses;    /* [response_count], by prompt, variant, sample */
    size_t response_count;
    lt_joined_account *accounts; /* [variants] */
    uint32_t samples;            /* most of any prompt with any variant; at least 1 */
    lt_arena arena;
} lt_joined;

/* Reads and joins set `set` of the job. On failure *out is empty. Freed with lt_joined_fini. */
lt_status lt_join(const lt_job *job, size_t set, lt_joined *out, lt_error *error);
void lt_joined_fini(lt_joined *joined);

#endif
