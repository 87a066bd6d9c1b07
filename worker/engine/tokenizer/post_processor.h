/* The "post_processor" of tokenizer.json: which special tokens stand around one text or a pair,
 * and the type ids. Every kind is turned into two templates, one for a text and one for a pair. */
#ifndef LT_TOKENIZER_POST_PROCESSOR_H
#define LT_TOKENIZER_POST_PROCESSOR_H

#include "worker/engine/tokenizer/id_list.h"
#include "worker/engine/tokenizer/json_node.h"

#define LT_POST_PIECES_MAX 64
#define LT_POST_SPECIALS_MAX 1024

typedef enum lt_post_piece_kind {
    LT_POST_SPECIAL,
    LT_POST_TEXT_A,
    LT_POST_TEXT_B
} lt_post_piece_kind;

typedef struct lt_post_piece {
    lt_post_piece_kind kind;
    uint32_t id; /* LT_POST_SPECIAL */
    uint8_t type_id;
} lt_post_piece;

typedef struct lt_post_template {
    lt_post_piece *pieces; /* [count], owned */
    size_t count;
    size_t special_count;
} lt_post_template;

typedef struct lt_post_processor {
    lt_post_template single, pair;
} lt_post_processor;

lt_status lt_post_processor_read(lt_post_processor *post, const lt_node *node, lt_buf *name,
                                 lt_error *error);
void lt_post_processor_fini(lt_post_processor *post);

#endif
