/* json.dumps(value, ensure_ascii=False, indent=...), as transformers' tojson filter has it. */
#include "worker/engine/tokenizer/jinja.h"

static void new_line(int indent, int depth, lt_buf *out)
{
    if (indent < 0)
        return;
    lt_buf_putc(out, '\n');
    for (int i = 0; i < indent * depth; i++)
        lt_buf_putc(out, ' ');
}

static void add_string(lt_text text, lt_buf *out)
{
    lt_buf_putc(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.data[i];
        if (c == '"' || c == '\\')
            lt_buf_printf(out, "\\%c", c);
        else if (c == '\n')
            lt_buf_puts(out, "\\n");
        else if (c == '\r')
            lt_buf_puts(out, "\\r");
        else if (c == '\t')
            lt_buf_puts(out, "\\t");
        else if (c == '\b')
            lt_buf_puts(out, "\\b");
        else if (c == '\f')
            lt_buf_puts(out, "\\f");
        else if (c < 0x20)
            lt_buf_printf(out, "\\u%04x", c);
        else
            lt_buf_putc(out, (char)c);
    }
    lt_buf_putc(out, '"');
}

static lt_status add_members(lt_jinja_run *run, const lt_jinja_value *value, int indent, int depth,
                             lt_buf *out)
{
    bool dict = value->kind == LT_JINJA_V_DICT;
    const lt_jinja_list *items = dict ? &value->dict->values : value->list;
    lt_buf_putc(out, dict ? '{' : '[');
    for (size_t i = 0; i < items->count; i++) {
        if (i > 0)
            lt_buf_puts(out, indent < 0 ? ", " : ",");
        new_line(indent, depth + 1, out);
        if (dict) {
            if (value->dict->keys.items[i].kind != LT_JINJA_V_TEXT)
                return lt_jinja_fail(run, LT_UNSUPPORTED,
                                     "tojson of a dict whose keys are not strings");
            add_string(value->dict->keys.items[i].text, out);
            lt_buf_puts(out, ": ");
        }
        LT_TRY(lt_jinja_json(run, &items->items[i], indent, depth + 1, out));
    }
    if (items->count > 0)
        new_line(indent, depth, out);
    lt_buf_putc(out, dict ? '}' : ']');
    return LT_OK;
}

lt_status lt_jinja_json(lt_jinja_run *run, const lt_jinja_value *value, int indent, int depth,
                        lt_buf *out)
{
    LT_TRY(lt_jinja_spend(run));
    if (depth > LT_JINJA_DEPTH_MAX || out->len > LT_JINJA_MEMORY_BYTES_MAX)
        return lt_jinja_fail(run, LT_LIMIT, "tojson of too deep or too large a value");
    switch (value->kind) {
    case LT_JINJA_V_NONE:
        lt_buf_puts(out, "null");
        return LT_OK;
    case LT_JINJA_V_BOOL:
        lt_buf_puts(out, value->truth ? "true" : "false");
        return LT_OK;
    case LT_JINJA_V_INT:
    case LT_JINJA_V_FLOAT:
        return lt_jinja_str(run, value, out);
    case LT_JINJA_V_TEXT:
        add_string(value->text, out);
        return LT_OK;
    case LT_JINJA_V_LIST:
    case LT_JINJA_V_DICT:
        return add_members(run, value, indent, depth, out);
    default:
        return lt_jinja_fail(run, LT_INPUT, "tojson of %s", lt_jinja_kind_name(value));
    }
}
