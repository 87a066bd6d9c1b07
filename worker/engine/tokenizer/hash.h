/* Hashes of short keys, for the tokenizer's tables. Not for untrusted peers: tables are bounded. */
#ifndef LT_TOKENIZER_HASH_H
#define LT_TOKENIZER_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t lt_hash_u64(uint64_t key) /* the finalizer of splitmix64 */
{
    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
    key = (key ^ key >> 27) * 0x94d049bb133111ebu;
    return key ^ key >> 31;
}

static inline uint64_t lt_hash_bytes(const char *bytes, size_t len)
{
    uint64_t hash = len * 0x9e3779b97f4a7c15u, word;
    for (; len >= 8; bytes += 8, len -= 8) {
        memcpy(&word, bytes, 8);
        hash = lt_hash_u64(hash ^ word);
    }
    word = 0;
    for (size_t i = 0; i < len; i++)
        word = word << 8 | (uint8_t)bytes[i];
    return lt_hash_u64(hash ^ word);
}

#endif
