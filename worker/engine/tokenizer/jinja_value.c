#include "worker/engine/tokenizer/jinja.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/engine/tokenizer/unicode.h"

lt_jinja_value lt_jinja_bool(bool truth)
{
    return (lt_jinja_value){.kind = LT_JINJA_V_BOOL, .truth = truth};
}

lt_jinja_value lt_jinja_int(int64_t integer)
{
    return (lt_jinja_value){.kind = LT_JINJA_V_INT, .integer = integer};
}

lt_jinja_value lt_jinja_text(lt_text text)
{
    return (lt_jinja_value){.kind = LT_JINJA_V_TEXT, .text = text};
}

lt_jinja_value lt_jinja_string(const char *literal)
{
    return lt_jinja_text(lt_text_of(literal));
}

lt_jinja_value lt_jinja_undefined(lt_text name)
{
    return (lt_jinja_value){.kind = LT_JINJA_V_UNDEFINED, .text = name};
}

lt_jinja_value lt_jinja_list_new(lt_arena *arena)
{
    return (lt_jinja_value){.kind = LT_JINJA_V_LIST,
                            .list = lt_arena_alloc(arena, sizeof(lt_jinja_list))};
}

lt_jinja_value lt_jinja_dict_new(lt_arena *arena)
{
    return (lt_jinja_value){.kind = LT_JINJA_V_DICT,
                            .dict = lt_arena_alloc(arena, sizeof(lt_jinja_dict))};
}

lt_jinja_value lt_jinja_copy(lt_arena *arena, const lt_buf *buf)
{
    return lt_jinja_text((lt_text){lt_arena_strndup(arena, lt_buf_str(buf), buf->len), buf->len});
}

void lt_jinja_list_add(lt_arena *arena, lt_jinja_list *list, lt_jinja_value item)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        lt_jinja_value *items = lt_arena_alloc(arena, cap * sizeof *items);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = item;
}

const lt_jinja_value *lt_jinja_dict_get(const lt_jinja_dict *dict, const lt_jinja_value *key)
{
    for (size_t i = 0; i < dict->keys.count; i++)
        if (lt_jinja_equal(&dict->keys.items[i], key))
            return &dict->values.items[i];
    return NULL;
}

void lt_jinja_dict_set(lt_arena *arena, lt_jinja_dict *dict, lt_jinja_value key,
                       lt_jinja_value value)
{
    lt_jinja_value *old = (lt_jinja_value *)lt_jinja_dict_get(dict, &key);
    if (old) {
        *old = value;
        return;
    }
    lt_jinja_list_add(arena, &dict->keys, key);
    lt_jinja_list_add(arena, &dict->values, value);
}

bool lt_jinja_text_is(lt_text text, const char *literal)
{
    size_t len = strlen(literal);
    return text.len == len && memcmp(text.data, literal, len) == 0;
}

const char *lt_jinja_kind_name(const lt_jinja_value *value)
{
    static const char *const names[] = {"undefined", "none",     "a boolean",  "a number",
                                        "a number",  "a string", "a list",     "a dict",
                                        "a loop",    "a macro",  "a function", "a method"};
    return names[value->kind];
}

bool lt_jinja_truth(const lt_jinja_value *value)
{
    switch (value->kind) {
    case LT_JINJA_V_UNDEFINED:
    case LT_JINJA_V_NONE:
        return false;
    case LT_JINJA_V_BOOL:
        return value->truth;
    case LT_JINJA_V_INT:
        return value->integer != 0;
    case LT_JINJA_V_FLOAT:
        return value->real != 0;
    case LT_JINJA_V_TEXT:
        return value->text.len > 0;
    case LT_JINJA_V_LIST:
        return value->list->count > 0;
    case LT_JINJA_V_DICT:
        return value->dict->is_namespace || value->dict->keys.count > 0;
    default:
        return true;
    }
}

static bool as_number(const lt_jinja_value *value, double *out)
{
    if (value->kind == LT_JINJA_V_BOOL)
        *out = value->truth;
    else if (value->kind == LT_JINJA_V_INT)
        *out = (double)value->integer;
    else if (value->kind == LT_JINJA_V_FLOAT)
        *out = value->real;
    else
        return false;
    return true;
}

static bool equal_at(const lt_jinja_value *a, const lt_jinja_value *b, int depth, int *budget);

static bool dicts_equal(const lt_jinja_dict *a, const lt_jinja_dict *b, int depth, int *budget)
{
    if (a == b || a->keys.count != b->keys.count || a->is_namespace || b->is_namespace)
        return a == b;
    for (size_t i = 0; i < a->keys.count; i++) {
        const lt_jinja_value *other = lt_jinja_dict_get(b, &a->keys.items[i]);
        if (other == NULL || !equal_at(&a->values.items[i], other, depth, budget))
            return false;
    }
    return true;
}

static bool lists_equal(const lt_jinja_list *a, const lt_jinja_list *b, int depth, int *budget)
{
    if (a == b || a->count != b->count)
        return a == b;
    for (size_t i = 0; i < a->count; i++)
        if (!equal_at(&a->items[i], &b->items[i], depth, budget))
            return false;
    return true;
}

/* Values larger or nested deeper than any template makes them are not compared to the end. */
static bool equal_at(const lt_jinja_value *a, const lt_jinja_value *b, int depth, int *budget)
{
    double x, y;
    if (as_number(a, &x) && as_number(b, &y))
        return x == y;
    if (a->kind != b->kind || depth > LT_JINJA_DEPTH_MAX || --*budget < 0)
        return false;
    switch (a->kind) {
    case LT_JINJA_V_UNDEFINED:
    case LT_JINJA_V_NONE:
        return true;
    case LT_JINJA_V_TEXT:
        return a->text.len == b->text.len && memcmp(a->text.data, b->text.data, a->text.len) == 0;
    case LT_JINJA_V_LIST:
        return lists_equal(a->list, b->list, depth + 1, budget);
    case LT_JINJA_V_DICT:
        return dicts_equal(a->dict, b->dict, depth + 1, budget);
    case LT_JINJA_V_MACRO:
        return a->macro == b->macro;
    default:
        return false;
    }
}

bool lt_jinja_equal(const lt_jinja_value *a, const lt_jinja_value *b)
{
    int budget = 100000;
    return equal_at(a, b, 0, &budget);
}

static void add_real(double real, lt_buf *out)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    lt_buf_puts(out, text);
    if (!strpbrk(text, ".en"))
        lt_buf_puts(out, ".0");
}

lt_status lt_jinja_str(lt_jinja_run *run, const lt_jinja_value *value, lt_buf *out)
{
    switch (value->kind) {
    case LT_JINJA_V_UNDEFINED:
        return LT_OK;
    case LT_JINJA_V_NONE:
        lt_buf_puts(out, "None");
        return LT_OK;
    case LT_JINJA_V_BOOL:
        lt_buf_puts(out, value->truth ? "True" : "False");
        return LT_OK;
    case LT_JINJA_V_INT:
        lt_buf_printf(out, "%lld", (long long)value->integer);
        return LT_OK;
    case LT_JINJA_V_FLOAT:
        add_real(value->real, out);
        return LT_OK;
    case LT_JINJA_V_TEXT:
        lt_buf_add(out, value->text.data, value->text.len);
        return LT_OK;
    default:
        return lt_jinja_fail(run, LT_UNSUPPORTED, "%s is printed", lt_jinja_kind_name(value));
    }
}

lt_status lt_jinja_order(lt_jinja_run *run, const lt_jinja_value *a, const lt_jinja_value *b,
                         int *order)
{
    double x, y;
    if (as_number(a, &x) && as_number(b, &y)) {
        *order = (x > y) - (x < y);
        return LT_OK;
    }
    if (a->kind != LT_JINJA_V_TEXT || b->kind != LT_JINJA_V_TEXT)
        return lt_jinja_fail(run, LT_INPUT, "%s and %s have no order", lt_jinja_kind_name(a),
                             lt_jinja_kind_name(b));
    size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
    int bytes = memcmp(a->text.data, b->text.data, len); /* UTF-8 sorts as code points do */
    *order = bytes ? bytes : (a->text.len > b->text.len) - (a->text.len < b->text.len);
    return LT_OK;
}

lt_status lt_jinja_contains(lt_jinja_run *run, const lt_jinja_value *container,
                            const lt_jinja_value *item, bool *out)
{
    *out = false;
    switch (container->kind) {
    case LT_JINJA_V_UNDEFINED:
        return LT_OK;
    case LT_JINJA_V_TEXT:
        if (item->kind != LT_JINJA_V_TEXT)
            return lt_jinja_fail(run, LT_INPUT, "%s is looked for in a string",
                                 lt_jinja_kind_name(item));
        *out = item->text.len == 0 || memmem(container->text.data, container->text.len,
                                             item->text.data, item->text.len) != NULL;
        return LT_OK;
    case LT_JINJA_V_DICT:
        *out = lt_jinja_dict_get(container->dict, item) != NULL;
        return LT_OK;
    case LT_JINJA_V_LIST:
        for (size_t i = 0; i < container->list->count && !*out; i++)
            *out = lt_jinja_equal(&container->list->items[i], item);
        return LT_OK;
    default:
        return lt_jinja_fail(run, LT_INPUT, "something is looked for in %s",
                             lt_jinja_kind_name(container));
    }
}

lt_status lt_jinja_iterate(lt_jinja_run *run, const lt_jinja_value *value, lt_jinja_list **out)
{
    switch (value->kind) {
    case LT_JINJA_V_LIST:
        *out = value->list;
        return LT_OK;
    case LT_JINJA_V_DICT:
        *out = &value->dict->keys;
        return LT_OK;
    case LT_JINJA_V_UNDEFINED:
        *out = lt_jinja_list_new(&run->arena).list;
        return LT_OK;
    case LT_JINJA_V_TEXT:
        *out = lt_jinja_list_new(&run->arena).list;
        for (size_t at = 0; at < value->text.len;) {
            size_t len = lt_jinja_char_len(value->text, at);
            lt_jinja_list_add(&run->arena, *out,
                              lt_jinja_text((lt_text){value->text.data + at, len}));
            LT_TRY(lt_jinja_spend(run));
            at += len;
        }
        return LT_OK;
    default:
        return lt_jinja_fail(run, LT_INPUT, "%s cannot be gone through", lt_jinja_kind_name(value));
    }
}

size_t lt_jinja_char_len(lt_text text, size_t at)
{
    uint8_t lead = (uint8_t)text.data[at];
    size_t len = lead < 0xc2 || lead > 0xf4 ? 1 : (size_t)lt_utf8_len(lead);
    for (size_t i = 1; i < len; i++)
        if (at + i >= text.len || ((uint8_t)text.data[at + i] & 0xc0) != 0x80)
            return 1;
    return len;
}

size_t lt_jinja_length(lt_text text)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len; at += lt_jinja_char_len(text, at))
        count++;
    return count;
}

size_t lt_jinja_offset(lt_text text, size_t index)
{
    size_t at = 0;
    while (index-- > 0 && at < text.len)
        at += lt_jinja_char_len(text, at);
    return at;
}

bool lt_jinja_is_space(lt_text text, size_t at)
{
    uint32_t c = (uint8_t)text.data[at];
    if (lt_jinja_char_len(text, at) > 1)
        lt_utf8_decode(text.data + at, &c);
    else if (c >= 0x80)
        return false;
    return (c >= 0x1c && c <= 0x1f) || lt_unicode_is_white(c);
}

static bool strips(lt_text text, size_t at, const lt_text *characters)
{
    if (characters == NULL)
        return lt_jinja_is_space(text, at);
    size_t len = lt_jinja_char_len(text, at);
    for (size_t i = 0; i < characters->len; i += lt_jinja_char_len(*characters, i))
        if (lt_jinja_char_len(*characters, i) == len &&
            memcmp(characters->data + i, text.data + at, len) == 0)
            return true;
    return false;
}

lt_text lt_jinja_strip(lt_text text, bool left, bool right, const lt_text *characters)
{
    size_t from = 0, end = text.len;
    while (left && from < end && strips(text, from, characters))
        from += lt_jinja_char_len(text, from);
    while (right && end > from) {
        size_t last = end - 1;
        while (last > from && end - last < 4 && ((uint8_t)text.data[last] & 0xc0) == 0x80)
            last--;
        if (last + lt_jinja_char_len(text, last) != end)
            last = end - 1;
        if (!strips(text, last, characters))
            break;
        end = last;
    }
    return (lt_text){text.data + from, end - from};
}
