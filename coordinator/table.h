/* A hash table from a non-zero number to a pointer: open addressing, grows at three quarters. The
 * pointers stay the caller's. Zeroed memory is an empty table. */
#ifndef LT_COORDINATOR_TABLE_H
#define LT_COORDINATOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lt_table {
    struct lt_table_slot {
        uint64_t key; /* 0: free */
        void *value;
    } * slots;
    size_t cap; /* a power of two, or 0 */
    size_t count;
} lt_table;

void *lt_table_find(const lt_table *table, uint64_t key);      /* NULL: not there */
void lt_table_put(lt_table *table, uint64_t key, void *value); /* replaces */
void *lt_table_remove(lt_table *table, uint64_t key);          /* what was there, or NULL */
void lt_table_fini(lt_table *table);

/* Walks all entries in no order: *at starts at 0; false at the end. Not across changes. */
bool lt_table_next(const lt_table *table, size_t *at, uint64_t *key, void **value);

#endif
