/* Two ways to the same result. A short word scans its pairs for the best rank each time: no more
 * than a cache line or two. A long one keeps its pairs in a heap ordered by rank and position, so
 * that ten thousand characters stay n log n; an entry whose pair has changed meanwhile is stale
 * and skipped, which its rank tells. */
#include "worker/engine/tokenizer/bpe.h"

#include <string.h>

#include "worker/engine/tokenizer/hash.h"

#define SHORT_SYMBOLS 40

const lt_bpe_merge *lt_bpe_find(const lt_bpe *model, uint32_t left, uint32_t right)
{
    size_t mask = model->slot_count - 1;
    size_t slot = (size_t)lt_hash_u64((uint64_t)left << 32 | right) & mask;
    for (; model->merges[slot].left != LT_TOKEN_NONE; slot = (slot + 1) & mask)
        if (model->merges[slot].left == left && model->merges[slot].right == right)
            return &model->merges[slot];
    return NULL;
}

static void rate(const lt_bpe *model, lt_bpe_symbol *symbol, const lt_bpe_symbol *next)
{
    const lt_bpe_merge *merge = next ? lt_bpe_find(model, symbol->id, next->id) : NULL;
    symbol->rank = merge ? merge->rank : LT_TOKEN_NONE;
    symbol->merged = merge ? merge->merged : LT_TOKEN_NONE;
}

static void merge_short(const lt_bpe *model, lt_bpe_symbol *symbols, size_t count, lt_id_list *out)
{
    for (size_t i = 0; i < count; i++)
        rate(model, &symbols[i], i + 1 < count ? &symbols[i + 1] : NULL);
    while (count > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < count; i++)
            if (symbols[i].rank < symbols[best].rank)
                best = i;
        if (symbols[best].rank == LT_TOKEN_NONE)
            break;
        symbols[best].id = symbols[best].merged;
        count--;
        memmove(&symbols[best + 1], &symbols[best + 2], (count - best - 1) * sizeof *symbols);
        rate(model, &symbols[best], best + 1 < count ? &symbols[best + 1] : NULL);
        if (best > 0)
            rate(model, &symbols[best - 1], &symbols[best]);
    }
    uint32_t *to = lt_id_list_room(out, count);
    for (size_t i = 0; i < count; i++)
        to[i] = symbols[i].id;
    out->count += count;
}

static void heap_push(lt_bpe_scratch *scratch, uint32_t rank, size_t position)
{
    if (rank == LT_TOKEN_NONE)
        return;
    if (scratch->heap_count == scratch->heap_cap) {
        scratch->heap_cap = scratch->heap_cap ? scratch->heap_cap * 2 : 256;
        scratch->heap = lt_realloc(scratch->heap, scratch->heap_cap * sizeof *scratch->heap);
    }
    uint64_t key = (uint64_t)rank << 32 | position;
    size_t at = scratch->heap_count++;
    for (; at > 0 && scratch->heap[(at - 1) / 2] > key; at = (at - 1) / 2)
        scratch->heap[at] = scratch->heap[(at - 1) / 2];
    scratch->heap[at] = key;
}

static uint64_t heap_pop(lt_bpe_scratch *scratch)
{
    uint64_t *heap = scratch->heap, top = heap[0], last = heap[--scratch->heap_count];
    size_t count = scratch->heap_count, at = 0;
    for (size_t child = 1; child < count; at = child, child = 2 * at + 1) {
        if (child + 1 < count && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
}

static void rate_and_push(const lt_bpe *model, lt_bpe_scratch *scratch, int32_t at)
{
    lt_bpe_symbol *symbol = &scratch->symbols[at];
    rate(model, symbol, symbol->next >= 0 ? &scratch->symbols[symbol->next] : NULL);
    heap_push(scratch, symbol->rank, (size_t)at);
}

static void merge_long(const lt_bpe *model, lt_bpe_scratch *scratch, lt_id_list *out)
{
    lt_bpe_symbol *symbols = scratch->symbols;
    size_t count = scratch->symbol_count;
    scratch->heap_count = 0;
    for (size_t i = 0; i < count; i++) {
        symbols[i].previous = (int32_t)i - 1;
        symbols[i].next = i + 1 < count ? (int32_t)i + 1 : -1;
    }
    for (size_t i = 0; i < count; i++)
        rate_and_push(model, scratch, (int32_t)i);
    while (scratch->heap_count > 0) {
        uint64_t top = heap_pop(scratch);
        int32_t at = (int32_t)(uint32_t)top;
        if (symbols[at].id == LT_TOKEN_NONE || symbols[at].rank != (uint32_t)(top >> 32))
            continue;
        int32_t gone = symbols[at].next;
        symbols[at].id = symbols[at].merged;
        symbols[at].next = symbols[gone].next;
        symbols[gone].id = LT_TOKEN_NONE;
        if (symbols[at].next >= 0)
            symbols[symbols[at].next].previous = at;
        rate_and_push(model, scratch, at);
        if (symbols[at].previous >= 0)
            rate_and_push(model, scratch, symbols[at].previous);
    }
    for (int32_t at = 0; at >= 0; at = symbols[at].next)
        lt_id_list_push(out, symbols[at].id);
}

void lt_bpe_merge_all(const lt_bpe *model, lt_bpe_scratch *scratch, lt_id_list *out)
{
    if (scratch->symbol_count == 0)
        return;
    if (scratch->symbol_count <= SHORT_SYMBOLS)
        merge_short(model, scratch->symbols, scratch->symbol_count, out);
    else
        merge_long(model, scratch, out);
}
