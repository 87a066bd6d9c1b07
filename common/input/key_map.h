/* Byte strings to numbers: which prompt has this id, this text. Keys are borrowed and must stay. */
#ifndef LT_COMMON_INPUT_KEY_MAP_H
#define LT_COMMON_INPUT_KEY_MAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lt_key_map {
    struct lt_key_slot *slots; /* [cap], a power of two, at most two thirds full */
    size_t cap, count;
} lt_key_map;

/* The value under key, or NULL. Good until the next lt_key_map_add. */
size_t *lt_key_map_get(const lt_key_map *map, const char *key, size_t len);
void lt_key_map_add(lt_key_map *map, const char *key, size_t len,
                    size_t value); /* key must be new */
void lt_key_map_fini(lt_key_map *map);

#endif
