/* WordPiece: the longest known piece from the left, again and again; later pieces carry a prefix
 * ("##"). A word that cannot be spelled, or is too long, is one unknown token. */
#ifndef LT_TOKENIZER_WORDPIECE_H
#define LT_TOKENIZER_WORDPIECE_H

#include "worker/engine/tokenizer/id_list.h"
#include "worker/engine/tokenizer/trie.h"
#include "worker/engine/tokenizer/vocab.h"

typedef struct lt_wordpiece {
    lt_trie trie;    /* every token; continuing ones begin at `inner` */
    uint32_t inner;  /* the node of the prefix, or LT_TRIE_NONE */
    uint32_t unk_id; /* LT_TOKEN_NONE: the file names none that exists */
    uint32_t word_chars_max;
} lt_wordpiece;

lt_status lt_wordpiece_read(lt_wordpiece *model, const lt_node *node, const lt_vocab *vocab,
                            lt_error *error);
void lt_wordpiece_fini(lt_wordpiece *model);
lt_status lt_wordpiece_encode(const lt_wordpiece *model, lt_text word, lt_id_list *out,
                              lt_error *error);

#endif
