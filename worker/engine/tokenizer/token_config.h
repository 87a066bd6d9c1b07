/* The few facts taken from the files beside tokenizer.json: which tokens are bos, eos, ...,
 * model_max_length, the chat template. All of them are optional. */
#ifndef LT_TOKENIZER_TOKEN_CONFIG_H
#define LT_TOKENIZER_TOKEN_CONFIG_H

#include <stdint.h>

#include "common/status.h"

#define LT_NAMED_TOKEN_LIST(X) X(bos) X(eos) X(pad) X(unk) X(cls) X(sep) X(mask)

typedef struct lt_token_config {
#define X(name) char *name##_token; /* owned; NULL: none */
    LT_NAMED_TOKEN_LIST(X)
#undef X
    uint64_t model_max_length; /* 0: absent, or too large to mean anything */
    char *chat_template;       /* owned; NULL: none */
    char *chat_template_file;  /* owned; the path it was read from */
} lt_token_config;

/* Files that do not exist are passed over; malformed ones are LT_INPUT. Of several templates the
 * one named "default" counts; chat_template.jinja goes before tokenizer_config.json. */
lt_status lt_token_config_read(lt_token_config *config, const char *dir, lt_error *error);
void lt_token_config_fini(lt_token_config *config);

#endif
