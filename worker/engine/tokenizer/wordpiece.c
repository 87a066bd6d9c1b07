#include "worker/engine/tokenizer/wordpiece.h"

#include "worker/engine/tokenizer/unicode.h"

lt_status lt_wordpiece_read(lt_wordpiece *model, const lt_node *node, const lt_vocab *vocab,
                            lt_error *error)
{
    lt_text unk, prefix;
    LT_TRY(lt_node_text_or(node, "unk_token", lt_text_of("[UNK]"), &unk, error));
    LT_TRY(lt_node_text_or(node, "continuing_subword_prefix", lt_text_of("##"), &prefix, error));
    lt_node longest = lt_node_get(node, "max_input_chars_per_word");
    model->word_chars_max = 100;
    if (longest.json)
        LT_TRY(lt_node_as_u32(&longest, &model->word_chars_max, error));
    model->unk_id = lt_vocab_id(vocab, unk);
    lt_trie_init(&model->trie);
    for (size_t i = 0; i < vocab->count; i++) {
        const lt_vocab_entry *entry = &vocab->entries[i];
        if (entry->len > 0 &&
            !lt_trie_add(&model->trie, (lt_text){vocab->bytes.data + entry->offset, entry->len},
                         entry->id))
            return lt_fail(error, LT_LIMIT, node->where, "the vocabulary has too many bytes");
    }
    model->inner = lt_trie_walk(&model->trie, prefix);
    return LT_OK;
}

void lt_wordpiece_fini(lt_wordpiece *model)
{
    lt_trie_fini(&model->trie);
}

static lt_status add_unknown(const lt_wordpiece *model, lt_id_list *out, lt_error *error)
{
    if (model->unk_id == LT_TOKEN_NONE)
        return lt_fail(error, LT_INPUT, "tokenizer.json",
                       "a word has no spelling and the vocabulary no unknown token");
    lt_id_list_push(out, model->unk_id);
    return LT_OK;
}

lt_status lt_wordpiece_encode(const lt_wordpiece *model, lt_text word, lt_id_list *out,
                              lt_error *error)
{
    if (word.len > model->word_chars_max &&
        lt_utf8_count(word.data, word.len) > model->word_chars_max)
        return add_unknown(model, out, error);
    size_t before = out->count;
    for (size_t start = 0; start < word.len;) {
        uint32_t node = start == 0 ? LT_TRIE_ROOT : model->inner, id = LT_TOKEN_NONE;
        size_t end = start;
        for (size_t i = start; i < word.len && node != LT_TRIE_NONE; i++) {
            node = lt_trie_step(&model->trie, node, (uint8_t)word.data[i]);
            if (node != LT_TRIE_NONE && model->trie.values[node] != LT_TOKEN_NONE) {
                id = model->trie.values[node];
                end = i + 1;
            }
        }
        if (id == LT_TOKEN_NONE) {
            out->count = before;
            return add_unknown(model, out, error);
        }
        lt_id_list_push(out, id);
        start = end;
    }
    return LT_OK;
}
