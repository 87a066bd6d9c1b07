/* A growable list of token ids. Zeroed memory is an empty one. */
#ifndef LT_TOKENIZER_ID_LIST_H
#define LT_TOKENIZER_ID_LIST_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

typedef struct lt_id_list {
    uint32_t *ids; /* owned */
    size_t count, cap;
} lt_id_list;

static inline uint32_t *lt_id_list_room(lt_id_list *list,
                                        size_t more) /* room for `more` after count */
{
    if (list->count + more > list->cap) {
        while (list->count + more > list->cap)
            list->cap = list->cap ? list->cap * 2 : 256;
        list->ids = lt_realloc(list->ids, list->cap * sizeof *list->ids);
    }
    return list->ids + list->count;
}

static inline void lt_id_list_push(lt_id_list *list, uint32_t id)
{
    *lt_id_list_room(list, 1) = id;
    list->count++;
}

static inline void lt_id_list_add(lt_id_list *list, const uint32_t *ids, size_t count)
{
    uint32_t *to = lt_id_list_room(list, count);
    if (count)
        memcpy(to, ids, count * sizeof *ids);
    list->count += count;
}

static inline void lt_id_list_fini(lt_id_list *list)
{
    free(list->ids);
    memset(list, 0, sizeof *list);
}

#endif
