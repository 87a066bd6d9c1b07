#include "common/input/key_map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

struct lt_key_slot {
    const char *key; /* NULL: free */
    size_t len, value;
    uint64_t hash;
};

/* FNV-1a, 64 bits, with a last mix so that the low bits depend on all. */
static uint64_t hash_of(const char *key, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)key[i]) * 0x100000001b3u;
    return hash ^ (hash >> 29);
}

/* The key's slot, or the free one where it would stand. */
static struct lt_key_slot *find(const lt_key_map *map, const char *key, size_t len, uint64_t hash)
{
    for (size_t i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct lt_key_slot *slot = &map->slots[i];
        if (!slot->key ||
            (slot->hash == hash && slot->len == len && memcmp(slot->key, key, len) == 0))
            return slot;
    }
}

size_t *lt_key_map_get(const lt_key_map *map, const char *key, size_t len)
{
    if (map->count == 0)
        return NULL;
    struct lt_key_slot *slot = find(map, key, len, hash_of(key, len));
    return slot->key ? &slot->value : NULL;
}

static void grow(lt_key_map *map)
{
    const lt_key_map old = *map;
    map->cap = old.cap ? 2 * old.cap : 64;
    map->slots = lt_alloc(map->cap * sizeof *map->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key)
            *find(map, old.slots[i].key, old.slots[i].len, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void lt_key_map_add(lt_key_map *map, const char *key, size_t len, size_t value)
{
    if (3 * (map->count + 1) > 2 * map->cap)
        grow(map);
    const uint64_t hash = hash_of(key, len);
    *find(map, key, len, hash) = (struct lt_key_slot){key, len, value, hash};
    map->count++;
}

void lt_key_map_fini(lt_key_map *map)
{
    free(map->slots);
    memset(map, 0, sizeof *map);
}
