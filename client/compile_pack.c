#include "client/compile_pack.h"

#include <stdlib.h>
#include <string.h>

#include "common/limits.h"

enum { PROMPTS_MAX = LT_WIRE_REPEATS_MAX / 2 };

/* What a prompt with its responses takes in a pack, within a few bytes a text. */
static size_t bytes_of(const lt_joined *joined, const lt_prompt *prompt)
{
    size_t bytes = 32 + strlen(prompt->id) + strlen(prompt->text) + strlen(prompt->category) +
                   strlen(prompt->label);
    for (size_t i = 0; i < prompt->response_count; i++) {
        const lt_response *response = &joined->responses[prompt->first_response + i];
        bytes += 32 + response->text_len + strlen(response->label);
    }
    return bytes;
}

/* One past the last prompt of the pack that begins at `first`. */
static size_t pack_end(const lt_pack_writer *writer, const lt_joined *joined, size_t first)
{
    size_t items = 0, bytes = 0, end = first;
    for (; end < joined->prompt_count && end - first < PROMPTS_MAX; end++) {
        const lt_prompt *prompt = &joined->prompts[end];
        const size_t more = bytes_of(joined, prompt);
        const bool full = items + prompt->response_count > writer->items_target ||
                          bytes + more > LT_PACK_BYTES_TARGET;
        if (items > 0 && prompt->response_count > 0 && full)
            break;
        items += prompt->response_count;
        bytes += more;
    }
    return end;
}

static Lefttail__Prompt *make_prompt(lt_pack_writer *writer, const lt_joined *joined,
                                     const lt_prompt *from)
{
    Lefttail__Prompt *prompt = lt_arena_alloc(&writer->arena, sizeof *prompt);
    lefttail__prompt__init(prompt);
    prompt->id = (char *)from->id;
    prompt->text = (char *)from->text;
    prompt->category = (char *)from->category;
    prompt->label = (char *)from->label;
    prompt->n_responses = from->response_count;
    prompt->responses =
        lt_arena_alloc(&writer->arena, (from->response_count + 1) * sizeof *prompt->responses);
    for (size_t i = 0; i < from->response_count; i++) {
        const lt_response *response = &joined->responses[from->first_response + i];
        Lefttail__Response *made = lt_arena_alloc(&writer->arena, sizeof *made);
        lefttail__response__init(made);
        made->variant = response->variant;
        made->sample = response->sample;
        made->text.data = (uint8_t *)response->text;
        made->text.len = response->text_len;
        made->label = (char *)response->label;
        prompt->responses[i] = made;
    }
    return prompt;
}

static Lefttail__PackRef *add_ref(lt_pack_writer *writer)
{
    Lefttail__Manifest *manifest = writer->manifest;
    if (manifest->n_packs == writer->packs_cap) {
        writer->packs_cap = writer->packs_cap ? 2 * writer->packs_cap : 64;
        manifest->packs = lt_realloc(manifest->packs, writer->packs_cap * sizeof *manifest->packs);
    }
    Lefttail__PackRef *ref = lt_alloc(sizeof *ref);
    lefttail__pack_ref__init(ref);
    manifest->packs[manifest->n_packs++] = ref;
    return ref;
}

static lt_status check_size(const lt_pack_writer *writer, const lt_joined *joined, size_t first,
                            size_t items, lt_error *error)
{
    const char *id = joined->prompts[first].id;
    if (writer->bytes.len > LT_PACK_BYTES_MAX)
        return lt_fail(error, LT_LIMIT, id,
                       "the responses to this prompt have %zu bytes; %u are allowed",
                       writer->bytes.len, LT_PACK_BYTES_MAX);
    if (items > LT_PACK_ITEMS_MAX)
        return lt_fail(error, LT_LIMIT, id, "this prompt has %zu responses; %d are allowed", items,
                       LT_PACK_ITEMS_MAX);
    return LT_OK;
}

static lt_status write_pack(lt_pack_writer *writer, uint32_t set, const lt_joined *joined,
                            size_t first, size_t end, lt_error *error)
{
    lt_arena_reset(&writer->arena);
    Lefttail__Pack pack = LEFTTAIL__PACK__INIT;
    pack.n_prompts = end - first;
    pack.prompts = lt_arena_alloc(&writer->arena, pack.n_prompts * sizeof *pack.prompts);
    size_t items = 0;
    for (size_t i = first; i < end; i++) {
        pack.prompts[i - first] = make_prompt(writer, joined, &joined->prompts[i]);
        items += joined->prompts[i].response_count;
    }
    lt_buf_clear(&writer->bytes);
    const size_t bytes = lefttail__pack__get_packed_size(&pack);
    writer->bytes.len =
        lefttail__pack__pack(&pack, (uint8_t *)lt_buf_reserve(&writer->bytes, bytes));
    LT_TRY(check_size(writer, joined, first, items, error));
    if (writer->manifest->n_packs == LT_MANIFEST_PACKS_MAX)
        return lt_remedy(
            error,
            lt_fail(error, LT_LIMIT, NULL, "the job has more than %u packs", LT_MANIFEST_PACKS_MAX),
            "make them larger: --shard-items");
    Lefttail__PackRef *ref = add_ref(writer);
    const lt_digest digest = lt_digest_of(writer->bytes.data, writer->bytes.len);
    ref->digest.data = (uint8_t *)lt_strndup((const char *)digest.bytes, LT_DIGEST_BYTES);
    ref->digest.len = LT_DIGEST_BYTES;
    ref->bytes = writer->bytes.len;
    ref->set = set;
    ref->items = (uint32_t)items;
    ref->first_prompt = first;
    ref->prompts = (uint32_t)(end - first);
    return writer->each
               ? writer->each(writer->context, ref, writer->bytes.data, writer->bytes.len, error)
               : LT_OK;
}

lt_status lt_pack_writer_set(lt_pack_writer *writer, uint32_t set, const lt_joined *joined,
                             lt_error *error)
{
    for (size_t first = 0; first < joined->prompt_count;) {
        const size_t end = pack_end(writer, joined, first);
        LT_TRY(write_pack(writer, set, joined, first, end, error));
        first = end;
    }
    return LT_OK;
}

void lt_pack_writer_fini(lt_pack_writer *writer)
{
    lt_buf_fini(&writer->bytes);
    lt_arena_fini(&writer->arena);
}
