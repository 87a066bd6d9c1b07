/* Byte pair encoding: a word begins as its characters (or bytes), and the pair that was learned
 * first is merged, leftmost first, until no known pair is left. */
#ifndef LT_TOKENIZER_BPE_H
#define LT_TOKENIZER_BPE_H

#include "worker/engine/tokenizer/id_list.h"
#include "worker/engine/tokenizer/vocab.h"

typedef struct lt_bpe_merge {
    uint32_t left, right; /* left == LT_TOKEN_NONE: an empty slot */
    uint32_t rank, merged;
} lt_bpe_merge;

typedef struct lt_bpe {
    const lt_vocab *vocab;
    lt_bpe_merge *merges; /* [slot_count], open addressing, a power of two; owned */
    size_t slot_count, merge_count;
    char *prefix, *suffix; /* continuing_subword_prefix, end_of_word_suffix; owned, "" for none */
    char *unk_token;       /* owned, NULL for none */
    uint32_t unk_id;
    bool fuse_unk, byte_fallback, ignore_merges;
    bool bytes; /* words come as bytes that stand for the characters of GPT-2's alphabet */
    uint32_t single[256];   /* ids of ASCII characters, or of all bytes when `bytes` */
    uint32_t fallback[256]; /* ids of <0x00> to <0xFF> */
    lt_vocab whole; /* with `bytes` and `ignore_merges`: tokens by the bytes they stand for */
} lt_bpe;

typedef struct lt_bpe_symbol {
    uint32_t id;
    uint32_t rank, merged;  /* of this symbol and the next; rank LT_TOKEN_NONE: no merge */
    int32_t previous, next; /* -1: none; a removed symbol has id LT_TOKEN_NONE */
} lt_bpe_symbol;

typedef struct lt_bpe_scratch {
    lt_bpe_symbol *symbols; /* [symbol_cap], owned */
    size_t symbol_count, symbol_cap;
    uint64_t *heap; /* [heap_cap]: rank << 32 | position; owned */
    size_t heap_count, heap_cap;
    lt_buf spelling;
} lt_bpe_scratch;

/* The vocabulary must outlive the model. LT_INPUT: a merge of tokens that are not in the
 * vocabulary, by index. LT_UNSUPPORTED: dropout. */
lt_status lt_bpe_read(lt_bpe *model, const lt_node *node, const lt_vocab *vocab, lt_error *error);
bool lt_bpe_can_take_bytes(const lt_bpe *model);
void lt_bpe_take_bytes(lt_bpe *model);
void lt_bpe_fini(lt_bpe *model);

lt_status lt_bpe_encode(const lt_bpe *model, lt_bpe_scratch *scratch, lt_text word, lt_id_list *out,
                        lt_error *error);
void lt_bpe_scratch_fini(lt_bpe_scratch *scratch);

/* The merge of two tokens, or NULL. */
const lt_bpe_merge *lt_bpe_find(const lt_bpe *model, uint32_t left, uint32_t right);

/* Merges the symbols of the scratch (ids only) and appends what is left; in bpe_merge.c. */
void lt_bpe_merge_all(const lt_bpe *model, lt_bpe_scratch *scratch, lt_id_list *out);

#endif
