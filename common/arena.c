#include "common/arena.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/status.h"

enum { BLOCK_BYTES = 64 << 10, ALIGN = 16 };

struct lt_arena_block {
    struct lt_arena_block *next;
    size_t cap;
    size_t used;
    _Alignas(ALIGN) char bytes[];
};

static struct lt_arena_block *block_new(size_t bytes)
{
    const size_t cap = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct lt_arena_block *block = malloc(sizeof *block + cap);
    LT_ASSERT(block != NULL);
    block->next = NULL;
    block->cap = cap;
    block->used = 0;
    return block;
}

void *lt_arena_alloc(lt_arena *arena, size_t bytes)
{
    LT_ASSERT(bytes < SIZE_MAX / 2);
    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct lt_arena_block *block = arena->blocks;
    if (!block || block->cap - block->used < bytes) {
        block = block_new(bytes);
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += bytes;
    arena->used_bytes += bytes;
    memset(memory, 0, bytes);
    return memory;
}

char *lt_arena_strndup(lt_arena *arena, const char *text, size_t len)
{
    char *copy = lt_arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

char *lt_arena_strdup(lt_arena *arena, const char *text)
{
    return lt_arena_strndup(arena, text, strlen(text));
}

void lt_arena_reset(lt_arena *arena)
{
    struct lt_arena_block *kept = arena->blocks;
    if (!kept)
        return;
    for (struct lt_arena_block *block = kept->next, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    kept->next = NULL;
    kept->used = 0;
    arena->used_bytes = 0;
}

void lt_arena_fini(lt_arena *arena)
{
    for (struct lt_arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    memset(arena, 0, sizeof *arena);
}
