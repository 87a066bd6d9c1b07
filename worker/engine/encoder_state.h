/* What encoder.c and conversation.c share. */
#ifndef LT_WORKER_ENGINE_ENCODER_STATE_H
#define LT_WORKER_ENGINE_ENCODER_STATE_H

#include "worker/engine/encoder.h"
#include "worker/engine/specials.h"

struct lt_encoder {
    lt_tokenizer *tokenizer;
    lt_chat_template *chat;     /* NULL: none, or chat_error says why not */
    lt_error chat_error;
    lt_encoder_options options;
    char *date;
    lt_specials specials;
};

struct lt_encoder_scratch {
    lt_tokenizer_scratch *tokenizer;
    lt_encoding encoding;
    lt_encoding piece;          /* conversation.c: between two special tokens */
    lt_buf rendered;
    lt_buf shielded;            /* contents with marks, one after another */
    lt_buf plain;               /* a piece without marks */
    lt_chat_message *messages;  /* [message_cap] */
    size_t message_cap;
    uint32_t *ids;              /* [id_cap] */
    uint8_t *type_ids;          /* [id_cap] */
    size_t id_cap, id_count;
};

/* Appends to ids and type_ids. */
void lt_encoder_scratch_add(lt_encoder_scratch *scratch, const uint32_t *ids, const uint8_t *type_ids, size_t count);

/* A CHAT item whose template is usable: rendered, shortened to max_length, encoded into
 * scratch->ids. As lt_encoder_run. */
void lt_conversation_encode(const lt_encoder *encoder, lt_encoder_scratch *scratch, const lt_item *item,
                            lt_score *score);

#endif
