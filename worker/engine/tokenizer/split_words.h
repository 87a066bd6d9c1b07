/* Cutters written by hand for the expressions nearly every checkpoint uses. Each gives what its
 * expression gives on every text (tests/unit/test_tokenizer_split.c compares them) and is many
 * times faster. */
#ifndef LT_TOKENIZER_SPLIT_WORDS_H
#define LT_TOKENIZER_SPLIT_WORDS_H

#include <stddef.h>

#include "worker/engine/tokenizer/tokenizer.h"

#define LT_SPLIT_WORDS_LIST(X)                                                                     \
    X(GPT2, "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+")  \
    X(LLAMA3, "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"             \
              "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")                    \
    X(QWEN2, "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"                   \
             "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")
typedef enum lt_split_words {
    LT_SPLIT_WORDS_NONE,
#define X(name, expression) LT_SPLIT_WORDS_##name,
    LT_SPLIT_WORDS_LIST(X)
#undef X
} lt_split_words;

lt_split_words lt_split_words_of(lt_text expression); /* NONE for any other expression */
const char *lt_split_words_expression(lt_split_words words);

/* The end of the match that begins at `at` (< text.len, a code point boundary): these expressions
 * match every text from end to end. `text` is valid UTF-8. */
size_t lt_split_words_next(lt_split_words words, lt_text text, size_t at);

#endif
