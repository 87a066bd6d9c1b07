#include "worker/items.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/row.h"
#include "common/utf8.h"
#include "common/wire.h"

bool lt_lease_item_is_done(const Lefttail__Lease *lease, uint32_t i)
{
    return i / 8 < lease->done.len && (lease->done.data[i / 8] >> (i % 8) & 1);
}

uint32_t lt_lease_open_items(const Lefttail__Lease *lease)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < lease->item_count; i++)
        open += !lt_lease_item_is_done(lease, i);
    return open;
}

static void put_item(lt_items *items, lt_template template, const Lefttail__Prompt *prompt,
                     const Lefttail__Response *response, uint32_t index)
{
    const size_t at = items->count++;
    lt_item *item = &items->items[at];
    const char *text = response->text.len ? (const char *)response->text.data : "";
    *item = (lt_item){.template = template};
    items->indices[at] = index;
    if (template == LT_TEMPLATE_TEXT) {
        item->text = text;
        item->text_len = response->text.len;
    } else if (template == LT_TEMPLATE_PAIR) {
        item->text = prompt->text;
        item->text_len = strlen(prompt->text);
        item->pair = text;
        item->pair_len = response->text.len;
    } else {
        lt_message *turns = &items->messages[2 * at];
        turns[0] = (lt_message){"user", prompt->text, 4, strlen(prompt->text)};
        turns[1] = (lt_message){"assistant", text, 9, response->text.len};
        item->messages = turns;
        item->message_count = 2;
    }
}

lt_status lt_items_init(lt_items *items, const Lefttail__Lease *lease, lt_template template,
                        const void *pack, size_t pack_bytes, lt_error *error)
{
    *items = (lt_items){0};
    lt_wire_limits limits = LT_WIRE_FRAME_LIMITS;
    limits.bytes_max = LT_PACK_BYTES_MAX;
    ProtobufCMessage *message;
    LT_TRY(
        lt_wire_unpack_as(&lefttail__pack__descriptor, pack, pack_bytes, &limits, &message, error));
    items->pack = (Lefttail__Pack *)message;
    const size_t capacity = (size_t)lease->item_count + 1;
    items->items = lt_alloc(capacity * sizeof *items->items);
    items->indices = lt_alloc(capacity * sizeof *items->indices);
    items->messages = lt_alloc(2 * capacity * sizeof *items->messages);
    const uint64_t end = (uint64_t)lease->first_item + lease->item_count;
    uint64_t index = 0;
    for (size_t p = 0; p < items->pack->n_prompts; p++) {
        const Lefttail__Prompt *prompt = items->pack->prompts[p];
        for (size_t r = 0; r < prompt->n_responses; r++, index++)
            if (index >= lease->first_item && index < end &&
                !lt_lease_item_is_done(lease, (uint32_t)(index - lease->first_item)))
                put_item(items, template, prompt, prompt->responses[r], (uint32_t)index);
    }
    if (end <= index)
        return LT_OK;
    lt_items_fini(items);
    return lt_fail(error, LT_PROTOCOL, "lease", "items %u to %lu of a pack that has %lu",
                   lease->first_item, (unsigned long)end, (unsigned long)index);
}

void lt_items_fini(lt_items *items)
{
    if (items->pack)
        lefttail__pack__free_unpacked(items->pack, NULL);
    free(items->items);
    free(items->indices);
    free(items->messages);
    *items = (lt_items){0};
}

void lt_row_from_score(Lefttail__Row *row, uint32_t item, const lt_score *score,
                       uint32_t label_count, uint8_t *logits)
{
    lefttail__row__init(row);
    row->item = item;
    row->tokens = score->tokens;
    row->tokens_cut = score->tokens_cut;
    row->flags = score->flags;
    row->reason = score->reason;
    if (score->reason == LEFTTAIL__FAILURE_REASON__FAILURE_NONE) {
        row->state = LEFTTAIL__ROW_STATE__ROW_SCORED;
        lt_wire_put_floats(score->logits, label_count, logits);
        row->logits = (ProtobufCBinaryData){4u * (size_t)label_count, logits};
    } else {
        row->state = LEFTTAIL__ROW_STATE__ROW_FAILED;
        if (lt_utf8_valid(score->detail, strlen(score->detail)))
            row->detail = (char *)score->detail;
    }
    row->crc32c = lt_row_crc(row);
}
