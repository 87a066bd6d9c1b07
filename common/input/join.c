#include "common/input/join.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/input/join_reader.h"
#include "common/limits.h"
#include "common/utf8.h"

lt_status lt_join_text(lt_join_reader *reader, lt_table *table, const char *column,
                       const lt_value *value, const char **out, lt_error *error)
{
    char where[sizeof error->where];
    lt_table_place(table, where, sizeof where);
    if (memchr(value->text, '\0', value->len))
        return lt_fail(error, LT_INPUT, where, "column '%s' holds a NUL character", column);
    if (!lt_utf8_valid(value->text, value->len))
        return lt_remedy(error,
                         lt_fail(error, LT_INPUT, where, "column '%s' is not valid UTF-8", column),
                         "convert the file to UTF-8");
    if (value->len > LT_TEXT_BYTES_MAX)
        return lt_fail(error, LT_LIMIT, where, "column '%s' has %zu bytes; %u are allowed", column,
                       value->len, LT_TEXT_BYTES_MAX);
    *out = lt_arena_strndup(&reader->out->arena, value->text, value->len);
    return LT_OK;
}

lt_status lt_join_optional_text(lt_join_reader *reader, lt_table *table, lt_join_optional *optional,
                                const char **out, lt_error *error)
{
    *out = "";
    if (!optional->column)
        return LT_OK;
    const lt_value value = lt_table_get(table, optional->column);
    if (value.kind == LT_VALUE_MISSING) {
        if (!optional->missed)
            lt_table_bad(table, optional->column, &value, &optional->miss);
        optional->missed = true;
        return LT_OK;
    }
    optional->seen = true;
    if (value.kind == LT_VALUE_NULL || (value.kind == LT_VALUE_TEXT && value.len == 0))
        return LT_OK;
    if (value.kind != LT_VALUE_TEXT)
        return lt_table_bad(table, optional->column, &value, error);
    return lt_join_text(reader, table, optional->column, &value, out, error);
}

lt_status lt_join_optional_end(const lt_join_optional *optional, lt_error *error)
{
    if (!optional->missed || optional->seen)
        return LT_OK;
    if (error)
        *error = optional->miss;
    return optional->miss.status;
}

static int by_item(const void *a, const void *b)
{
    const lt_response *x = a, *y = b;
    if (x->prompt != y->prompt)
        return x->prompt < y->prompt ? -1 : 1;
    if (x->variant != y->variant)
        return x->variant < y->variant ? -1 : 1;
    if (x->sample != y->sample)
        return x->sample < y->sample ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Named sample numbers begin at 0 or at 1, as people like. */
static void number_samples(lt_joined *joined)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (size_t i = 0; i < joined->response_count; i++) {
        const uint32_t sample = joined->responses[i].sample;
        least = sample < least ? sample : least;
        most = sample > most ? sample : most;
    }
    for (size_t i = 0; i < joined->response_count; i++)
        joined->responses[i].sample -= least;
    joined->samples = joined->response_count ? most - least + 1 : 1;
}

/* Only with a sample column can two rows be the same item now. */
static lt_status check_twins(const lt_join_reader *reader, lt_error *error)
{
    const lt_joined *joined = reader->out;
    for (size_t i = 1; i < joined->response_count; i++) {
        const lt_response *a = &joined->responses[i - 1], *b = &joined->responses[i];
        if (a->prompt != b->prompt || a->variant != b->variant || a->sample != b->sample)
            continue;
        char *path = lt_job_responses_path(reader->job, reader->set, b->variant);
        lt_buf where = {0};
        lt_buf_printf(&where, "%s:%llu", path, (unsigned long long)b->line);
        lt_fail(error, LT_INPUT, lt_buf_str(&where),
                "a second response to '%s' with the same sample number, first at %s:%llu",
                joined->prompts[b->prompt].id, path, (unsigned long long)a->line);
        lt_buf_fini(&where);
        free(path);
        return LT_INPUT;
    }
    return LT_OK;
}

static void index_responses(lt_joined *joined)
{
    size_t next = 0;
    for (size_t p = 0; p < joined->prompt_count; p++) {
        lt_prompt *prompt = &joined->prompts[p];
        prompt->first_response = next;
        while (next < joined->response_count && joined->responses[next].prompt == p)
            next++;
        prompt->response_count = next - prompt->first_response;
    }
}

static lt_status read_set(lt_join_reader *reader, lt_error *error)
{
    lt_joined *out = reader->out;
    LT_TRY(lt_join_prompts(reader, error));
    reader->next_sample = lt_alloc((out->prompt_count + 1) * sizeof *reader->next_sample);
    reader->first_line = lt_alloc((out->prompt_count + 1) * sizeof *reader->first_line);
    for (uint32_t v = 0; v < reader->job->variants_count; v++) {
        memset(reader->next_sample, 0, out->prompt_count * sizeof *reader->next_sample);
        memset(reader->first_line, 0, out->prompt_count * sizeof *reader->first_line);
        LT_TRY(lt_join_responses(reader, v, error));
    }
    if (out->response_count == 0) {
        char place[LT_JOB_PLACE_BYTES];
        lt_job_place(reader->job, place, "prompt_sets.%zu.responses", reader->set);
        return lt_fail(error, LT_INPUT, place,
                       "no variant has a response to any of the %zu prompts of '%s'",
                       out->prompt_count, reader->job->prompt_sets[reader->set].name);
    }
    number_samples(out);
    qsort(out->responses, out->response_count, sizeof *out->responses, by_item);
    LT_TRY(check_twins(reader, error));
    index_responses(out);
    return LT_OK;
}

lt_status lt_join(const lt_job *job, size_t set, lt_joined *out, lt_error *error)
{
    memset(out, 0, sizeof *out);
    lt_join_reader reader = {.job = job, .set = set, .out = out};
    reader.prompts_path = lt_job_path(job, job->prompt_sets[set].prompts.file);
    out->accounts = lt_alloc(job->variants_count * sizeof *out->accounts);
    const lt_status status = read_set(&reader, error);
    lt_key_map_fini(&reader.keys);
    free(reader.prompts_path);
    free(reader.next_sample);
    free(reader.first_line);
    if (status != LT_OK)
        lt_joined_fini(out);
    return status;
}

void lt_joined_fini(lt_joined *joined)
{
    free(joined->prompts);
    free(joined->responses);
    free(joined->accounts);
    lt_arena_fini(&joined->arena);
    memset(joined, 0, sizeof *joined);
}
