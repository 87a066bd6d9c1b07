#include "worker/engine/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

/* A pass of this many tokens pays for reading the weights once; its activations stay within the
 * reach of the second-level cache. Calls with few tokens are cut finer, so that every thread gets
 * some. */
enum { PASS_TOKENS = 384, PASS_TOKENS_MIN = 96, PASSES_PER_THREAD = 4 };

void lt_text_work_set(lt_text_work *text, const lt_token_row *row)
{
    const size_t id_bytes = row->count * sizeof *text->ids;
    char *block = lt_alloc(id_bytes + row->count);
    memcpy(block, row->ids, id_bytes);
    memcpy(block + id_bytes, row->type_ids, row->count);
    text->ids = (uint32_t *)(void *)block;
    text->type_ids = (uint8_t *)block + id_bytes;
    text->count = row->count;
}

/* ---- equal texts ---- */

static bool same_tokens(const lt_text_work *a, const lt_text_work *b)
{
    return a->count == b->count && memcmp(a->ids, b->ids, a->count * (sizeof *a->ids + 1)) == 0;
}

static uint64_t hash_of(const lt_text_work *text)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ text->count;
    for (uint32_t i = 0; i < text->count; i++) {
        hash = (hash ^ text->ids[i] ^ ((uint64_t)text->type_ids[i] << 40)) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

/* Open addressing over the firsts of their kind; a twin is linked behind its first. */
static void find_twins(lt_schedule *schedule, lt_text_work *texts, size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    size_t *table = lt_alloc(slots * sizeof *table); /* item + 1; 0: free */
    for (size_t i = 0; i < count; i++) {
        texts[i].twin = SIZE_MAX;
        if (!texts[i].ids)
            continue;
        size_t at = hash_of(&texts[i]) & (slots - 1);
        while (table[at] && !same_tokens(&texts[table[at] - 1], &texts[i]))
            at = (at + 1) & (slots - 1);
        if (table[at]) {
            lt_text_work *first = &texts[table[at] - 1];
            texts[i].twin = first->twin;
            first->twin = i;
        } else {
            table[at] = i + 1;
            schedule->order[schedule->unique_count++] = i;
        }
    }
    free(table);
}

/* ---- order and batches ---- */

static int by_length(const void *a, const void *b, void *context)
{
    const lt_text_work *texts = context;
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    if (texts[x].count != texts[y].count)
        return texts[x].count > texts[y].count ? -1 : 1;
    return (x > y) - (x < y);
}

/* The longest ones, while one of them is more than a thread's share of all that is left. */
static size_t count_wide(const lt_schedule *schedule, uint64_t tokens,
                         const lt_schedule_limits *limits)
{
    size_t wide = 0;
    while (limits->threads > 1 && wide < schedule->unique_count) {
        const uint64_t count = schedule->sequences[wide].count;
        if (count < limits->wide_tokens_min || count * limits->threads <= tokens)
            break;
        tokens -= count;
        wide++;
    }
    return wide;
}

static uint32_t pass_tokens(uint64_t tokens, uint32_t threads)
{
    const uint64_t fair = tokens / threads / PASSES_PER_THREAD;
    return fair > PASS_TOKENS       ? PASS_TOKENS
           : fair < PASS_TOKENS_MIN ? PASS_TOKENS_MIN
                                    : (uint32_t)fair;
}

static void cut_batches(lt_schedule *schedule, uint64_t tokens, const lt_schedule_limits *limits)
{
    const size_t wide = count_wide(schedule, tokens, limits);
    for (size_t i = 0; i < wide; i++)
        tokens -= schedule->sequences[i].count;
    const uint32_t budget = pass_tokens(tokens, limits->threads), texts_max = limits->texts_max;
    lt_batch *batch = NULL;
    for (size_t i = 0; i < schedule->unique_count; i++) {
        const uint32_t count = schedule->sequences[i].count;
        if (!batch || i <= wide || batch->tokens + count > budget ||
            (texts_max && batch->count >= texts_max)) {
            batch = &schedule->batches[schedule->batch_count++];
            *batch = (lt_batch){.first = i, .wide = i < wide};
        }
        batch->count++;
        batch->tokens += count;
        schedule->text_tokens_max =
            count > schedule->text_tokens_max ? count : schedule->text_tokens_max;
        if (batch->tokens > schedule->batch_tokens_max)
            schedule->batch_tokens_max = batch->tokens;
        if (!batch->wide && batch->tokens > schedule->narrow_tokens_max)
            schedule->narrow_tokens_max = batch->tokens;
        if (batch->count > schedule->batch_texts_max)
            schedule->batch_texts_max = batch->count;
    }
    schedule->wide_count = wide;
}

void lt_schedule_init(lt_schedule *schedule, lt_text_work *texts, size_t count, float *logits,
                      size_t logit_stride, const lt_schedule_limits *limits)
{
    *schedule = (lt_schedule){
        .order = lt_alloc((count + 1) * sizeof *schedule->order),
        .sequences = lt_alloc((count + 1) * sizeof *schedule->sequences),
        .pointers = lt_alloc((count + 1) * sizeof *schedule->pointers),
        .batches = lt_alloc((count + 1) * sizeof *schedule->batches),
    };
    find_twins(schedule, texts, count);
    if (schedule->unique_count)
        qsort_r(schedule->order, schedule->unique_count, sizeof *schedule->order, by_length, texts);
    uint64_t tokens = 0;
    for (size_t i = 0; i < schedule->unique_count; i++) {
        const size_t item = schedule->order[i];
        schedule->sequences[i] = (lt_sequence){texts[item].ids, texts[item].type_ids,
                                               texts[item].count, logits + item * logit_stride};
        schedule->pointers[i] = &schedule->sequences[i];
        tokens += texts[item].count;
    }
    cut_batches(schedule, tokens, limits);
}

void lt_schedule_fini(lt_schedule *schedule)
{
    free(schedule->order);
    free(schedule->sequences);
    free(schedule->pointers);
    free(schedule->batches);
    memset(schedule, 0, sizeof *schedule);
}
