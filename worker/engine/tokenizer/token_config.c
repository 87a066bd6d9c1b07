#include "worker/engine/tokenizer/token_config.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/limits.h"
#include "worker/engine/tokenizer/json_node.h"

#define LENGTH_MEANT_MAX 1000000000 /* transformers writes 10^30 for "none" */

/* "<s>" or {"content": "<s>", ...}; a token already known stays. */
static lt_status read_token(char **token, const lt_node *root, const char *key, lt_error *error)
{
    lt_node node = lt_node_get(root, key);
    lt_text text;
    if (node.json == NULL || *token)
        return LT_OK;
    if (json_is_object(node.json))
        LT_TRY(lt_node_text(&node, "content", &text, error));
    else
        LT_TRY(lt_node_as_text(&node, &text, error));
    *token = lt_strndup(text.data, text.len);
    return LT_OK;
}

static lt_status read_tokens(lt_token_config *config, const lt_node *root, lt_error *error)
{
#define X(name) LT_TRY(read_token(&config->name##_token, root, #name "_token", error));
    LT_NAMED_TOKEN_LIST(X)
#undef X
    return LT_OK;
}

/* A template as a string, or [{"name": "default", "template": ...}, ...]. */
static lt_status read_template(lt_token_config *config, const lt_node *root, const char *path,
                               lt_error *error)
{
    lt_node node = lt_node_get(root, "chat_template");
    lt_text text = {NULL, 0}, name;
    if (node.json == NULL || config->chat_template)
        return LT_OK;
    if (json_is_array(node.json)) {
        for (size_t i = 0; i < lt_node_count(&node); i++) {
            lt_node one = lt_node_at(&node, i);
            LT_TRY(lt_node_text(&one, "name", &name, error));
            if (strcmp(name.data, "default") == 0)
                LT_TRY(lt_node_text(&one, "template", &text, error));
        }
    } else {
        LT_TRY(lt_node_as_text(&node, &text, error));
    }
    if (text.data) {
        config->chat_template = lt_strndup(text.data, text.len);
        config->chat_template_file = lt_strdup(path);
    }
    return LT_OK;
}

static void read_length(lt_token_config *config, const lt_node *root)
{
    lt_node node = lt_node_get(root, "model_max_length");
    double length = json_number_value(node.json);
    if (length >= 1 && length <= LENGTH_MEANT_MAX)
        config->model_max_length = (uint64_t)length;
}

static lt_status read_jinja(lt_token_config *config, const char *dir, lt_error *error)
{
    char *path = lt_path_join(dir, "chat_template.jinja");
    lt_buf text = {0};
    lt_status status = LT_OK;
    if (lt_file_exists(path))
        status = lt_file_read(path, LT_CONFIG_BYTES_MAX, &text, error);
    if (status == LT_OK && text.data) {
        config->chat_template = lt_buf_take(&text);
        config->chat_template_file = path;
        path = NULL;
    }
    lt_buf_fini(&text);
    free(path);
    return status;
}

static lt_status read_config(lt_token_config *config, const char *dir, const char *name,
                             lt_error *error)
{
    char *path = lt_path_join(dir, name);
    json_t *document = NULL;
    lt_node root;
    lt_status status = LT_OK;
    if (lt_file_exists(path))
        status = lt_node_read(dir, name, LT_CONFIG_BYTES_MAX, &document, &root, error);
    if (status == LT_OK && document) {
        status = read_tokens(config, &root, error);
        if (status == LT_OK && strcmp(name, "tokenizer_config.json") == 0) {
            read_length(config, &root);
            status = read_template(config, &root, path, error);
        }
    }
    json_decref(document);
    free(path);
    return status;
}

lt_status lt_token_config_read(lt_token_config *config, const char *dir, lt_error *error)
{
    LT_TRY(read_jinja(config, dir, error));
    LT_TRY(read_config(config, dir, "tokenizer_config.json", error));
    return read_config(config, dir, "special_tokens_map.json", error);
}

void lt_token_config_fini(lt_token_config *config)
{
#define X(name) free(config->name##_token);
    LT_NAMED_TOKEN_LIST(X)
#undef X
    free(config->chat_template);
    free(config->chat_template_file);
    memset(config, 0, sizeof *config);
}
