/* What join*.c share while a set is being read. Only theirs. */
#ifndef LT_COMMON_INPUT_JOIN_READER_H
#define LT_COMMON_INPUT_JOIN_READER_H

#include "common/input/join.h"
#include "common/input/key_map.h"

#define LT_JOIN_LEFT_OUT SIZE_MAX /* in `keys`: a prompt that `where` leaves out */

typedef struct lt_join_reader {
    const lt_job *job;
    size_t set;
    lt_joined *out;
    char *prompts_path;
    lt_key_map keys; /* id or prompt text -> prompt, or LT_JOIN_LEFT_OUT */
    size_t prompt_cap, response_cap;
    uint64_t last_line;    /* of the prompts' table */
    uint32_t *next_sample; /* [prompts], of the variant being read */
    uint64_t *first_line;  /* [prompts], likewise */
} lt_join_reader;

/* A column that rows may lack, as long as one row has it. */
typedef struct lt_join_optional {
    const char *column; /* NULL: not named, always "" */
    bool seen, missed;
    lt_error miss; /* the first row without it */
} lt_join_optional;

/* A text for good, valid UTF-8 without NUL. */
lt_status lt_join_text(lt_join_reader *reader, lt_table *table, const char *column,
                       const lt_value *value, const char **out, lt_error *error);
lt_status lt_join_optional_text(lt_join_reader *reader, lt_table *table, lt_join_optional *optional,
                                const char **out, lt_error *error);
lt_status lt_join_optional_end(const lt_join_optional *optional, lt_error *error);

lt_status lt_join_prompts(lt_join_reader *reader, lt_error *error);
lt_status lt_join_responses(lt_join_reader *reader, uint32_t variant, lt_error *error);

#endif
