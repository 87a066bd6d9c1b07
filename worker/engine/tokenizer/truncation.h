/* How many tokens each text keeps, by the library's rules. */
#ifndef LT_TOKENIZER_TRUNCATION_H
#define LT_TOKENIZER_TRUNCATION_H

#include "worker/engine/tokenizer/tokenizer.h"

/* `first` and `second` are the lengths (second is 0 and `pair` false for one text), cut in place so
 * that together they are at most `room`. LT_LIMIT: the strategy's text is too short to cut; there
 * is no second text for ONLY_SECOND. */
lt_status lt_truncation_cut(lt_truncation strategy, bool pair, size_t room, size_t *first,
                            size_t *second, lt_error *error);

#endif
