/* Memory that is freed all at once. Pointers stay valid until reset or fini. Not for threads. */
#ifndef LT_COMMON_ARENA_H
#define LT_COMMON_ARENA_H

#include <stddef.h>

typedef struct lt_arena {
    struct lt_arena_block *blocks; /* newest first */
    size_t used_bytes;             /* handed out since the last reset */
} lt_arena;

void *lt_arena_alloc(lt_arena *arena, size_t bytes);           /* zeroed, aligned to 16; never NULL */
char *lt_arena_strndup(lt_arena *arena, const char *text, size_t len);
char *lt_arena_strdup(lt_arena *arena, const char *text);
void lt_arena_reset(lt_arena *arena);                          /* keeps one block for reuse */
void lt_arena_fini(lt_arena *arena);                           /* safe on zeroed memory */

#endif
