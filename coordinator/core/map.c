#include "coordinator/core/map.h"

#include <stdlib.h>

#include "common/buf.h"

struct lt_map_entry {
    uint64_t key;
    uint32_t value; /* LT_NONE: free */
};

/* Finaliser of splitmix64: neighbours in, scattered out. */
static size_t slot_of(const lt_map *map, uint64_t key)
{
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
    key = (key ^ (key >> 27)) * 0x94d049bb133111ebu;
    return (size_t)(key ^ (key >> 31)) & map->mask;
}

void lt_map_fini(lt_map *map)
{
    free(map->entries);
    *map = (lt_map){0};
}

static void place(lt_map *map, uint64_t key, uint32_t value)
{
    size_t slot = slot_of(map, key);
    while (map->entries[slot].value != LT_NONE && map->entries[slot].key != key)
        slot = (slot + 1) & map->mask;
    if (map->entries[slot].value == LT_NONE)
        map->count++;
    map->entries[slot] = (struct lt_map_entry){key, value};
}

void lt_map_reserve(lt_map *map, size_t count)
{
    size_t size = map->entries ? map->mask + 1 : 16;
    while (size < 2 * count)
        size *= 2;
    if (map->entries && size == map->mask + 1)
        return;
    const lt_map old = *map;
    map->entries = lt_alloc(size * sizeof *map->entries);
    map->mask = size - 1;
    map->count = 0;
    for (size_t i = 0; i < size; i++)
        map->entries[i].value = LT_NONE;
    for (size_t i = 0; old.entries && i <= old.mask; i++)
        if (old.entries[i].value != LT_NONE)
            place(map, old.entries[i].key, old.entries[i].value);
    free(old.entries);
}

void lt_map_put(lt_map *map, uint64_t key, uint32_t value)
{
    lt_map_reserve(map, map->count + 1);
    place(map, key, value);
}

uint32_t lt_map_get(const lt_map *map, uint64_t key)
{
    if (!map->entries)
        return LT_NONE;
    for (size_t slot = slot_of(map, key); map->entries[slot].value != LT_NONE;
         slot = (slot + 1) & map->mask)
        if (map->entries[slot].key == key)
            return map->entries[slot].value;
    return LT_NONE;
}

/* Entries behind the hole move up into it when their own slot does not lie between (Knuth 6.4 R).
 */
void lt_map_remove(lt_map *map, uint64_t key)
{
    if (!map->entries)
        return;
    size_t hole = slot_of(map, key);
    while (map->entries[hole].value != LT_NONE && map->entries[hole].key != key)
        hole = (hole + 1) & map->mask;
    if (map->entries[hole].value == LT_NONE)
        return;
    map->count--;
    for (size_t next = (hole + 1) & map->mask; map->entries[next].value != LT_NONE;
         next = (next + 1) & map->mask) {
        const size_t home = slot_of(map, map->entries[next].key);
        if (((next - home) & map->mask) < ((next - hole) & map->mask))
            continue;
        map->entries[hole] = map->entries[next];
        hole = next;
    }
    map->entries[hole].value = LT_NONE;
}
