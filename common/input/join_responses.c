#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/input/join_reader.h"

enum {
    SAMPLES_MAX = 65536
}; /* expected = prompts x samples: a stray number must not make it billions */

struct responses {
    lt_join_reader *reader;
    lt_table *table;
    const lt_job_table *mapping;
    uint32_t variant;
    lt_joined_account *account;
    char *column; /* of the response, {variant} filled in */
    lt_join_optional label;
};

static lt_status fail_row(const struct responses *r, lt_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static lt_status fail_row(const struct responses *r, lt_error *error, const char *format, ...)
{
    char where[sizeof error->where], what[sizeof error->what];
    lt_table_place(r->table, where, sizeof where);
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return lt_fail(error, LT_INPUT, where, "%s", what);
}

static void add_response(struct responses *r, size_t prompt, uint32_t sample, const lt_value *text,
                         const char *label)
{
    lt_joined *out = r->reader->out;
    if (out->response_count == r->reader->response_cap) {
        r->reader->response_cap = r->reader->response_cap ? 2 * r->reader->response_cap : 1024;
        out->responses =
            lt_realloc(out->responses, r->reader->response_cap * sizeof *out->responses);
    }
    out->responses[out->response_count++] = (lt_response){
        .variant = r->variant,
        .sample = sample,
        .text = lt_arena_strndup(&out->arena, text->text, text->len),
        .text_len = text->len,
        .label = label,
        .line = lt_table_line(r->table),
        .prompt = prompt,
    };
    r->account->present++;
    r->account->empty += text->len == 0;
}

/* A prompt may be answered by a second row only if the mapping says so. */
static lt_status check_second(const struct responses *r, size_t prompt, lt_error *error)
{
    const uint64_t first = r->reader->first_line[prompt];
    if (first == 0 || r->mapping->samples == LT_JOB_MANY || r->mapping->sample)
        return LT_OK;
    fail_row(r, error, "a second response to '%.100s', first at %s:%llu",
             r->reader->out->prompts[prompt].id, lt_table_path(r->table),
             (unsigned long long)first);
    return lt_remedy(error, LT_INPUT,
                     "remove one, or say samples: many if rows with one %s are samples",
                     r->mapping->join == LT_JOB_JOIN_ID ? "id" : "prompt");
}

static lt_status read_sample(const struct responses *r, uint32_t *sample, lt_error *error)
{
    lt_value value;
    LT_TRY(lt_table_need(r->table, r->mapping->sample, &value, error));
    char *end;
    errno = 0;
    const unsigned long number = strtoul(value.text, &end, 10);
    if (errno || value.len == 0 || value.text[0] < '0' || value.text[0] > '9' ||
        end != value.text + value.len || number >= SAMPLES_MAX)
        return lt_expected(error,
                           fail_row(r, error, "the sample number (column '%s') is '%.40s'",
                                    r->mapping->sample, value.text),
                           "a whole number from 0 to %d", SAMPLES_MAX - 1);
    *sample = (uint32_t)number;
    return LT_OK;
}

static lt_status add_list(struct responses *r, size_t prompt, const lt_value *list,
                          const char *label, lt_error *error)
{
    if (r->mapping->sample)
        return fail_row(r, error,
                        "column '%s' is a list, and the mapping names a sample column too",
                        r->column);
    for (size_t i = 0; i < list->count; i++) {
        const lt_value text = lt_table_item(r->table, list, i);
        if (text.kind != LT_VALUE_TEXT)
            return fail_row(r, error, "entry %zu of column '%s' is no text", i, r->column);
        if (r->reader->next_sample[prompt] >= SAMPLES_MAX)
            return fail_row(r, error, "more than %d samples of one prompt", SAMPLES_MAX);
        add_response(r, prompt, r->reader->next_sample[prompt]++, &text, label);
    }
    return LT_OK;
}

static lt_status add_row(struct responses *r, size_t prompt, lt_error *error)
{
    LT_TRY(check_second(r, prompt, error));
    if (r->reader->first_line[prompt] == 0)
        r->reader->first_line[prompt] = lt_table_line(r->table);
    const char *label;
    LT_TRY(lt_join_optional_text(r->reader, r->table, &r->label, &label, error));
    const lt_value value = lt_table_get(r->table, r->column);
    if (value.kind == LT_VALUE_LIST)
        return add_list(r, prompt, &value, label, error);
    if (value.kind != LT_VALUE_TEXT)
        return lt_table_bad(r->table, r->column, &value, error);
    uint32_t sample = 0;
    if (r->mapping->sample)
        LT_TRY(read_sample(r, &sample, error));
    else if (r->reader->next_sample[prompt] >= SAMPLES_MAX)
        return fail_row(r, error, "more than %d samples of one prompt", SAMPLES_MAX);
    else
        sample = r->reader->next_sample[prompt]++;
    add_response(r, prompt, sample, &value, label);
    return LT_OK;
}

static lt_status unmatched(struct responses *r, const lt_value *key, lt_error *error)
{
    const lt_job_set *set = &r->reader->job->prompt_sets[r->reader->set];
    if (r->account->unmatched++ == 0)
        r->account->first_unmatched_line = lt_table_line(r->table);
    if (set->unmatched == LT_JOB_COUNT)
        return LT_OK;
    fail_row(r, error, "a response to the %s '%.100s', which is not in %s:1-%llu",
             r->mapping->join == LT_JOB_JOIN_ID ? "id" : "prompt", key->text,
             r->reader->prompts_path, (unsigned long long)r->reader->last_line);
    return lt_remedy(error, LT_INPUT,
                     "mend it, or say unmatched: count in the set to count such rows and go on");
}

static lt_status read_row(struct responses *r, lt_error *error)
{
    bool kept;
    LT_TRY(lt_where_row(&r->mapping->where, r->reader->job->variants[r->variant].name, r->table,
                        &kept, error));
    if (!kept)
        return LT_OK;
    lt_value key;
    LT_TRY(lt_table_need(r->table,
                         r->mapping->join == LT_JOB_JOIN_ID ? r->mapping->id : r->mapping->prompt,
                         &key, error));
    const size_t *prompt = lt_key_map_get(&r->reader->keys, key.text, key.len);
    if (!prompt)
        return unmatched(r, &key, error);
    if (*prompt == LT_JOIN_LEFT_OUT) {
        r->account->left_out++;
        return LT_OK;
    }
    return add_row(r, *prompt, error);
}

static lt_status read_rows(struct responses *r, lt_error *error)
{
    for (;;) {
        bool got;
        LT_TRY(lt_table_next(r->table, &got, error));
        if (!got)
            return lt_join_optional_end(&r->label, error);
        LT_TRY(read_row(r, error));
    }
}

lt_status lt_join_responses(lt_join_reader *reader, uint32_t variant, lt_error *error)
{
    const char *name = reader->job->variants[variant].name;
    struct responses r = {.reader = reader,
                          .mapping = &reader->job->prompt_sets[reader->set].responses,
                          .variant = variant,
                          .account = &reader->out->accounts[variant]};
    char *path = lt_job_responses_path(reader->job, reader->set, variant);
    char *label = r.mapping->label ? lt_job_fill(r.mapping->label, name) : NULL;
    r.column = lt_job_fill(r.mapping->response, name);
    r.label.column = label;
    lt_status status = lt_table_open(&r.table, path, r.mapping->format, r.mapping->rows, error);
    if (status == LT_NOT_FOUND)
        lt_expected(error, status, "the responses of variant '%s' to the set '%s'", name,
                    reader->job->prompt_sets[reader->set].name);
    if (status == LT_OK)
        status = read_rows(&r, error);
    lt_table_free(&r.table);
    free(r.column);
    free(label);
    free(path);
    return status;
}
