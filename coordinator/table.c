#include "coordinator/table.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/status.h"

/* Peers and leases are numbered in sequence: multiply, so that they do not cluster. */
static size_t home(const lt_table *table, uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (table->cap - 1);
}

static struct lt_table_slot *probe(const lt_table *table, uint64_t key)
{
    size_t i = home(table, key);
    while (table->slots[i].key != 0 && table->slots[i].key != key)
        i = (i + 1) & (table->cap - 1);
    return &table->slots[i];
}

static void grow(lt_table *table)
{
    lt_table bigger = {.cap = table->cap ? table->cap * 2 : 16};
    bigger.slots = lt_alloc(bigger.cap * sizeof *bigger.slots);
    for (size_t i = 0; i < table->cap; i++)
        if (table->slots[i].key != 0)
            *probe(&bigger, table->slots[i].key) = table->slots[i];
    bigger.count = table->count;
    free(table->slots);
    *table = bigger;
}

void *lt_table_find(const lt_table *table, uint64_t key)
{
    return table->cap == 0 || key == 0 ? NULL : probe(table, key)->value;
}

void lt_table_put(lt_table *table, uint64_t key, void *value)
{
    LT_ASSERT(key != 0 && value != NULL);
    if ((table->count + 1) * 4 > table->cap * 3)
        grow(table);
    struct lt_table_slot *slot = probe(table, key);
    table->count += slot->key == 0;
    slot->key = key;
    slot->value = value;
}

/* Moves later entries of the run back over the hole, so that no tombstones are needed. */
static void close_hole(lt_table *table, size_t hole)
{
    for (size_t i = (hole + 1) & (table->cap - 1); table->slots[i].key != 0;
         i = (i + 1) & (table->cap - 1)) {
        const size_t from_home = (i - home(table, table->slots[i].key)) & (table->cap - 1);
        if (from_home >= ((i - hole) & (table->cap - 1))) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    memset(&table->slots[hole], 0, sizeof table->slots[hole]);
}

void *lt_table_remove(lt_table *table, uint64_t key)
{
    if (table->cap == 0 || key == 0)
        return NULL;
    struct lt_table_slot *slot = probe(table, key);
    void *value = slot->value;
    if (slot->key == key) {
        table->count--;
        close_hole(table, (size_t)(slot - table->slots));
    }
    return value;
}

void lt_table_fini(lt_table *table)
{
    free(table->slots);
    memset(table, 0, sizeof *table);
}

bool lt_table_next(const lt_table *table, size_t *at, uint64_t *key, void **value)
{
    while (*at < table->cap && table->slots[*at].key == 0)
        ++*at;
    if (*at >= table->cap)
        return false;
    *key = table->slots[*at].key;
    *value = table->slots[*at].value;
    ++*at;
    return true;
}
