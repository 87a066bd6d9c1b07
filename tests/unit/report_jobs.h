/* Small jobs for tests of the report, and reading what was made of them. Each program that includes
 * this has a temporary folder of its own: make_folder and remove_folder are its group's setup and
 * teardown. */
#ifndef LT_TESTS_REPORT_JOBS_H
#define LT_TESTS_REPORT_JOBS_H

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/unit/report_fixture.h"

static char folder[] = "/tmp/lefttail-report-XXXXXX";

/* ---- jobs ---- */

#define SCORERS                                                                                    \
    "'scorers': [{'name': 'safe', 'kind': 1, 'labels': ['s'], 'sets': [0], 'sigmoid': true, "      \
    "'below': 0.15},"                                                                              \
    " {'name': 'refusal', 'kind': 2, 'labels': ['compliance', 'full', 'part', 'cannot'], 'sets': " \
    "[0, 1],"                                                                                      \
    "  'full': ['full'], 'partial': ['part'], 'capability': ['cannot'], 'human_full': ['H-full']," \
    "  'human_partial': ['H-part']}]"

static inline json_t *parse(const char *text)
{
    char *quoted = lt_strdup(text);
    for (char *c = quoted; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_error_t error;
    json_t *value = json_loads(quoted, 0, &error);
    if (!value)
        fail_msg("%s in %s", error.text, quoted);
    free(quoted);
    return value;
}

static inline json_t *response(int variant, const char *text, const char *label, double logit,
                               int kind)
{
    double logits[4] = {0, 0, 0, 0};
    logits[kind] = 4;
    return json_pack("{s:i, s:s, s:s, s:{s:{s:[f]}, s:{s:[f,f,f,f]}}}", "variant", variant, "text",
                     text, "label", label, "rows", "safe", "logits", logit, "refusal", "logits",
                     logits[0], logits[1], logits[2], logits[3]);
}

/* Variants a (the baseline), b (a copy of a), c; an unsafe set of 12 prompts and a safe one of 8.
 */
static inline json_t *plain_job(int pack_prompts)
{
    json_t *job = parse("{'name': 'plain', 'baseline': 'a', 'variants': [{'name': 'a'}, {'name': "
                        "'b'}, {'name': 'c'}],"
                        "'sets': [{'name': 'unsafe', 'role': 'safety', 'prompts': []},"
                        "{'name': 'safe', 'role': 'borderline', 'prompts': []}]," SCORERS "}");
    json_object_set_new(job, "pack_prompts", json_integer(pack_prompts));
    for (int set = 0; set < 2; set++)
        for (int p = 0; p < (set ? 8 : 12); p++) {
            char id[16], words[64];
            snprintf(id, sizeof id, "%c%d", set ? 's' : 'u', p);
            snprintf(words, sizeof words, "an answer, to \"%s\"\nin two lines", id);
            json_t *responses = json_array();
            for (int v = 0; v < 3; v++) {
                const double logit = v < 2 ? p * 0.5 - 3 : p * 0.5 - 1;
                const int kind = v < 2 ? p % 4 : 0;
                json_array_append_new(responses,
                                      response(v, words, p % 2 ? "H-full" : "H-none", logit, kind));
            }
            json_t *prompt = json_pack("{s:s, s:s, s:s, s:o}", "id", id, "text", "how?", "category",
                                       "", "responses", responses);
            json_array_append_new(
                json_object_get(json_array_get(json_object_get(job, "sets"), set), "prompts"),
                prompt);
        }
    return job;
}

static inline json_t *prompt_of(json_t *job, size_t set, size_t prompt)
{
    return json_array_get(
        json_object_get(json_array_get(json_object_get(job, "sets"), set), "prompts"), prompt);
}

static inline json_t *response_of(json_t *job, size_t set, size_t prompt, size_t index)
{
    return json_array_get(json_object_get(prompt_of(job, set, prompt), "responses"), index);
}

/* ---- reading what was made ---- */

static inline char *path_of(const char *dir, const char *name)
{
    char *base = lt_path_join(folder, dir), *path = lt_path_join(base, name);
    free(base);
    return path;
}

static inline lt_status make(report_fixture *fixture, const char *dir, lt_error *error)
{
    char *path = lt_path_join(folder, dir);
    lt_buf summary = {0};
    const lt_report_options options = {.dir = path};
    fixture->group_next = 0;
    const lt_status status = lt_report_make(&fixture->source, &options, &summary, error);
    if (status == LT_OK)
        assert_non_null(strstr(summary.data, "report.html\n"));
    lt_buf_fini(&summary);
    free(path);
    return status;
}

static inline void make_good(json_t *job, const char *dir)
{
    report_fixture fixture;
    lt_error error = {0};
    report_fixture_init(&fixture, job);
    if (make(&fixture, dir, &error) != LT_OK)
        fail_msg("%s: %s", error.where, error.what);
    report_fixture_fini(&fixture);
}

static inline lt_buf read_file(const char *dir, const char *name)
{
    char *path = path_of(dir, name);
    lt_buf bytes = {0};
    lt_error error;
    if (lt_file_read(path, 64u << 20, &bytes, &error) != LT_OK)
        fail_msg("%s", error.what);
    free(path);
    return bytes;
}

static inline json_t *read_report(const char *dir)
{
    lt_buf bytes = read_file(dir, "report.json");
    json_error_t error;
    json_t *report = json_loadb(bytes.data, bytes.len, 0, &error);
    assert_non_null(report);
    lt_buf_fini(&bytes);
    return report;
}

static inline json_t *find_cell(json_t *report, const char *scorer, const char *set,
                                const char *variant)
{
    size_t i;
    json_t *cell;
    json_array_foreach(
        json_object_get(report, "cells"), i,
        cell) if (strcmp(json_string_value(json_object_get(cell, "scorer")), scorer) == 0 &&
                  strcmp(json_string_value(json_object_get(cell, "set")), set) == 0 &&
                  strcmp(json_string_value(json_object_get(cell, "variant")), variant) ==
                      0) return cell;
    fail_msg("no cell %s %s %s", scorer, set, variant);
    return NULL;
}

/* "tail.count" */
static inline json_t *get(json_t *object, const char *path)
{
    char *copy = lt_strdup(path), *rest = copy;
    for (char *key; (key = strsep(&rest, ".")) != NULL;)
        object = json_object_get(object, key);
    free(copy);
    return object;
}

static inline double num(json_t *object, const char *path)
{
    json_t *value = get(object, path);
    if (!json_is_number(value))
        fail_msg("%s is no number", path);
    return json_number_value(value);
}

static inline size_t count_files(const char *dir)
{
    char *path = lt_path_join(folder, dir);
    DIR *open = opendir(path);
    size_t count = 0;
    for (struct dirent *entry; open && (entry = readdir(open)) != NULL;)
        count += entry->d_name[0] != '.';
    if (open)
        closedir(open);
    free(path);
    return count;
}

static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    return lt_dir_remove(folder, NULL) == LT_OK ? 0 : -1;
}

#endif
