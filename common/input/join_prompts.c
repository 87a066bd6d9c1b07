#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/input/join_reader.h"

struct prompts {
    lt_join_reader *reader;
    lt_table *table;
    const lt_job_table *mapping;
    lt_key_map ids; /* id -> prompt, when prompts are joined by text */
    lt_join_optional category, label;
    uint64_t rows;
};

static lt_prompt *add_prompt(lt_join_reader *reader)
{
    lt_joined *out = reader->out;
    if (out->prompt_count == reader->prompt_cap) {
        reader->prompt_cap = reader->prompt_cap ? 2 * reader->prompt_cap : 256;
        out->prompts = lt_realloc(out->prompts, reader->prompt_cap * sizeof *out->prompts);
    }
    lt_prompt *prompt = &out->prompts[out->prompt_count];
    memset(prompt, 0, sizeof *prompt);
    return prompt;
}

static lt_status duplicate(const struct prompts *p, const char *what, const char *key, size_t first,
                           lt_error *error)
{
    char where[sizeof error->where];
    lt_table_place(p->table, where, sizeof where);
    lt_fail(error, LT_INPUT, where, "a second prompt with the %s '%.100s', first at %s:%llu", what,
            key, lt_table_path(p->table), (unsigned long long)p->reader->out->prompts[first].line);
    return lt_remedy(error, LT_INPUT, "remove one of the two, or leave one out with where");
}

/* The text that responses will look for. */
static lt_status read_key(const struct prompts *p, const lt_job_table *responses, const char **key,
                          lt_error *error)
{
    lt_value value;
    const char *column = responses->join == LT_JOB_JOIN_ID ? p->mapping->id : p->mapping->prompt;
    LT_TRY(lt_table_need(p->table, column, &value, error));
    return lt_join_text(p->reader, p->table, column, &value, key, error);
}

static lt_status read_texts(struct prompts *p, lt_prompt *prompt, lt_error *error)
{
    lt_value value;
    if (p->mapping->id) {
        LT_TRY(lt_table_need(p->table, p->mapping->id, &value, error));
        LT_TRY(lt_join_text(p->reader, p->table, p->mapping->id, &value, &prompt->id, error));
    } else {
        char number[24];
        snprintf(number, sizeof number, "%llu", (unsigned long long)p->rows);
        prompt->id = lt_arena_strdup(&p->reader->out->arena, number);
    }
    if (prompt->id[0] == '\0') {
        char where[sizeof error->where];
        lt_table_place(p->table, where, sizeof where);
        return lt_fail(error, LT_INPUT, where, "the prompt's id (column '%s') is empty",
                       p->mapping->id);
    }
    LT_TRY(lt_table_need(p->table, p->mapping->prompt, &value, error));
    LT_TRY(lt_join_text(p->reader, p->table, p->mapping->prompt, &value, &prompt->text, error));
    LT_TRY(lt_join_optional_text(p->reader, p->table, &p->category, &prompt->category, error));
    return lt_join_optional_text(p->reader, p->table, &p->label, &prompt->label, error);
}

static lt_status keep_row(struct prompts *p, const char *key, lt_error *error)
{
    lt_join_reader *reader = p->reader;
    const bool by_id = reader->job->prompt_sets[reader->set].responses.join == LT_JOB_JOIN_ID;
    lt_prompt *prompt = add_prompt(reader);
    prompt->line = lt_table_line(p->table);
    LT_TRY(read_texts(p, prompt, error));
    const size_t index = reader->out->prompt_count;
    size_t *known = lt_key_map_get(&reader->keys, key, strlen(key));
    if (known && *known != LT_JOIN_LEFT_OUT)
        return duplicate(p, by_id ? "id" : "text", key, *known, error);
    if (known)
        *known = index;
    else
        lt_key_map_add(&reader->keys, key, strlen(key), index);
    if (!by_id) {
        known = lt_key_map_get(&p->ids, prompt->id, strlen(prompt->id));
        if (known)
            return duplicate(p, "id", prompt->id, *known, error);
        lt_key_map_add(&p->ids, prompt->id, strlen(prompt->id), index);
    }
    reader->out->prompt_count++;
    return LT_OK;
}

static lt_status read_row(struct prompts *p, lt_error *error)
{
    lt_join_reader *reader = p->reader;
    const char *key;
    bool kept;
    p->rows++;
    reader->last_line = lt_table_line(p->table);
    LT_TRY(lt_where_row(&p->mapping->where, NULL, p->table, &kept, error));
    LT_TRY(read_key(p, &reader->job->prompt_sets[reader->set].responses, &key, error));
    if (kept)
        return keep_row(p, key, error);
    reader->out->prompts_left_out++;
    if (!lt_key_map_get(&reader->keys, key, strlen(key)))
        lt_key_map_add(&reader->keys, key, strlen(key), LT_JOIN_LEFT_OUT);
    return LT_OK;
}

static lt_status read_rows(struct prompts *p, lt_error *error)
{
    for (;;) {
        bool got;
        LT_TRY(lt_table_next(p->table, &got, error));
        if (!got)
            break;
        LT_TRY(read_row(p, error));
    }
    if (p->rows == 0)
        return lt_expected(error, lt_fail(error, LT_INPUT, p->reader->prompts_path, "has no rows"),
                           "prompts");
    if (p->reader->out->prompt_count == 0) {
        char place[LT_JOB_PLACE_BYTES];
        lt_job_place(p->reader->job, place, "prompt_sets.%zu.prompts.where", p->reader->set);
        return lt_fail(error, LT_INPUT, place,
                       "no prompt is left: where leaves out all %llu rows of %s",
                       (unsigned long long)p->rows, p->reader->prompts_path);
    }
    LT_TRY(lt_join_optional_end(&p->category, error));
    return lt_join_optional_end(&p->label, error);
}

lt_status lt_join_prompts(lt_join_reader *reader, lt_error *error)
{
    struct prompts p = {.reader = reader,
                        .mapping = &reader->job->prompt_sets[reader->set].prompts};
    p.category.column = p.mapping->category;
    p.label.column = p.mapping->label;
    LT_TRY(
        lt_table_open(&p.table, reader->prompts_path, p.mapping->format, p.mapping->rows, error));
    const lt_status status = read_rows(&p, error);
    lt_key_map_fini(&p.ids);
    lt_table_free(&p.table);
    return status;
}
