#include "worker/engine/tokenizer/post_processor.h"

#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 8

typedef struct lt_reading {
    lt_post_processor *post;
    lt_buf *name;
    bool adds; /* a kind that adds tokens has been read */
    lt_error *error;
} lt_reading;

static void add_piece(lt_post_template *template, lt_post_piece_kind kind, uint32_t id,
                      uint32_t type_id)
{
    template->pieces =
        lt_realloc(template->pieces, (template->count + 1) * sizeof *template->pieces);
    template->pieces[template->count++] = (lt_post_piece){kind, id, (uint8_t)type_id};
    template->special_count += kind == LT_POST_SPECIAL;
}

static void clear(lt_post_template *template)
{
    free(template->pieces);
    memset(template, 0, sizeof *template);
}

static lt_status read_special(lt_post_template *template, const lt_node *node,
                              const lt_node *specials, uint32_t type_id, lt_error *error)
{
    lt_text id;
    LT_TRY(lt_node_text(node, "id", &id, error));
    lt_node special = lt_node_get(specials, id.data);
    if (special.json == NULL)
        return lt_fail(error, LT_INPUT, node->where,
                       "special token '%s' is not among special_tokens", id.data);
    lt_node ids = lt_node_get(&special, "ids");
    LT_TRY(lt_node_array(&ids, error));
    for (size_t i = 0; i < lt_node_count(&ids); i++) {
        uint32_t token;
        lt_node one = lt_node_at(&ids, i);
        LT_TRY(lt_node_as_u32(&one, &token, error));
        if (template->special_count >= LT_POST_SPECIALS_MAX)
            return lt_fail(error, LT_LIMIT, node->where, "a template adds over %d special tokens",
                           LT_POST_SPECIALS_MAX);
        add_piece(template, LT_POST_SPECIAL, token, type_id);
    }
    return LT_OK;
}

static lt_status read_piece(lt_post_template *template, const lt_node *node,
                            const lt_node *specials, lt_error *error)
{
    lt_node sequence = lt_node_get(node, "Sequence"), special = lt_node_get(node, "SpecialToken");
    const lt_node *piece = sequence.json ? &sequence : &special;
    uint32_t type_id;
    lt_text id;
    if (piece->json == NULL)
        return lt_node_expect(node, "{\"Sequence\": ...} or {\"SpecialToken\": ...}", error);
    LT_TRY(lt_node_u32(piece, "type_id", &type_id, error));
    if (type_id > 255)
        return lt_fail(error, LT_UNSUPPORTED, piece->where, "type_id %u is over 255", type_id);
    if (piece == &special)
        return read_special(template, &special, specials, type_id, error);
    LT_TRY(lt_node_text(&sequence, "id", &id, error));
    if (strcmp(id.data, "A") != 0 && strcmp(id.data, "B") != 0)
        return lt_fail(error, LT_INPUT, sequence.where, "sequence '%s' is neither A nor B",
                       id.data);
    add_piece(template, id.data[0] == 'A' ? LT_POST_TEXT_A : LT_POST_TEXT_B, 0, type_id);
    return LT_OK;
}

static lt_status read_template(lt_post_template *template, const lt_node *node, const char *key,
                               lt_error *error)
{
    lt_node list = lt_node_get(node, key), specials = lt_node_get(node, "special_tokens");
    LT_TRY(lt_node_array(&list, error));
    clear(template);
    if (lt_node_count(&list) > LT_POST_PIECES_MAX)
        return lt_fail(error, LT_LIMIT, list.where, "a template of over %d pieces",
                       LT_POST_PIECES_MAX);
    for (size_t i = 0; i < lt_node_count(&list); i++) {
        lt_node one = lt_node_at(&list, i);
        LT_TRY(read_piece(template, &one, &specials, error));
        if (strcmp(key, "single") == 0 && template->count > 0 &&
            template->pieces[template->count - 1].kind == LT_POST_TEXT_B)
            return lt_fail(error, LT_INPUT, one.where,
                           "the template for one text names the second");
    }
    return LT_OK;
}

/* ["[SEP]", 102] */
static lt_status read_token(const lt_node *node, const char *key, uint32_t *id, lt_error *error)
{
    lt_node list = lt_node_get(node, key);
    if (lt_node_count(&list) != 2)
        return lt_node_expect(&list, "a token and its id", error);
    lt_node one = lt_node_at(&list, 1);
    return lt_node_as_u32(&one, id, error);
}

/* BERT: cls A sep | cls A sep B sep with types 0 and 1. RoBERTa: cls A sep | cls A sep sep B sep,
 * types 0. */
static lt_status read_classic(lt_post_processor *post, const lt_node *node, bool roberta,
                              lt_error *error)
{
    uint32_t cls, sep;
    LT_TRY(read_token(node, "cls", &cls, error));
    LT_TRY(read_token(node, "sep", &sep, error));
    clear(&post->single);
    clear(&post->pair);
    for (int pair = 0; pair < 2; pair++) {
        lt_post_template *template = pair ? &post->pair : &post->single;
        uint32_t second = roberta ? 0 : 1;
        add_piece(template, LT_POST_SPECIAL, cls, 0);
        add_piece(template, LT_POST_TEXT_A, 0, 0);
        add_piece(template, LT_POST_SPECIAL, sep, 0);
        if (pair && roberta)
            add_piece(template, LT_POST_SPECIAL, sep, 0);
        if (pair) {
            add_piece(template, LT_POST_TEXT_B, 0, second);
            add_piece(template, LT_POST_SPECIAL, sep, second);
        }
    }
    return LT_OK;
}

static lt_status read_at(lt_reading *reading, const lt_node *node, int depth);

static lt_status read_sequence(lt_reading *reading, const lt_node *node, int depth)
{
    lt_node list = lt_node_get(node, "processors");
    LT_TRY(lt_node_array(&list, reading->error));
    lt_buf_puts(reading->name, "Sequence(");
    for (size_t i = 0; i < lt_node_count(&list); i++) {
        lt_node one = lt_node_at(&list, i);
        if (i > 0)
            lt_buf_puts(reading->name, ", ");
        LT_TRY(read_at(reading, &one, depth + 1));
    }
    lt_buf_putc(reading->name, ')');
    return LT_OK;
}

static lt_status read_at(lt_reading *reading, const lt_node *node, int depth)
{
    lt_text type;
    LT_TRY(lt_node_object(node, reading->error));
    LT_TRY(lt_node_text(node, "type", &type, reading->error));
    if (depth > NESTING_MAX)
        return lt_fail(reading->error, LT_LIMIT, node->where,
                       "post-processors are nested too deep");
    if (strcmp(type.data, "Sequence") == 0)
        return read_sequence(reading, node, depth);
    if (strcmp(type.data, "ByteLevel") == 0) { /* moves offsets only */
        lt_buf_puts(reading->name, "ByteLevel");
        return LT_OK;
    }
    bool template = strcmp(type.data, "TemplateProcessing") == 0;
    bool roberta = strcmp(type.data, "RobertaProcessing") == 0;
    if (!template && !roberta && strcmp(type.data, "BertProcessing") != 0)
        return lt_fail(reading->error, LT_UNSUPPORTED, node->where,
                       "post-processor '%s' is not supported", type.data);
    if (reading->adds)
        return lt_fail(reading->error, LT_UNSUPPORTED, node->where,
                       "a second post-processor that adds tokens ('%s')", type.data);
    reading->adds = true;
    lt_buf_puts(reading->name, type.data);
    if (!template)
        return read_classic(reading->post, node, roberta, reading->error);
    LT_TRY(read_template(&reading->post->single, node, "single", reading->error));
    return read_template(&reading->post->pair, node, "pair", reading->error);
}

lt_status lt_post_processor_read(lt_post_processor *post, const lt_node *node, lt_buf *name,
                                 lt_error *error)
{
    add_piece(&post->single, LT_POST_TEXT_A, 0, 0);
    add_piece(&post->pair, LT_POST_TEXT_A, 0, 0);
    add_piece(&post->pair, LT_POST_TEXT_B, 0, 1);
    if (node->json == NULL) {
        lt_buf_puts(name, "none");
        return LT_OK;
    }
    lt_reading reading = {post, name, false, error};
    return read_at(&reading, node, 0);
}

void lt_post_processor_fini(lt_post_processor *post)
{
    clear(&post->single);
    clear(&post->pair);
}
