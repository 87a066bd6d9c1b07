/* From a lease and its pack to the texts that a scorer reads. */
#ifndef LT_WORKER_ITEMS_H
#define LT_WORKER_ITEMS_H

#include "worker/engine/scorer.h"

/* The items of a lease that are not done. Zeroed memory is none. */
typedef struct lt_items {
    Lefttail__Pack *pack;
    lt_item *items;       /* [count]; borrow from the pack and from `messages` */
    lt_message *messages; /* [2 count], chats only */
    uint32_t *indices;    /* [count]: index in the pack */
    size_t count;
} lt_items;

/* LT_PROTOCOL when the bytes are no pack or the lease goes past its items. */
lt_status lt_items_init(lt_items *items, const Lefttail__Lease *lease, lt_template template,
                        const void *pack, size_t pack_bytes, lt_error *error);
void lt_items_fini(lt_items *items);

/* How many items lease->done leaves open. */
uint32_t lt_lease_open_items(const Lefttail__Lease *lease);
bool lt_lease_item_is_done(const Lefttail__Lease *lease, uint32_t i); /* item first_item + i */

/* Fills a row for one score and makes its checksum. `logits` has room for LT_LABELS_MAX floats; the
 * row borrows it and score->detail. */
void lt_row_from_score(Lefttail__Row *row, uint32_t item, const lt_score *score,
                       uint32_t label_count, uint8_t *logits);

#endif
