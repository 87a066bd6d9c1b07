/* LlamaForSequenceClassification: rotary positions, RMS norm before each block, grouped-query
 * causal attention, SwiGLU; a linear layer without bias reads the last token of the row.
 * (Touvron et al. 2023; transformers, modeling_llama.py and modeling_layers.py, which looks for the
 * rightmost token that is not the pad id: wrong for texts that end in it, so the row's own length
 * is used here.) */
#include "worker/engine/model/family.h"

static lt_status read_llama(const lt_fields *config, lt_spec *spec, lt_error *error)
{
    double eps = 1e-6;
    LT_TRY(lt_family_read_sizes(config, spec, error));
    if (spec->head_dim % 2 != 0)
        return lt_fields_refuse(
            config, LT_INPUT, lt_fields_get(config, "head_dim") ? "head_dim" : "hidden_size", error,
            "an even head_dim for rotary positions, not %u", spec->head_dim);
    LT_TRY(lt_fields_number(config, "rms_norm_eps", LT_OPTIONAL, 0, 1, &eps, error));
    LT_TRY(lt_family_read_activation(config, "hidden_act", "silu", &spec->activation, error));
    LT_TRY(lt_fields_bool(config, "attention_bias", &spec->attention_bias, error));
    LT_TRY(lt_fields_bool(config, "mlp_bias", &spec->mlp_bias, error));
    LT_TRY(lt_rope_read(config, 10000, spec->positions, &spec->rope, error));
    spec->output_bias = spec->attention_bias;
    spec->norm_kind = LT_NORM_RMS;
    spec->norm_place = LT_NORM_BEFORE;
    spec->norm_eps = (float)eps;
    spec->final_norm = true;
    spec->position_kind = LT_POSITION_ROTARY;
    spec->causal = true;
    spec->gated = true;
    spec->pool = LT_POOL_LAST;
    return LT_OK;
}

#define LAYER "model.layers.%u."

static const lt_tensor_name llama_names[] = {
    {LT_SLOT_TOKENS, "model.embed_tokens.weight", NULL},
    {LT_SLOT_ATTENTION_NORM, LAYER "input_layernorm.weight", NULL},
    {LT_SLOT_Q, LAYER "self_attn.q_proj.weight", NULL},
    {LT_SLOT_Q_BIAS, LAYER "self_attn.q_proj.bias", NULL},
    {LT_SLOT_K, LAYER "self_attn.k_proj.weight", NULL},
    {LT_SLOT_K_BIAS, LAYER "self_attn.k_proj.bias", NULL},
    {LT_SLOT_V, LAYER "self_attn.v_proj.weight", NULL},
    {LT_SLOT_V_BIAS, LAYER "self_attn.v_proj.bias", NULL},
    {LT_SLOT_O, LAYER "self_attn.o_proj.weight", NULL},
    {LT_SLOT_O_BIAS, LAYER "self_attn.o_proj.bias", NULL},
    {LT_SLOT_MLP_NORM, LAYER "post_attention_layernorm.weight", NULL},
    {LT_SLOT_GATE, LAYER "mlp.gate_proj.weight", NULL},
    {LT_SLOT_GATE_BIAS, LAYER "mlp.gate_proj.bias", NULL},
    {LT_SLOT_UP, LAYER "mlp.up_proj.weight", NULL},
    {LT_SLOT_UP_BIAS, LAYER "mlp.up_proj.bias", NULL},
    {LT_SLOT_DOWN, LAYER "mlp.down_proj.weight", NULL},
    {LT_SLOT_DOWN_BIAS, LAYER "mlp.down_proj.bias", NULL},
    {LT_SLOT_FINAL_NORM, "model.norm.weight", NULL},
    {LT_SLOT_HEAD_OUT, "score.weight", NULL},
    {LT_SLOT_COUNT, NULL, NULL},
};

const lt_family lt_family_llama = {
    .architecture = "LlamaForSequenceClassification",
    .model_type = "llama",
    .head = "score at the last token",
    .read = read_llama,
    .names = llama_names,
};
