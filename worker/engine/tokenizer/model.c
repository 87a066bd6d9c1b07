#include "worker/engine/tokenizer/model.h"

static lt_status read_kind(lt_tokenizer_model *model, const lt_node *node, lt_text type,
                           lt_error *error)
{
    if (type.len == 0) { /* files from before "type" was written */
        lt_node merges = lt_node_get(node, "merges"),
                prefix = lt_node_get(node, "continuing_subword_prefix");
        model->kind = merges.json ? LT_TOKENIZER_MODEL_BPE : LT_TOKENIZER_MODEL_WORDPIECE;
        if (merges.json || prefix.json)
            return LT_OK;
    }
#define X(kind_name, word)                                                                         \
    if (strcmp(type.data, word) == 0) {                                                            \
        model->kind = LT_TOKENIZER_MODEL_##kind_name;                                              \
        return LT_OK;                                                                              \
    }
    LT_TOKENIZER_MODEL_LIST(X)
#undef X
    lt_fail(error, LT_UNSUPPORTED, node->where, "tokenizer model '%s' is not supported", type.data);
    return lt_expected(error, LT_UNSUPPORTED, "WordPiece or BPE");
}

lt_status lt_tokenizer_model_read(lt_tokenizer_model *model, const lt_node *node, lt_buf *name,
                                  lt_error *error)
{
    lt_text type;
    lt_node vocab = lt_node_get(node, "vocab");
    LT_TRY(lt_node_object(node, error));
    LT_TRY(lt_node_text_or(node, "type", lt_text_of(""), &type, error));
    LT_TRY(read_kind(model, node, type, error));
    LT_TRY(lt_vocab_read(&model->vocab, &vocab, error));
    if (model->kind == LT_TOKENIZER_MODEL_WORDPIECE) {
        lt_buf_puts(name, "WordPiece");
        return lt_wordpiece_read(&model->wordpiece, node, &model->vocab, error);
    }
    lt_buf_puts(name, "BPE");
    return lt_bpe_read(&model->bpe, node, &model->vocab, error);
}

void lt_tokenizer_model_fini(lt_tokenizer_model *model)
{
    lt_wordpiece_fini(&model->wordpiece);
    lt_bpe_fini(&model->bpe);
    lt_vocab_fini(&model->vocab);
}

lt_status lt_tokenizer_model_encode(const lt_tokenizer_model *model,
                                    lt_tokenizer_model_scratch *scratch, lt_text word,
                                    lt_id_list *out, lt_error *error)
{
    if (model->kind == LT_TOKENIZER_MODEL_WORDPIECE)
        return lt_wordpiece_encode(&model->wordpiece, word, out, error);
    uint32_t hash;
    if (lt_word_cache_get(&scratch->cache, word, &hash, out))
        return LT_OK;
    size_t before = out->count;
    LT_TRY(lt_bpe_encode(&model->bpe, &scratch->bpe, word, out, error));
    lt_word_cache_add(&scratch->cache, word, hash, out->ids + before, out->count - before);
    return LT_OK;
}

void lt_tokenizer_model_scratch_fini(lt_tokenizer_model_scratch *scratch)
{
    lt_bpe_scratch_fini(&scratch->bpe);
    lt_word_cache_fini(&scratch->cache);
}
