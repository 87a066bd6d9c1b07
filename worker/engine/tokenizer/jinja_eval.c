#include "worker/engine/tokenizer/jinja.h"

#include <stdio.h>
#include <string.h>

lt_status lt_jinja_fail(lt_jinja_run *run, lt_status status, const char *format, ...)
{
    char what[600], where[320];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(where, sizeof where, "%.280s:%d", run->where, run->line);
    return lt_fail(run->error, status, where, "the chat template: %s", what);
}

lt_status lt_jinja_spend(lt_jinja_run *run)
{
    if (++run->steps > LT_JINJA_STEPS_MAX)
        return lt_jinja_fail(run, LT_LIMIT, "over %d steps", LT_JINJA_STEPS_MAX);
    if (run->arena.used_bytes > LT_JINJA_MEMORY_BYTES_MAX)
        return lt_jinja_fail(run, LT_LIMIT, "over %u bytes of memory", LT_JINJA_MEMORY_BYTES_MAX);
    return LT_OK;
}

static lt_jinja_value lookup(const lt_jinja_run *run, lt_text name)
{
    static const struct {
        const char *name;
        lt_jinja_function function;
    } functions[] = {{"raise_exception", LT_JINJA_RAISE},
                     {"strftime_now", LT_JINJA_STRFTIME},
                     {"namespace", LT_JINJA_NAMESPACE},
                     {"range", LT_JINJA_RANGE},
                     {"dict", LT_JINJA_MAKE_DICT}};
    lt_jinja_value key = lt_jinja_text(name);
    for (const lt_jinja_scope *scope = run->scope; scope; scope = scope->parent) {
        const lt_jinja_value *found = lt_jinja_dict_get(&scope->variables, &key);
        if (found)
            return *found;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (lt_jinja_text_is(name, functions[i].name))
            return (lt_jinja_value){.kind = LT_JINJA_V_FUNCTION, .function = functions[i].function};
    return lt_jinja_undefined(name);
}

static lt_jinja_value loop_attribute(const lt_jinja_loop *loop, lt_text name)
{
    size_t i = loop->index, count = loop->items->count;
    if (lt_jinja_text_is(name, "index"))
        return lt_jinja_int((int64_t)i + 1);
    if (lt_jinja_text_is(name, "index0"))
        return lt_jinja_int((int64_t)i);
    if (lt_jinja_text_is(name, "revindex"))
        return lt_jinja_int((int64_t)(count - i));
    if (lt_jinja_text_is(name, "revindex0"))
        return lt_jinja_int((int64_t)(count - i) - 1);
    if (lt_jinja_text_is(name, "first"))
        return lt_jinja_bool(i == 0);
    if (lt_jinja_text_is(name, "last"))
        return lt_jinja_bool(i + 1 == count);
    if (lt_jinja_text_is(name, "length"))
        return lt_jinja_int((int64_t)count);
    if (lt_jinja_text_is(name, "previtem") && i > 0)
        return loop->items->items[i - 1];
    if (lt_jinja_text_is(name, "nextitem") && i + 1 < count)
        return loop->items->items[i + 1];
    return lt_jinja_undefined(name);
}

lt_status lt_jinja_undefined_used(lt_jinja_run *run, const lt_jinja_value *value)
{
    return lt_jinja_fail(run, LT_INPUT, "'%.*s' is undefined",
                         (int)(value->text.len < 80 ? value->text.len : 80), value->text.data);
}

/* a.name: a method first, then an item of that name. */
static lt_status attribute(lt_jinja_run *run, const lt_jinja_value *self, lt_text name,
                           lt_jinja_value *out)
{
    lt_jinja_value key = lt_jinja_text(name);
    if (self->kind == LT_JINJA_V_UNDEFINED)
        return lt_jinja_undefined_used(run, self);
    *out = lt_jinja_undefined(name);
    if (self->kind == LT_JINJA_V_LOOP) {
        *out = loop_attribute(self->loop, name);
    } else if (lt_jinja_has_method(self, name)) {
        lt_jinja_method *method = lt_arena_alloc(&run->arena, sizeof *method);
        method->name = name;
        method->self = lt_arena_alloc(&run->arena, sizeof *method->self);
        *method->self = *self;
        *out = (lt_jinja_value){.kind = LT_JINJA_V_METHOD, .method = method};
    } else if (self->kind == LT_JINJA_V_DICT) {
        const lt_jinja_value *found = lt_jinja_dict_get(self->dict, &key);
        if (found)
            *out = *found;
    }
    return LT_OK;
}

/* a[b]: an item first; a missing one is undefined. */
static lt_status item(lt_jinja_run *run, const lt_jinja_value *self, const lt_jinja_value *key,
                      lt_jinja_value *out)
{
    if (self->kind == LT_JINJA_V_UNDEFINED)
        return lt_jinja_undefined_used(run, self);
    if (self->kind == LT_JINJA_V_DICT) {
        const lt_jinja_value *found = lt_jinja_dict_get(self->dict, key);
        if (found) {
            *out = *found;
            return LT_OK;
        }
    }
    if (key->kind == LT_JINJA_V_TEXT)
        return attribute(run, self, key->text, out);
    *out = lt_jinja_undefined(lt_text_of("item"));
    if (key->kind != LT_JINJA_V_INT)
        return LT_OK;
    int64_t count = self->kind == LT_JINJA_V_LIST   ? (int64_t)self->list->count
                    : self->kind == LT_JINJA_V_TEXT ? (int64_t)lt_jinja_length(self->text)
                                                    : 0;
    int64_t index = key->integer < 0 ? key->integer + count : key->integer;
    if (index < 0 || index >= count)
        return LT_OK;
    if (self->kind == LT_JINJA_V_LIST) {
        *out = self->list->items[index];
    } else {
        size_t at = lt_jinja_offset(self->text, (size_t)index);
        *out = lt_jinja_text((lt_text){self->text.data + at, lt_jinja_char_len(self->text, at)});
    }
    return LT_OK;
}

/* Python's slice.indices: where to begin and end, for a step of either sign. */
static lt_status bound(lt_jinja_run *run, const lt_jinja_node *node, int64_t count, int64_t step,
                       int64_t fallback, int64_t *out)
{
    lt_jinja_value value = {.kind = LT_JINJA_V_NONE};
    if (node)
        LT_TRY(lt_jinja_eval(run, node, &value));
    *out = fallback;
    if (value.kind == LT_JINJA_V_NONE)
        return LT_OK;
    if (value.kind != LT_JINJA_V_INT)
        return lt_jinja_fail(run, LT_INPUT, "a slice by %s", lt_jinja_kind_name(&value));
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? count - 1 : count;
    *out = value.integer < 0 ? value.integer + count : value.integer;
    *out = *out < low ? low : *out > high ? high : *out;
    return LT_OK;
}

static lt_status slice(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out)
{
    lt_jinja_value self, step = lt_jinja_int(1);
    lt_jinja_list *items, *taken;
    LT_TRY(lt_jinja_eval(run, node->a, &self));
    if (node->d)
        LT_TRY(lt_jinja_eval(run, node->d, &step));
    if (self.kind == LT_JINJA_V_UNDEFINED)
        return lt_jinja_undefined_used(run, &self);
    if ((self.kind != LT_JINJA_V_LIST && self.kind != LT_JINJA_V_TEXT) ||
        step.kind != LT_JINJA_V_INT || step.integer == 0)
        return lt_jinja_fail(run, LT_INPUT, "a slice of %s", lt_jinja_kind_name(&self));
    int64_t count = self.kind == LT_JINJA_V_LIST ? (int64_t)self.list->count
                                                 : (int64_t)lt_jinja_length(self.text);
    int64_t from, to, by = step.integer;
    LT_TRY(bound(run, node->b, count, by, by < 0 ? count - 1 : 0, &from));
    LT_TRY(bound(run, node->c, count, by, by < 0 ? -1 : count, &to));
    if (self.kind == LT_JINJA_V_TEXT && by == 1) {
        size_t start = lt_jinja_offset(self.text, (size_t)from);
        lt_text rest = {self.text.data + start, self.text.len - start};
        rest.len = to > from ? lt_jinja_offset(rest, (size_t)(to - from)) : 0;
        *out = lt_jinja_text(rest);
        return LT_OK;
    }
    LT_TRY(lt_jinja_iterate(run, &self, &items));
    *out = lt_jinja_list_new(&run->arena);
    taken = out->list;
    by = by > count ? count + 1 : by < -count ? -count - 1 : by;
    for (int64_t i = from; by < 0 ? i > to : i < to; i += by)
        lt_jinja_list_add(&run->arena, taken, items->items[i]);
    if (self.kind == LT_JINJA_V_TEXT) {
        lt_buf text = {0};
        for (size_t i = 0; i < taken->count; i++)
            lt_buf_add(&text, taken->items[i].text.data, taken->items[i].text.len);
        *out = lt_jinja_copy(&run->arena, &text);
        lt_buf_fini(&text);
    }
    return LT_OK;
}

static lt_status call(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out)
{
    lt_jinja_value callee;
    LT_TRY(lt_jinja_eval(run, node->a, &callee));
    run->line = node->line;
    switch (callee.kind) {
    case LT_JINJA_V_FUNCTION:
        return lt_jinja_call_function(run, callee.function, node->b, out);
    case LT_JINJA_V_MACRO:
        return lt_jinja_call_macro(run, callee.macro, node->b, out);
    case LT_JINJA_V_METHOD:
        return lt_jinja_call_method(run, callee.method, node->b, out);
    case LT_JINJA_V_UNDEFINED:
        return lt_jinja_undefined_used(run, &callee);
    default:
        return lt_jinja_fail(run, LT_INPUT, "%s is called", lt_jinja_kind_name(&callee));
    }
}

lt_status lt_jinja_arguments(lt_jinja_run *run, const lt_jinja_node *args, const char *const *names,
                             size_t count, lt_jinja_value *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = lt_jinja_undefined(lt_text_of("argument"));
    for (size_t position = 0; args; args = args->next, position++) {
        size_t at = position;
        for (size_t i = 0; args->text.data && i < count; i++)
            if (names && names[i] && lt_jinja_text_is(args->text, names[i]))
                at = i;
        if (at >= count)
            return lt_jinja_fail(run, LT_UNSUPPORTED,
                                 "a call with more arguments than are supported");
        LT_TRY(lt_jinja_eval(run, args->a, &out[at]));
    }
    return LT_OK;
}

static lt_status display(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out)
{
    lt_jinja_value a, b;
    *out = node->kind == LT_JINJA_LIST ? lt_jinja_list_new(&run->arena)
                                       : lt_jinja_dict_new(&run->arena);
    for (const lt_jinja_node *one = node->a; one; one = one->next) {
        LT_TRY(lt_jinja_eval(run, node->kind == LT_JINJA_LIST ? one : one->a, &a));
        if (node->kind == LT_JINJA_LIST) {
            lt_jinja_list_add(&run->arena, out->list, a);
            continue;
        }
        LT_TRY(lt_jinja_eval(run, one->b, &b));
        lt_jinja_dict_set(&run->arena, out->dict, a, b);
    }
    return LT_OK;
}

static lt_status test(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out)
{
    lt_jinja_value input, args[2];
    bool result;
    LT_TRY(lt_jinja_eval(run, node->a, &input));
    LT_TRY(lt_jinja_arguments(run, node->b, NULL, 2, args));
    run->line = node->line;
    LT_TRY(lt_jinja_test(run, node->text, &input, args, node->b ? 1 : 0, &result));
    *out = lt_jinja_bool(result != node->negated);
    return LT_OK;
}

static lt_status negate(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out)
{
    LT_TRY(lt_jinja_eval(run, node->a, out));
    if (out->kind == LT_JINJA_V_FLOAT)
        out->real = -out->real;
    else if (out->kind == LT_JINJA_V_INT && out->integer != INT64_MIN)
        out->integer = -out->integer;
    else
        return lt_jinja_fail(run, LT_INPUT, "minus %s", lt_jinja_kind_name(out));
    return LT_OK;
}

lt_status lt_jinja_eval(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out)
{
    lt_jinja_value a, b;
    LT_TRY(lt_jinja_spend(run));
    run->line = node->line;
    switch (node->kind) {
    case LT_JINJA_CONST:
        *out = node->value;
        return LT_OK;
    case LT_JINJA_LOOKUP:
        *out = lookup(run, node->text);
        return LT_OK;
    case LT_JINJA_LIST:
    case LT_JINJA_DICT:
        return display(run, node, out);
    case LT_JINJA_ATTRIBUTE:
        LT_TRY(lt_jinja_eval(run, node->a, &a));
        return attribute(run, &a, node->text, out);
    case LT_JINJA_ITEM:
        LT_TRY(lt_jinja_eval(run, node->a, &a));
        LT_TRY(lt_jinja_eval(run, node->b, &b));
        return item(run, &a, &b, out);
    case LT_JINJA_SLICE:
        return slice(run, node, out);
    case LT_JINJA_CALL:
        return call(run, node, out);
    case LT_JINJA_FILTER:
        LT_TRY(lt_jinja_eval(run, node->a, &a));
        run->line = node->line;
        return lt_jinja_filter(run, node->text, &a, node->b, out);
    case LT_JINJA_TEST:
        return test(run, node, out);
    case LT_JINJA_NOT:
        LT_TRY(lt_jinja_eval(run, node->a, &a));
        *out = lt_jinja_bool(!lt_jinja_truth(&a));
        return LT_OK;
    case LT_JINJA_NEGATE:
        return negate(run, node, out);
    case LT_JINJA_BINARY:
        return lt_jinja_binary(run, node, out);
    case LT_JINJA_COMPARE:
        return lt_jinja_compare(run, node, out);
    case LT_JINJA_AND:
    case LT_JINJA_OR:
        LT_TRY(lt_jinja_eval(run, node->a, out));
        return lt_jinja_truth(out) == (node->kind == LT_JINJA_AND)
                   ? lt_jinja_eval(run, node->b, out)
                   : LT_OK;
    case LT_JINJA_CHOICE:
        LT_TRY(lt_jinja_eval(run, node->a, &a));
        if (lt_jinja_truth(&a))
            return lt_jinja_eval(run, node->b, out);
        *out = lt_jinja_undefined(lt_text_of("a choice without else"));
        return node->c ? lt_jinja_eval(run, node->c, out) : LT_OK;
    default: /* REFUSED */
        return lt_jinja_fail(run, LT_UNSUPPORTED, "%.*s is not supported", (int)node->text.len,
                             node->text.data);
    }
}
