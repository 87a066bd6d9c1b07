#include "worker/held.h"

#include <stdlib.h>
#include <string.h>

#include "common/checkpoint.h"
#include "common/limits.h"
#include "common/row.h"
#include "common/wire.h"
#include "worker/items.h"

static lt_status check(const Lefttail__Lease *lease, lt_error *error)
{
    if (!lease->spec || !lease->checkpoint)
        return lt_fail(error, LT_PROTOCOL, "Lease", "it has no spec or no checkpoint");
    if (lease->pack.len != LT_DIGEST_BYTES || lease->pack_bytes == 0 ||
        lease->pack_bytes > LT_PACK_BYTES_MAX)
        return lt_fail(error, LT_PROTOCOL, "Lease.pack", "not a pack of at most %u bytes",
                       LT_PACK_BYTES_MAX);
    if (lease->item_count == 0 || lease->item_count > LT_PACK_ITEMS_MAX ||
        lease->first_item > LT_PACK_ITEMS_MAX)
        return lt_fail(error, LT_PROTOCOL, "Lease.item_count", "items %u and %u more",
                       lease->first_item, lease->item_count);
    if (lease->label_count == 0 || lease->label_count > LT_LABELS_MAX)
        return lt_fail(error, LT_PROTOCOL, "Lease.label_count", "%u labels", lease->label_count);
    return lt_checkpoint_check(lease->checkpoint, error);
}

/* `done` as a bitmap of all items, so that bits can be set in place. */
static void widen_done(Lefttail__Lease *lease)
{
    const size_t bytes = ((size_t)lease->item_count + 7) / 8;
    uint8_t *done = lt_alloc(bytes);
    if (lease->done.len)
        memcpy(done, lease->done.data, lease->done.len < bytes ? lease->done.len : bytes);
    free(lease->done.data);
    lease->done = (ProtobufCBinaryData){bytes, done};
}

lt_status lt_held_new(lt_held **out, const Lefttail__Lease *lease, lt_error *error)
{
    *out = NULL;
    LT_TRY(check(lease, error));
    lt_buf packed = {0};
    lt_wire_pack(&lease->base, &packed);
    lt_held *held = lt_alloc(sizeof *held);
    held->lease = lefttail__lease__unpack(NULL, packed.len, (const uint8_t *)lt_buf_str(&packed));
    LT_ASSERT(held->lease);
    lt_buf_fini(&packed);
    widen_done(held->lease);
    held->numerics_class = lt_spec_class(held->lease->spec);
    held->open_items = lt_lease_open_items(held->lease);
    *out = held;
    return LT_OK;
}

static void free_pending(lt_held *held)
{
    for (size_t i = 0; i < held->pending_count; i++)
        lefttail__row__free_unpacked(held->pending[i], NULL);
    free(held->pending);
    held->pending = NULL;
    held->pending_count = 0;
}

void lt_held_free(lt_held **held)
{
    if (!*held)
        return;
    lt_supply_close(&(*held)->supply);
    free_pending(*held);
    lt_held_ack(*held, UINT64_MAX);
    lefttail__lease__free_unpacked((*held)->lease, NULL);
    free(*held);
    *held = NULL;
}

static lt_status check_row(const lt_held *held, const Lefttail__Row *row, lt_error *error)
{
    const Lefttail__Lease *lease = held->lease;
    LT_TRY(lt_row_check(row, lease->label_count, error));
    if (row->item < lease->first_item || row->item - lease->first_item >= lease->item_count ||
        lt_lease_item_is_done(lease, row->item - lease->first_item))
        return lt_fail(error, LT_PROTOCOL, "row.item", "item %u is not open in this lease",
                       row->item);
    return LT_OK;
}

lt_status lt_held_add_row(lt_held *held, Lefttail__Row *row, lt_error *error)
{
    const lt_status status = check_row(held, row, error);
    if (status != LT_OK) {
        lefttail__row__free_unpacked(row, NULL);
        return status;
    }
    const uint32_t i = row->item - held->lease->first_item;
    held->lease->done.data[i / 8] |= (uint8_t)(1u << (i % 8));
    held->open_items--;
    held->items_done++;
    held->pending = lt_realloc(held->pending, (held->pending_count + 1) * sizeof *held->pending);
    held->pending[held->pending_count++] = row;
    return LT_OK;
}

const lt_spooled *lt_held_flush(lt_held *held)
{
    if (held->pending_count == 0)
        return NULL;
    Lefttail__Results results = LEFTTAIL__RESULTS__INIT;
    results.lease = held->lease->lease;
    results.epoch = held->lease->epoch;
    results.token = held->lease->token;
    results.numerics_class = (ProtobufCBinaryData){LT_DIGEST_BYTES, held->numerics_class.bytes};
    results.pack = held->lease->pack;
    results.sequence = ++held->sequence;
    results.rows = held->pending;
    results.n_rows = held->pending_count;
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    message.body_case = LEFTTAIL__MESSAGE__BODY_RESULTS;
    message.results = &results;
    lt_spooled *spooled = lt_alloc(sizeof *spooled);
    spooled->sequence = held->sequence;
    lt_wire_pack(&message.base, &spooled->bytes);
    if (held->last)
        held->last->next = spooled;
    else
        held->first = spooled;
    held->last = spooled;
    free_pending(held);
    return spooled;
}

void lt_held_ack(lt_held *held, uint64_t sequence)
{
    while (held->first && held->first->sequence <= sequence) {
        lt_spooled *spooled = held->first;
        held->first = spooled->next;
        lt_buf_fini(&spooled->bytes);
        free(spooled);
    }
    if (!held->first)
        held->last = NULL;
}

bool lt_held_is_acked(const lt_held *held)
{
    return held->pending_count == 0 && !held->first;
}
