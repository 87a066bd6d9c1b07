#include "worker/engine/model/weights.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/limits.h"
#include "worker/engine/model/safetensors.h"

struct lt_weights {
    char *path;
    lt_safetensors *files; /* [file_count] */
    size_t file_count;
    const lt_tensor **tensors; /* [tensor_count], ascending by name */
    size_t tensor_count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const lt_tensor *const *)a)->name, (*(const lt_tensor *const *)b)->name);
}

/* ---- one file ---- */

static lt_status open_single(lt_weights *weights, lt_error *error)
{
    weights->files = lt_alloc(sizeof *weights->files);
    LT_TRY(lt_safetensors_open(&weights->files[0], weights->path, error));
    weights->file_count = 1;
    weights->tensor_count = weights->files[0].tensor_count;
    weights->tensors = lt_alloc((weights->tensor_count + 1) * sizeof *weights->tensors);
    for (size_t i = 0; i < weights->tensor_count; i++)
        weights->tensors[i] = &weights->files[0].tensors[i];
    return LT_OK;
}

/* ---- several files ---- */

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static lt_status check_file_name(const lt_weights *weights, const char *tensor, const json_t *value,
                                 lt_error *error)
{
    const char *name = json_string_value(value);
    if (name && !strchr(name, '/') && name[0] != '.' && strlen(name) < 256 &&
        ends_with(name, ".safetensors"))
        return LT_OK;
    return lt_expected(error,
                       lt_fail(error, LT_INPUT, weights->path,
                               "weight_map: tensor %s is placed in '%s'", tensor,
                               name ? name : "something that is not a string"),
                       "the name of a .safetensors file in this folder");
}

/* The opened file of that name; opened now if it is new. */
static lt_status file_of(lt_weights *weights, const char *dir, const char *name,
                         lt_safetensors **out, lt_error *error)
{
    char *path = lt_path_join(dir, name);
    for (size_t i = 0; i < weights->file_count; i++)
        if (strcmp(weights->files[i].path, path) == 0) {
            *out = &weights->files[i];
            free(path);
            return LT_OK;
        }
    lt_status status = LT_OK;
    if (weights->file_count == LT_CHECKPOINT_FILES_MAX)
        status = lt_fail(error, LT_LIMIT, weights->path, "names more than %d files",
                         LT_CHECKPOINT_FILES_MAX);
    else if (!lt_file_exists(path))
        status = lt_remedy(
            error,
            lt_fail(error, LT_NOT_FOUND, weights->path, "names %s, which is not there", name),
            "download the whole checkpoint");
    if (status == LT_OK)
        status = lt_safetensors_open(&weights->files[weights->file_count], path, error);
    if (status == LT_OK)
        *out = &weights->files[weights->file_count++];
    free(path);
    return status;
}

static lt_status place_tensors(lt_weights *weights, const char *dir, json_t *map, lt_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value)
    {
        lt_safetensors *file = NULL;
        LT_TRY(check_file_name(weights, name, value, error));
        LT_TRY(file_of(weights, dir, json_string_value(value), &file, error));
        const lt_tensor *tensor = lt_safetensors_find(file, name);
        if (!tensor)
            return lt_fail(error, LT_INPUT, weights->path, "weight_map: tensor %s is not in %s",
                           name, json_string_value(value));
        weights->tensors[weights->tensor_count++] = tensor;
    }
    qsort(weights->tensors, weights->tensor_count, sizeof *weights->tensors, by_name);
    return LT_OK;
}

static lt_status open_sharded(lt_weights *weights, const char *dir, lt_error *error)
{
    lt_buf text = {0};
    json_error_t at;
    lt_status status = lt_file_read(weights->path, LT_CONFIG_BYTES_MAX, &text, error);
    json_t *index =
        status == LT_OK ? json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &at) : NULL;
    lt_buf_fini(&text);
    if (status != LT_OK)
        return status;
    json_t *map = json_object_get(index, "weight_map");
    if (!index)
        status =
            lt_fail(error, LT_INPUT, weights->path, "is not JSON: line %d: %s", at.line, at.text);
    else if (!json_is_object(map) || json_object_size(map) == 0)
        status = lt_fail(error, LT_INPUT, weights->path, "has no weight_map");
    else if (json_object_size(map) > LT_TENSORS_MAX)
        status =
            lt_fail(error, LT_LIMIT, weights->path, "names more than %d tensors", LT_TENSORS_MAX);
    if (status == LT_OK) {
        /* Tensors point into their file's struct, so the array must not move. */
        weights->files = lt_alloc(LT_CHECKPOINT_FILES_MAX * sizeof *weights->files);
        weights->tensors = lt_alloc(json_object_size(map) * sizeof *weights->tensors);
        status = place_tensors(weights, dir, map, error);
    }
    json_decref(index);
    return status;
}

/* ---- which ---- */

static bool has(const char *dir, const char *name)
{
    char *path = lt_path_join(dir, name);
    const bool exists = lt_file_exists(path);
    free(path);
    return exists;
}

static lt_status no_weights(const char *dir, lt_error *error)
{
    if (has(dir, "pytorch_model.bin") || has(dir, "pytorch_model.bin.index.json"))
        return lt_remedy(
            error,
            lt_fail(error, LT_UNSUPPORTED, dir,
                    "the weights are pickled (pytorch_model.bin), which would run code to be read"),
            "convert once where you trust the file: transformers' "
            "AutoModelForSequenceClassification.from_pretrained(DIR)"
            ".save_pretrained(DIR, safe_serialization=True)");
    if (has(dir, "adapter_config.json"))
        return lt_remedy(
            error, lt_fail(error, LT_UNSUPPORTED, dir, "is an adapter without its base model"),
            "merge it into its base model and save that");
    return lt_expected(error, lt_fail(error, LT_NOT_FOUND, dir, "has no weights"),
                       "model.safetensors or model.safetensors.index.json");
}

lt_status lt_weights_open(lt_weights **out, const char *dir, lt_error *error)
{
    *out = NULL;
    const bool single = has(dir, "model.safetensors");
    if (!single && !has(dir, "model.safetensors.index.json"))
        return no_weights(dir, error);
    lt_weights *weights = lt_alloc(sizeof *weights);
    weights->path =
        lt_path_join(dir, single ? "model.safetensors" : "model.safetensors.index.json");
    const lt_status status =
        single ? open_single(weights, error) : open_sharded(weights, dir, error);
    if (status != LT_OK)
        lt_weights_close(&weights);
    *out = weights;
    return status;
}

void lt_weights_close(lt_weights **weights)
{
    lt_weights *w = *weights;
    *weights = NULL;
    if (!w)
        return;
    for (size_t i = 0; i < w->file_count; i++)
        lt_safetensors_close(&w->files[i]);
    free(w->files);
    free(w->tensors);
    free(w->path);
    free(w);
}

const lt_tensor *lt_weights_find(const lt_weights *weights, const char *name)
{
    const lt_tensor key = {.name = name}, *key_pointer = &key;
    if (!weights->tensor_count)
        return NULL;
    const lt_tensor **found = bsearch(&key_pointer, weights->tensors, weights->tensor_count,
                                      sizeof *weights->tensors, by_name);
    return found ? *found : NULL;
}

size_t lt_weights_count(const lt_weights *weights)
{
    return weights->tensor_count;
}

const lt_tensor *lt_weights_at(const lt_weights *weights, size_t index)
{
    return weights->tensors[index];
}

size_t lt_weights_file_count(const lt_weights *weights)
{
    return weights->file_count;
}

const char *lt_weights_path(const lt_weights *weights)
{
    return weights->path;
}
