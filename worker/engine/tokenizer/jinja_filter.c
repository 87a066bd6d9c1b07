#include "worker/engine/tokenizer/jinja.h"

#include <stdlib.h>
#include <string.h>

typedef lt_status lt_filter_call(lt_jinja_run *run, const lt_jinja_value *input,
                                 const lt_jinja_node *args, lt_jinja_value *out);

/* ---- of strings ---- */

/* Python's str() of anything, as a text. */
static lt_status as_text(lt_jinja_run *run, const lt_jinja_value *input, lt_jinja_value *out)
{
    if (input->kind == LT_JINJA_V_TEXT) {
        *out = *input;
        return LT_OK;
    }
    lt_buf text = {0};
    lt_status status = lt_jinja_str(run, input, &text);
    if (status == LT_OK)
        *out = lt_jinja_copy(&run->arena, &text);
    lt_buf_fini(&text);
    return status;
}

static lt_status filter_string(lt_jinja_run *run, const lt_jinja_value *input,
                               const lt_jinja_node *args, lt_jinja_value *out)
{
    (void)args;
    return as_text(run, input, out);
}

static lt_status filter_trim(lt_jinja_run *run, const lt_jinja_value *input,
                             const lt_jinja_node *args, lt_jinja_value *out)
{
    lt_jinja_value characters;
    LT_TRY(lt_jinja_arguments(run, args, NULL, 1, &characters));
    LT_TRY(as_text(run, input, out));
    out->text = lt_jinja_strip(out->text, true, true,
                               characters.kind == LT_JINJA_V_TEXT ? &characters.text : NULL);
    return LT_OK;
}

/* upper, lower, capitalize, title are those of the string methods. */
static lt_status by_method(lt_jinja_run *run, const lt_jinja_value *input, const char *name,
                           const lt_jinja_node *args, lt_jinja_value *out)
{
    lt_jinja_value text;
    LT_TRY(as_text(run, input, &text));
    lt_jinja_method method = {lt_text_of(name), &text};
    return lt_jinja_call_method(run, &method, args, out);
}

static lt_status filter_upper(lt_jinja_run *run, const lt_jinja_value *input,
                              const lt_jinja_node *args, lt_jinja_value *out)
{
    return by_method(run, input, "upper", args, out);
}

static lt_status filter_lower(lt_jinja_run *run, const lt_jinja_value *input,
                              const lt_jinja_node *args, lt_jinja_value *out)
{
    return by_method(run, input, "lower", args, out);
}

static lt_status filter_capitalize(lt_jinja_run *run, const lt_jinja_value *input,
                                   const lt_jinja_node *args, lt_jinja_value *out)
{
    return by_method(run, input, "capitalize", args, out);
}

static lt_status filter_title(lt_jinja_run *run, const lt_jinja_value *input,
                              const lt_jinja_node *args, lt_jinja_value *out)
{
    return by_method(run, input, "title", args, out);
}

static lt_status filter_replace(lt_jinja_run *run, const lt_jinja_value *input,
                                const lt_jinja_node *args, lt_jinja_value *out)
{
    return by_method(run, input, "replace", args, out);
}

static lt_status filter_indent(lt_jinja_run *run, const lt_jinja_value *input,
                               const lt_jinja_node *args, lt_jinja_value *out)
{
    static const char *const names[] = {"width", "first", "blank"};
    lt_jinja_value given[3], text;
    LT_TRY(lt_jinja_arguments(run, args, names, 3, given));
    LT_TRY(as_text(run, input, &text));
    int64_t width = given[0].kind == LT_JINJA_V_INT ? given[0].integer : 4;
    lt_buf result = {0};
    bool begins = lt_jinja_truth(&given[1]);
    for (size_t i = 0; i < text.text.len && result.len < LT_JINJA_MEMORY_BYTES_MAX; i++) {
        if (begins && (text.text.data[i] != '\n' || lt_jinja_truth(&given[2])))
            for (int64_t w = 0; w < width && w < 1000; w++)
                lt_buf_putc(&result, ' ');
        begins = text.text.data[i] == '\n';
        lt_buf_putc(&result, text.text.data[i]);
    }
    *out = lt_jinja_copy(&run->arena, &result);
    lt_buf_fini(&result);
    return LT_OK;
}

static lt_status filter_tojson(lt_jinja_run *run, const lt_jinja_value *input,
                               const lt_jinja_node *args, lt_jinja_value *out)
{
    static const char *const names[] = {"ensure_ascii", "indent"};
    lt_jinja_value given[2];
    LT_TRY(lt_jinja_arguments(run, args, names, 2, given));
    if (args && args->text.data ==
                    NULL) { /* transformers: tojson(x, ensure_ascii=False, indent=None, ...) */
        given[1] = given[1].kind == LT_JINJA_V_UNDEFINED ? given[0] : given[1];
        given[0] = lt_jinja_bool(false);
    }
    if (lt_jinja_truth(&given[0]))
        return lt_jinja_fail(run, LT_UNSUPPORTED, "tojson with ensure_ascii");
    lt_buf text = {0};
    lt_status status = lt_jinja_json(
        run, input, given[1].kind == LT_JINJA_V_INT ? (int)(given[1].integer & 63) : -1, 0, &text);
    if (status == LT_OK)
        *out = lt_jinja_copy(&run->arena, &text);
    lt_buf_fini(&text);
    return status;
}

/* ---- of lists and numbers ---- */

static lt_status filter_length(lt_jinja_run *run, const lt_jinja_value *input,
                               const lt_jinja_node *args, lt_jinja_value *out)
{
    (void)args;
    switch (input->kind) {
    case LT_JINJA_V_UNDEFINED:
        *out = lt_jinja_int(0);
        return LT_OK;
    case LT_JINJA_V_TEXT:
        *out = lt_jinja_int((int64_t)lt_jinja_length(input->text));
        return LT_OK;
    case LT_JINJA_V_LIST:
        *out = lt_jinja_int((int64_t)input->list->count);
        return LT_OK;
    case LT_JINJA_V_DICT:
        *out = lt_jinja_int((int64_t)input->dict->keys.count);
        return LT_OK;
    default:
        return lt_jinja_fail(run, LT_INPUT, "the length of %s", lt_jinja_kind_name(input));
    }
}

static lt_status filter_list(lt_jinja_run *run, const lt_jinja_value *input,
                             const lt_jinja_node *args, lt_jinja_value *out)
{
    (void)args;
    lt_jinja_list *items;
    LT_TRY(lt_jinja_iterate(run, input, &items));
    *out = (lt_jinja_value){.kind = LT_JINJA_V_LIST, .list = items};
    return LT_OK;
}

static lt_status end_of(lt_jinja_run *run, const lt_jinja_value *input, bool last,
                        lt_jinja_value *out)
{
    lt_jinja_list *items;
    LT_TRY(lt_jinja_iterate(run, input, &items));
    *out = items->count ? items->items[last ? items->count - 1 : 0]
                        : lt_jinja_undefined(lt_text_of("first or last of nothing"));
    return LT_OK;
}

static lt_status filter_first(lt_jinja_run *run, const lt_jinja_value *input,
                              const lt_jinja_node *args, lt_jinja_value *out)
{
    (void)args;
    return end_of(run, input, false, out);
}

static lt_status filter_last(lt_jinja_run *run, const lt_jinja_value *input,
                             const lt_jinja_node *args, lt_jinja_value *out)
{
    (void)args;
    return end_of(run, input, true, out);
}

static lt_status filter_reverse(lt_jinja_run *run, const lt_jinja_value *input,
                                const lt_jinja_node *args, lt_jinja_value *out)
{
    (void)args;
    lt_jinja_list *items;
    LT_TRY(lt_jinja_iterate(run, input, &items));
    *out = lt_jinja_list_new(&run->arena);
    for (size_t i = items->count; i-- > 0;)
        lt_jinja_list_add(&run->arena, out->list, items->items[i]);
    return LT_OK;
}

static lt_status filter_items(lt_jinja_run *run, const lt_jinja_value *input,
                              const lt_jinja_node *args, lt_jinja_value *out)
{
    lt_jinja_value self = *input;
    lt_jinja_method method = {lt_text_of("items"), &self};
    if (input->kind == LT_JINJA_V_UNDEFINED) {
        *out = lt_jinja_list_new(&run->arena);
        return LT_OK;
    }
    return lt_jinja_call_method(run, &method, args, out);
}

static lt_jinja_value member(const lt_jinja_value *item, const lt_jinja_value *name)
{
    const lt_jinja_value *found =
        item->kind == LT_JINJA_V_DICT ? lt_jinja_dict_get(item->dict, name) : NULL;
    return found ? *found : lt_jinja_undefined(lt_text_of("attribute"));
}

static lt_status filter_join(lt_jinja_run *run, const lt_jinja_value *input,
                             const lt_jinja_node *args, lt_jinja_value *out)
{
    static const char *const names[] = {"d", "attribute"};
    lt_jinja_value given[2];
    lt_jinja_list *items;
    LT_TRY(lt_jinja_arguments(run, args, names, 2, given));
    LT_TRY(lt_jinja_iterate(run, input, &items));
    lt_buf text = {0};
    lt_status status = LT_OK;
    for (size_t i = 0; i < items->count && status == LT_OK; i++) {
        lt_jinja_value one = given[1].kind == LT_JINJA_V_TEXT ? member(&items->items[i], &given[1])
                                                              : items->items[i];
        if (i > 0)
            status = lt_jinja_str(run, &given[0], &text);
        if (status == LT_OK)
            status = lt_jinja_str(run, &one, &text);
        if (status == LT_OK && text.len > LT_JINJA_MEMORY_BYTES_MAX)
            status = lt_jinja_fail(run, LT_LIMIT, "join makes too long a string");
    }
    if (status == LT_OK)
        *out = lt_jinja_copy(&run->arena, &text);
    lt_buf_fini(&text);
    return status;
}

static lt_status filter_default(lt_jinja_run *run, const lt_jinja_value *input,
                                const lt_jinja_node *args, lt_jinja_value *out)
{
    static const char *const names[] = {"default_value", "boolean"};
    lt_jinja_value given[2];
    LT_TRY(lt_jinja_arguments(run, args, names, 2, given));
    bool missing = input->kind == LT_JINJA_V_UNDEFINED ||
                   (lt_jinja_truth(&given[1]) && !lt_jinja_truth(input));
    *out = !missing                                ? *input
           : given[0].kind == LT_JINJA_V_UNDEFINED ? lt_jinja_string("")
                                                   : given[0];
    return LT_OK;
}

static lt_status filter_int(lt_jinja_run *run, const lt_jinja_value *input,
                            const lt_jinja_node *args, lt_jinja_value *out)
{
    lt_jinja_value fallback;
    LT_TRY(lt_jinja_arguments(run, args, NULL, 1, &fallback));
    *out = fallback.kind == LT_JINJA_V_INT ? fallback : lt_jinja_int(0);
    if (input->kind == LT_JINJA_V_INT || input->kind == LT_JINJA_V_BOOL) {
        *out = lt_jinja_int(input->kind == LT_JINJA_V_BOOL ? input->truth : input->integer);
    } else if (input->kind == LT_JINJA_V_FLOAT && input->real > -1e15 && input->real < 1e15) {
        *out = lt_jinja_int((int64_t)input->real);
    } else if (input->kind == LT_JINJA_V_TEXT) {
        lt_text text = lt_jinja_strip(input->text, true, true, NULL);
        char digits[32], *end;
        size_t len = text.len < sizeof digits - 1 ? text.len : sizeof digits - 1;
        memcpy(digits, text.data, len);
        digits[len] = '\0';
        int64_t number = strtoll(digits, &end, 10);
        if (len > 0 && *end == '\0')
            *out = lt_jinja_int(number);
    }
    return LT_OK;
}

/* ---- selections: the test applied to every item, or to one attribute of it ---- */

static lt_status select_by(lt_jinja_run *run, const lt_jinja_value *input,
                           const lt_jinja_node *args, bool by_attribute, bool keep,
                           lt_jinja_value *out)
{
    lt_jinja_value given[4];
    lt_jinja_list *items;
    LT_TRY(lt_jinja_arguments(run, args, NULL, 4, given));
    LT_TRY(lt_jinja_iterate(run, input, &items));
    const lt_jinja_value *test = &given[by_attribute];
    *out = lt_jinja_list_new(&run->arena);
    for (size_t i = 0; i < items->count; i++) {
        lt_jinja_value one = by_attribute ? member(&items->items[i], &given[0]) : items->items[i];
        bool holds = lt_jinja_truth(&one);
        LT_TRY(lt_jinja_spend(run));
        if (test->kind == LT_JINJA_V_TEXT)
            LT_TRY(lt_jinja_test(run, test->text, &one, test + 1,
                                 test[1].kind != LT_JINJA_V_UNDEFINED, &holds));
        if (holds == keep)
            lt_jinja_list_add(&run->arena, out->list, items->items[i]);
    }
    return LT_OK;
}

static lt_status filter_select(lt_jinja_run *run, const lt_jinja_value *input,
                               const lt_jinja_node *args, lt_jinja_value *out)
{
    return select_by(run, input, args, false, true, out);
}

static lt_status filter_reject(lt_jinja_run *run, const lt_jinja_value *input,
                               const lt_jinja_node *args, lt_jinja_value *out)
{
    return select_by(run, input, args, false, false, out);
}

static lt_status filter_selectattr(lt_jinja_run *run, const lt_jinja_value *input,
                                   const lt_jinja_node *args, lt_jinja_value *out)
{
    return select_by(run, input, args, true, true, out);
}

static lt_status filter_rejectattr(lt_jinja_run *run, const lt_jinja_value *input,
                                   const lt_jinja_node *args, lt_jinja_value *out)
{
    return select_by(run, input, args, true, false, out);
}

static lt_status filter_map(lt_jinja_run *run, const lt_jinja_value *input,
                            const lt_jinja_node *args, lt_jinja_value *out)
{
    static const char *const names[] = {"filter", "attribute"};
    lt_jinja_value given[2], one;
    lt_jinja_list *items;
    LT_TRY(lt_jinja_arguments(run, args, names, 2, given));
    LT_TRY(lt_jinja_iterate(run, input, &items));
    *out = lt_jinja_list_new(&run->arena);
    for (size_t i = 0; i < items->count; i++) {
        if (given[1].kind == LT_JINJA_V_TEXT)
            one = member(&items->items[i], &given[1]);
        else if (given[0].kind == LT_JINJA_V_TEXT)
            LT_TRY(lt_jinja_filter(run, given[0].text, &items->items[i], NULL, &one));
        else
            return lt_jinja_fail(run, LT_UNSUPPORTED, "map without a filter or an attribute");
        lt_jinja_list_add(&run->arena, out->list, one);
    }
    return LT_OK;
}

static lt_status filter_safe(lt_jinja_run *run, const lt_jinja_value *input,
                             const lt_jinja_node *args, lt_jinja_value *out)
{
    (void)args;
    return as_text(run, input, out);
}

#define FILTER_LIST(X)                                                                             \
    X(trim)                                                                                        \
    X(length) X(string) X(upper) X(lower) X(capitalize) X(title) X(replace) X(join) X(first)       \
        X(last) X(list) X(reverse) X(items) X(default) X(int) X(tojson) X(select) X(reject)        \
            X(selectattr) X(rejectattr) X(map) X(indent) X(safe)

lt_status lt_jinja_filter(lt_jinja_run *run, lt_text name, const lt_jinja_value *input,
                          const lt_jinja_node *args, lt_jinja_value *out)
{
    static const struct {
        const char *name;
        lt_filter_call *call;
    } filters[] = {
#define X(word) {#word, filter_##word},
        FILTER_LIST(X)
#undef X
            {"count", filter_length},
        {"d", filter_default},
    };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        if (lt_jinja_text_is(name, filters[i].name))
            return filters[i].call(run, input, args, out);
    return lt_jinja_fail(run, LT_UNSUPPORTED, "the filter '%.*s' is not supported",
                         (int)(name.len < 60 ? name.len : 60), name.data);
}
