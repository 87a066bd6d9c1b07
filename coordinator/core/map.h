/* From a 64-bit number to an index: open addressing, linear probing, at most half full. Growth is
 * the only allocation. Zeroed memory is an empty map. */
#ifndef LT_COORDINATOR_CORE_MAP_H
#define LT_COORDINATOR_CORE_MAP_H

#include <stddef.h>
#include <stdint.h>

#define LT_NONE UINT32_MAX /* no index */

typedef struct lt_map {
    struct lt_map_entry *entries; /* [mask + 1]; NULL while empty */
    size_t mask, count;
} lt_map;

void lt_map_fini(lt_map *map);
void lt_map_reserve(lt_map *map, size_t count);             /* room for that many without growing */
void lt_map_put(lt_map *map, uint64_t key, uint32_t value); /* value != LT_NONE; replaces */
uint32_t lt_map_get(const lt_map *map, uint64_t key);       /* LT_NONE: not there */
void lt_map_remove(lt_map *map, uint64_t key);              /* not there: nothing */

#endif
