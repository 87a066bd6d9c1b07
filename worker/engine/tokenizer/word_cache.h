/* Words a thread has encoded before, with their ids. Bounded: when full it starts again empty, so
 * the result of a lookup never depends on what came before, only its speed does. */
#ifndef LT_TOKENIZER_WORD_CACHE_H
#define LT_TOKENIZER_WORD_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/engine/tokenizer/id_list.h"
#include "worker/engine/tokenizer/tokenizer.h"

#define LT_WORD_CACHE_SLOTS 65536        /* a power of two; half of them are used */
#define LT_WORD_CACHE_WORD_BYTES_MAX 255 /* longer words are rare and not kept */

typedef struct lt_word_cache_slot {
    uint32_t hash, bytes_offset, ids_offset;
    uint16_t len, id_count; /* len 0: empty */
} lt_word_cache_slot;

typedef struct lt_word_cache {
    lt_word_cache_slot *slots; /* [LT_WORD_CACHE_SLOTS], owned; NULL until the first word */
    size_t count;
    lt_buf bytes;
    lt_id_list ids;
} lt_word_cache;

/* Appends the word's ids to *out and returns true if it is known. *hash is for the add that
 * follows. */
bool lt_word_cache_get(lt_word_cache *cache, lt_text word, uint32_t *hash, lt_id_list *out);
void lt_word_cache_add(lt_word_cache *cache, lt_text word, uint32_t hash, const uint32_t *ids,
                       size_t count);
void lt_word_cache_fini(lt_word_cache *cache);

#endif
