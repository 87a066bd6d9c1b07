#include "worker/engine/tokenizer/jinja.h"

#include <string.h>
#include <utf8proc.h>

#include "worker/engine/tokenizer/unicode.h"

typedef lt_status lt_method_call(lt_jinja_run *run, const lt_jinja_value *self,
                                 const lt_jinja_value args[3], lt_jinja_value *out);

static lt_status wrong_argument(lt_jinja_run *run, const char *method, const lt_jinja_value *arg)
{
    return lt_jinja_fail(run, LT_INPUT, "%s() is given %s", method, lt_jinja_kind_name(arg));
}

static lt_status strip_some(lt_jinja_run *run, const lt_jinja_value *self,
                            const lt_jinja_value *arg, bool left, bool right, lt_jinja_value *out)
{
    if (arg->kind != LT_JINJA_V_TEXT && arg->kind != LT_JINJA_V_UNDEFINED &&
        arg->kind != LT_JINJA_V_NONE)
        return wrong_argument(run, "strip", arg);
    *out = lt_jinja_text(
        lt_jinja_strip(self->text, left, right, arg->kind == LT_JINJA_V_TEXT ? &arg->text : NULL));
    return LT_OK;
}

static lt_status text_strip(lt_jinja_run *run, const lt_jinja_value *self,
                            const lt_jinja_value args[3], lt_jinja_value *out)
{
    return strip_some(run, self, &args[0], true, true, out);
}

static lt_status text_lstrip(lt_jinja_run *run, const lt_jinja_value *self,
                             const lt_jinja_value args[3], lt_jinja_value *out)
{
    return strip_some(run, self, &args[0], true, false, out);
}

static lt_status text_rstrip(lt_jinja_run *run, const lt_jinja_value *self,
                             const lt_jinja_value args[3], lt_jinja_value *out)
{
    return strip_some(run, self, &args[0], false, true, out);
}

static bool ends(lt_text text, lt_text part, bool front)
{
    return text.len >= part.len &&
           memcmp(front ? text.data : text.data + text.len - part.len, part.data, part.len) == 0;
}

/* One string, or a tuple of which any may fit. */
static lt_status ends_with(lt_jinja_run *run, const lt_jinja_value *self, const lt_jinja_value *arg,
                           bool front, lt_jinja_value *out)
{
    *out = lt_jinja_bool(false);
    if (arg->kind == LT_JINJA_V_TEXT) {
        *out = lt_jinja_bool(ends(self->text, arg->text, front));
        return LT_OK;
    }
    if (arg->kind != LT_JINJA_V_LIST)
        return wrong_argument(run, front ? "startswith" : "endswith", arg);
    for (size_t i = 0; i < arg->list->count; i++)
        if (arg->list->items[i].kind == LT_JINJA_V_TEXT &&
            ends(self->text, arg->list->items[i].text, front))
            *out = lt_jinja_bool(true);
    return LT_OK;
}

static lt_status text_startswith(lt_jinja_run *run, const lt_jinja_value *self,
                                 const lt_jinja_value args[3], lt_jinja_value *out)
{
    return ends_with(run, self, &args[0], true, out);
}

static lt_status text_endswith(lt_jinja_run *run, const lt_jinja_value *self,
                               const lt_jinja_value args[3], lt_jinja_value *out)
{
    return ends_with(run, self, &args[0], false, out);
}

static void add_part(lt_jinja_run *run, lt_jinja_value *list, const char *from, size_t len)
{
    lt_jinja_list_add(&run->arena, list->list, lt_jinja_text((lt_text){from, len}));
}

/* split(): runs of white space, nothing empty. */
static lt_status split_white(lt_jinja_run *run, lt_text text, int64_t most, lt_jinja_value *out)
{
    size_t at = 0;
    for (;;) {
        while (at < text.len && lt_jinja_is_space(text, at))
            at += lt_jinja_char_len(text, at);
        if (at == text.len)
            return LT_OK;
        size_t from = at;
        if (most-- == 0) {
            lt_text rest =
                lt_jinja_strip((lt_text){text.data + from, text.len - from}, false, true, NULL);
            add_part(run, out, rest.data, rest.len);
            return LT_OK;
        }
        while (at < text.len && !lt_jinja_is_space(text, at))
            at += lt_jinja_char_len(text, at);
        add_part(run, out, text.data + from, at - from);
        LT_TRY(lt_jinja_spend(run));
    }
}

static lt_status text_split(lt_jinja_run *run, const lt_jinja_value *self,
                            const lt_jinja_value args[3], lt_jinja_value *out)
{
    int64_t most = args[1].kind == LT_JINJA_V_INT ? args[1].integer : -1;
    lt_text rest = self->text, by = args[0].text;
    *out = lt_jinja_list_new(&run->arena);
    if (args[0].kind == LT_JINJA_V_UNDEFINED || args[0].kind == LT_JINJA_V_NONE)
        return split_white(run, rest, most, out);
    if (args[0].kind != LT_JINJA_V_TEXT || by.len == 0)
        return wrong_argument(run, "split", &args[0]);
    while (most-- != 0) {
        const char *hit = rest.len ? memmem(rest.data, rest.len, by.data, by.len) : NULL;
        if (hit == NULL)
            break;
        add_part(run, out, rest.data, (size_t)(hit - rest.data));
        rest = (lt_text){hit + by.len, rest.len - by.len - (size_t)(hit - rest.data)};
        LT_TRY(lt_jinja_spend(run));
    }
    add_part(run, out, rest.data, rest.len);
    return LT_OK;
}

static lt_status text_replace(lt_jinja_run *run, const lt_jinja_value *self,
                              const lt_jinja_value args[3], lt_jinja_value *out)
{
    int64_t most = args[2].kind == LT_JINJA_V_INT ? args[2].integer : -1;
    lt_text rest = self->text, old = args[0].text, new = args[1].text;
    if (args[0].kind != LT_JINJA_V_TEXT || args[1].kind != LT_JINJA_V_TEXT)
        return wrong_argument(run, "replace",
                              args[0].kind != LT_JINJA_V_TEXT ? &args[0] : &args[1]);
    if (old.len == 0)
        return lt_jinja_fail(run, LT_UNSUPPORTED, "replace() of an empty string");
    lt_buf text = {0};
    while (most-- != 0 && text.len < LT_JINJA_MEMORY_BYTES_MAX) {
        const char *hit = rest.len ? memmem(rest.data, rest.len, old.data, old.len) : NULL;
        if (hit == NULL)
            break;
        lt_buf_add(&text, rest.data, (size_t)(hit - rest.data));
        lt_buf_add(&text, new.data, new.len);
        rest = (lt_text){hit + old.len, rest.len - old.len - (size_t)(hit - rest.data)};
    }
    lt_buf_add(&text, rest.data, rest.len);
    *out = lt_jinja_copy(&run->arena, &text);
    lt_buf_fini(&text);
    return LT_OK;
}

typedef enum lt_case { UPPER, LOWER, CAPITALIZED, TITLED } lt_case;

/* Simple case mapping of every letter; the sharp s and the few like it keep their one letter. */
static lt_status change_case(lt_jinja_run *run, lt_text text, lt_case how, lt_jinja_value *out)
{
    lt_buf changed = {0};
    bool inside = false; /* of a word */
    for (size_t at = 0; at < text.len;) {
        size_t len = lt_jinja_char_len(text, at);
        uint32_t c = (uint8_t)text.data[at];
        if (len == 1 && c >= 0x80) { /* ill-formed: kept */
            lt_buf_putc(&changed, text.data[at++]);
            continue;
        }
        lt_utf8_decode(text.data + at, &c);
        bool up = how == UPPER || (how == CAPITALIZED && at == 0) || (how == TITLED && !inside);
        uint32_t lower[2];
        if (up) {
            lt_utf8_add(&changed, (uint32_t)utf8proc_toupper((utf8proc_int32_t)c));
        } else {
            int count = lt_unicode_to_lower(c, lower);
            for (int i = 0; i < count; i++)
                lt_utf8_add(&changed, lower[i]);
        }
        inside = lt_unicode_props(c) & LT_PROP_L;
        at += len;
    }
    *out = lt_jinja_copy(&run->arena, &changed);
    lt_buf_fini(&changed);
    return LT_OK;
}

static lt_status text_upper(lt_jinja_run *run, const lt_jinja_value *self,
                            const lt_jinja_value args[3], lt_jinja_value *out)
{
    (void)args;
    return change_case(run, self->text, UPPER, out);
}

static lt_status text_lower(lt_jinja_run *run, const lt_jinja_value *self,
                            const lt_jinja_value args[3], lt_jinja_value *out)
{
    (void)args;
    return change_case(run, self->text, LOWER, out);
}

static lt_status text_capitalize(lt_jinja_run *run, const lt_jinja_value *self,
                                 const lt_jinja_value args[3], lt_jinja_value *out)
{
    (void)args;
    return change_case(run, self->text, CAPITALIZED, out);
}

static lt_status text_title(lt_jinja_run *run, const lt_jinja_value *self,
                            const lt_jinja_value args[3], lt_jinja_value *out)
{
    (void)args;
    return change_case(run, self->text, TITLED, out);
}

static lt_status text_find(lt_jinja_run *run, const lt_jinja_value *self,
                           const lt_jinja_value args[3], lt_jinja_value *out)
{
    if (args[0].kind != LT_JINJA_V_TEXT)
        return wrong_argument(run, "find", &args[0]);
    const char *hit = memmem(self->text.data, self->text.len, args[0].text.data, args[0].text.len);
    *out = lt_jinja_int(
        hit ? (int64_t)lt_jinja_length((lt_text){self->text.data, (size_t)(hit - self->text.data)})
            : -1);
    return LT_OK;
}

static lt_status dict_items(lt_jinja_run *run, const lt_jinja_value *self,
                            const lt_jinja_value args[3], lt_jinja_value *out)
{
    (void)args;
    *out = lt_jinja_list_new(&run->arena);
    for (size_t i = 0; i < self->dict->keys.count; i++) {
        lt_jinja_value pair = lt_jinja_list_new(&run->arena);
        lt_jinja_list_add(&run->arena, pair.list, self->dict->keys.items[i]);
        lt_jinja_list_add(&run->arena, pair.list, self->dict->values.items[i]);
        lt_jinja_list_add(&run->arena, out->list, pair);
    }
    return LT_OK;
}

static lt_status dict_keys(lt_jinja_run *run, const lt_jinja_value *self,
                           const lt_jinja_value args[3], lt_jinja_value *out)
{
    (void)run, (void)args;
    *out = (lt_jinja_value){.kind = LT_JINJA_V_LIST, .list = &self->dict->keys};
    return LT_OK;
}

static lt_status dict_values(lt_jinja_run *run, const lt_jinja_value *self,
                             const lt_jinja_value args[3], lt_jinja_value *out)
{
    (void)run, (void)args;
    *out = (lt_jinja_value){.kind = LT_JINJA_V_LIST, .list = &self->dict->values};
    return LT_OK;
}

static lt_status dict_get(lt_jinja_run *run, const lt_jinja_value *self,
                          const lt_jinja_value args[3], lt_jinja_value *out)
{
    (void)run;
    const lt_jinja_value *found = lt_jinja_dict_get(self->dict, &args[0]);
    *out = found ? *found : args[1];
    if (!found && args[1].kind == LT_JINJA_V_UNDEFINED)
        *out = (lt_jinja_value){.kind = LT_JINJA_V_NONE};
    return LT_OK;
}

#define TEXT_METHODS(X)                                                                            \
    X(strip)                                                                                       \
    X(lstrip) X(rstrip) X(startswith) X(endswith) X(split) X(replace) X(upper) X(lower)            \
        X(capitalize) X(title) X(find)
#define DICT_METHODS(X) X(items) X(keys) X(values) X(get)

static const struct {
    const char *name;
    lt_jinja_value_kind self;
    lt_method_call *call;
} methods[] = {
#define X(word) {#word, LT_JINJA_V_TEXT, text_##word},
    TEXT_METHODS(X)
#undef X
#define X(word) {#word, LT_JINJA_V_DICT, dict_##word},
        DICT_METHODS(X)
#undef X
};

bool lt_jinja_has_method(const lt_jinja_value *self, lt_text name)
{
    if (self->kind == LT_JINJA_V_DICT && self->dict->is_namespace)
        return false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].self == self->kind && lt_jinja_text_is(name, methods[i].name))
            return true;
    return false;
}

lt_status lt_jinja_call_method(lt_jinja_run *run, const lt_jinja_method *method,
                               const lt_jinja_node *args, lt_jinja_value *out)
{
    lt_jinja_value given[3];
    LT_TRY(lt_jinja_arguments(run, args, NULL, 3, given));
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].self == method->self->kind &&
            lt_jinja_text_is(method->name, methods[i].name))
            return methods[i].call(run, method->self, given, out);
    return lt_jinja_fail(run, LT_UNSUPPORTED, "the method '%.*s' is not supported",
                         (int)(method->name.len < 60 ? method->name.len : 60), method->name.data);
}
