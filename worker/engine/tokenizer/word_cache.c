#include "worker/engine/tokenizer/word_cache.h"

#include "worker/engine/tokenizer/hash.h"

bool lt_word_cache_get(lt_word_cache *cache, lt_text word, uint32_t *hash, lt_id_list *out)
{
    if (word.len > LT_WORD_CACHE_WORD_BYTES_MAX || cache->slots == NULL) {
        *hash = word.len > LT_WORD_CACHE_WORD_BYTES_MAX
                    ? 0
                    : (uint32_t)lt_hash_bytes(word.data, word.len);
        return false;
    }
    *hash = (uint32_t)lt_hash_bytes(word.data, word.len);
    size_t mask = LT_WORD_CACHE_SLOTS - 1, at = *hash & mask;
    for (; cache->slots[at].len; at = (at + 1) & mask) {
        const lt_word_cache_slot *slot = &cache->slots[at];
        if (slot->hash == *hash && slot->len == word.len &&
            memcmp(cache->bytes.data + slot->bytes_offset, word.data, word.len) == 0) {
            lt_id_list_add(out, cache->ids.ids + slot->ids_offset, slot->id_count);
            return true;
        }
    }
    return false;
}

void lt_word_cache_add(lt_word_cache *cache, lt_text word, uint32_t hash, const uint32_t *ids,
                       size_t count)
{
    if (word.len > LT_WORD_CACHE_WORD_BYTES_MAX || word.len == 0 || count > UINT16_MAX)
        return;
    if (cache->slots == NULL)
        cache->slots = lt_alloc(LT_WORD_CACHE_SLOTS * sizeof *cache->slots);
    if (cache->count == LT_WORD_CACHE_SLOTS / 2) {
        memset(cache->slots, 0, LT_WORD_CACHE_SLOTS * sizeof *cache->slots);
        cache->count = cache->ids.count = 0;
        lt_buf_clear(&cache->bytes);
    }
    size_t mask = LT_WORD_CACHE_SLOTS - 1, at = hash & mask;
    while (cache->slots[at].len)
        at = (at + 1) & mask;
    cache->slots[at] =
        (lt_word_cache_slot){hash, (uint32_t)cache->bytes.len, (uint32_t)cache->ids.count,
                             (uint16_t)word.len, (uint16_t)count};
    lt_buf_add(&cache->bytes, word.data, word.len);
    lt_id_list_add(&cache->ids, ids, count);
    cache->count++;
}

void lt_word_cache_fini(lt_word_cache *cache)
{
    free(cache->slots);
    lt_buf_fini(&cache->bytes);
    lt_id_list_fini(&cache->ids);
    memset(cache, 0, sizeof *cache);
}
