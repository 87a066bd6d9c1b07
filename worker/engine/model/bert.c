/* BertForSequenceClassification: absolute positions, norm after each residual, pooler (dense and
 * tanh on the first token) and classifier. (Devlin et al. 2018; transformers, modeling_bert.py) */
#include <string.h>

#include "worker/engine/model/family.h"

static lt_status read_bert(const lt_fields *config, lt_spec *spec, lt_error *error)
{
    double eps = 1e-12;
    bool is_decoder = false;
    const char *position = "absolute";
    LT_TRY(lt_family_read_sizes(config, spec, error));
    spec->kv_heads = spec->heads;
    spec->head_dim = spec->hidden / spec->heads;
    if (spec->hidden % spec->heads != 0)
        return lt_fields_refuse(config, LT_INPUT, "num_attention_heads", error,
                                "a divisor of hidden_size, %u", spec->hidden);
    spec->types = 2;
    LT_TRY(lt_fields_u32(config, "type_vocab_size", LT_OPTIONAL, 1, 256, &spec->types, error));
    LT_TRY(lt_fields_number(config, "layer_norm_eps", LT_OPTIONAL, 0, 1, &eps, error));
    LT_TRY(lt_family_read_activation(config, "hidden_act", "gelu", &spec->activation, error));
    LT_TRY(lt_fields_word(config, "position_embedding_type", LT_OPTIONAL, &position, error));
    if (strcmp(position, "absolute") != 0)
        return lt_fields_refuse(config, LT_UNSUPPORTED, "position_embedding_type", error,
                                "absolute");
    LT_TRY(lt_fields_bool(config, "is_decoder", &is_decoder, error));
    if (is_decoder)
        return lt_fields_refuse(config, LT_UNSUPPORTED, "is_decoder", error, "false");
    spec->norm_kind = LT_NORM_LAYER;
    spec->norm_place = LT_NORM_AFTER;
    spec->norm_eps = (float)eps;
    spec->embed_norm = true;
    spec->position_kind = LT_POSITION_ABSOLUTE;
    spec->attention_bias = spec->output_bias = spec->mlp_bias = true;
    spec->pool = LT_POOL_FIRST;
    spec->head_dense = true;
    spec->head_activation = LT_ACTIVATION_TANH;
    spec->head_bias = true;
    return LT_OK;
}

#define EMBEDDINGS "bert.embeddings."
#define LAYER "bert.encoder.layer.%u."

static const lt_tensor_name bert_names[] = {
    {LT_SLOT_TOKENS, EMBEDDINGS "word_embeddings.weight", NULL},
    {LT_SLOT_POSITIONS, EMBEDDINGS "position_embeddings.weight", NULL},
    {LT_SLOT_TYPES, EMBEDDINGS "token_type_embeddings.weight", NULL},
    {LT_SLOT_EMBED_NORM, EMBEDDINGS "LayerNorm.weight", EMBEDDINGS "LayerNorm.gamma"},
    {LT_SLOT_EMBED_NORM_BIAS, EMBEDDINGS "LayerNorm.bias", EMBEDDINGS "LayerNorm.beta"},
    {LT_SLOT_Q, LAYER "attention.self.query.weight", NULL},
    {LT_SLOT_Q_BIAS, LAYER "attention.self.query.bias", NULL},
    {LT_SLOT_K, LAYER "attention.self.key.weight", NULL},
    {LT_SLOT_K_BIAS, LAYER "attention.self.key.bias", NULL},
    {LT_SLOT_V, LAYER "attention.self.value.weight", NULL},
    {LT_SLOT_V_BIAS, LAYER "attention.self.value.bias", NULL},
    {LT_SLOT_O, LAYER "attention.output.dense.weight", NULL},
    {LT_SLOT_O_BIAS, LAYER "attention.output.dense.bias", NULL},
    {LT_SLOT_ATTENTION_NORM, LAYER "attention.output.LayerNorm.weight",
     LAYER "attention.output.LayerNorm.gamma"},
    {LT_SLOT_ATTENTION_NORM_BIAS, LAYER "attention.output.LayerNorm.bias",
     LAYER "attention.output.LayerNorm.beta"},
    {LT_SLOT_UP, LAYER "intermediate.dense.weight", NULL},
    {LT_SLOT_UP_BIAS, LAYER "intermediate.dense.bias", NULL},
    {LT_SLOT_DOWN, LAYER "output.dense.weight", NULL},
    {LT_SLOT_DOWN_BIAS, LAYER "output.dense.bias", NULL},
    {LT_SLOT_MLP_NORM, LAYER "output.LayerNorm.weight", LAYER "output.LayerNorm.gamma"},
    {LT_SLOT_MLP_NORM_BIAS, LAYER "output.LayerNorm.bias", LAYER "output.LayerNorm.beta"},
    {LT_SLOT_HEAD_DENSE, "bert.pooler.dense.weight", NULL},
    {LT_SLOT_HEAD_DENSE_BIAS, "bert.pooler.dense.bias", NULL},
    {LT_SLOT_HEAD_OUT, "classifier.weight", NULL},
    {LT_SLOT_HEAD_OUT_BIAS, "classifier.bias", NULL},
    {LT_SLOT_COUNT, NULL, NULL},
};

const lt_family lt_family_bert = {
    .architecture = "BertForSequenceClassification",
    .model_type = "bert",
    .head = "pooler + classifier at the first token",
    .read = read_bert,
    .names = bert_names,
};
