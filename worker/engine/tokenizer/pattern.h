/* A pattern that cuts text: a literal string, or a regular expression of the kind the library gives
 * to oniguruma (Ruby syntax), run by PCRE2 with the code point sets of the library. */
#ifndef LT_TOKENIZER_PATTERN_H
#define LT_TOKENIZER_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/status.h"
#include "worker/engine/tokenizer/json_node.h"
#include "worker/engine/tokenizer/split_words.h"
#include "worker/engine/tokenizer/tokenizer.h"

typedef struct lt_pattern {
    char *literal; /* owned; NULL for an expression */
    size_t literal_len;
    struct pcre2_real_code_8 *code; /* owned; NULL for a literal */
    lt_split_words words;           /* a well-known expression that has its own cutter */
} lt_pattern;

/* A piece of the text: a match or what lies between matches. The pieces cover the text in order;
 * empty matches are there too. */
typedef struct lt_piece {
    uint32_t start, end;
    bool is_match;
} lt_piece;

typedef struct lt_piece_list {
    lt_piece *pieces; /* owned */
    size_t count, cap;
} lt_piece_list;

/* What one thread needs to run patterns. */
typedef struct lt_matcher {
    struct pcre2_real_match_data_8 *data;
    struct pcre2_real_match_context_8 *context;
    struct pcre2_real_jit_stack_8 *stack;
} lt_matcher;

/* {"String": "..."} or {"Regex": "..."}. LT_UNSUPPORTED: a construct that is read differently by
 * the two engines, or not at all by one, by name. */
lt_status lt_pattern_read(lt_pattern *pattern, const lt_node *node, lt_error *error);
lt_status lt_pattern_compile(lt_pattern *pattern, lt_text text, bool is_regex, const char *where,
                             lt_error *error);
void lt_pattern_fini(lt_pattern *pattern);

void lt_matcher_init(lt_matcher *matcher);
void lt_matcher_fini(lt_matcher *matcher);

/* Cuts the text; the list is cleared first. An empty text gives one empty piece. LT_LIMIT: the
 * expression ran over its step limit. */
lt_status lt_pattern_cut(const lt_pattern *pattern, lt_matcher *matcher, lt_text text,
                         lt_piece_list *list, lt_error *error);

void lt_piece_list_add(lt_piece_list *list, size_t start, size_t end, bool is_match);
void lt_piece_list_fini(lt_piece_list *list);

/* Oniguruma's syntax to PCRE2's, appended to *out; in pattern_syntax.c. */
lt_status lt_pattern_translate(lt_text source, const char *where, lt_buf *out, lt_error *error);

#endif
