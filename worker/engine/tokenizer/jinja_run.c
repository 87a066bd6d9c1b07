#include "worker/engine/tokenizer/jinja.h"

#include <string.h>

/* What a body ended with. */
typedef enum lt_leave { STAY, LEAVE_LOOP, NEXT_ROUND } lt_leave;

static lt_status run_list(lt_jinja_run *run, const lt_jinja_node *node, lt_leave *leave);

static lt_status add_out(lt_jinja_run *run, lt_text text)
{
    if (run->out->len + text.len > run->out_bytes_max)
        return lt_jinja_fail(run, LT_LIMIT, "over %zu bytes of output", run->out_bytes_max);
    lt_buf_add(run->out, text.data, text.len);
    return LT_OK;
}

static lt_status print(lt_jinja_run *run, const lt_jinja_node *node)
{
    lt_jinja_value value;
    LT_TRY(lt_jinja_eval(run, node->a, &value));
    if (value.kind == LT_JINJA_V_TEXT)
        return add_out(run, value.text);
    lt_buf text = {0};
    lt_status status = lt_jinja_str(run, &value, &text);
    if (status == LT_OK)
        status = add_out(run, (lt_text){lt_buf_str(&text), text.len});
    lt_buf_fini(&text);
    return status;
}

static lt_status assign_one(lt_jinja_run *run, const lt_jinja_node *target, lt_jinja_value value)
{
    lt_jinja_value object;
    if (target->kind == LT_JINJA_LOOKUP) {
        lt_jinja_dict_set(&run->arena, &run->scope->variables, lt_jinja_text(target->text), value);
        return LT_OK;
    }
    LT_TRY(lt_jinja_eval(run, target->a, &object));
    if (object.kind != LT_JINJA_V_DICT || !object.dict->is_namespace)
        return lt_jinja_fail(run, LT_INPUT, "an attribute is set on %s, not on a namespace",
                             lt_jinja_kind_name(&object));
    lt_jinja_dict_set(&run->arena, object.dict, lt_jinja_text(target->text), value);
    return LT_OK;
}

static lt_status assign(lt_jinja_run *run, const lt_jinja_node *target, lt_jinja_value value)
{
    lt_jinja_list *items;
    size_t i = 0;
    if (target->kind != LT_JINJA_LIST)
        return assign_one(run, target, value);
    LT_TRY(lt_jinja_iterate(run, &value, &items));
    for (const lt_jinja_node *one = target->a; one; one = one->next, i++) {
        if (i >= items->count)
            return lt_jinja_fail(run, LT_INPUT, "too few values to take apart");
        LT_TRY(assign_one(run, one, items->items[i]));
    }
    return i == items->count ? LT_OK
                             : lt_jinja_fail(run, LT_INPUT, "too many values to take apart");
}

/* Runs a body with its output caught as a text. */
static lt_status capture(lt_jinja_run *run, const lt_jinja_node *body, lt_jinja_value *out)
{
    lt_buf text = {0}, *outer = run->out;
    lt_leave leave = STAY;
    run->out = &text;
    lt_status status = run_list(run, body, &leave);
    run->out = outer;
    if (status == LT_OK)
        *out = lt_jinja_copy(&run->arena, &text);
    lt_buf_fini(&text);
    return status;
}

static lt_status in_scope(lt_jinja_run *run, lt_jinja_scope *parent, lt_jinja_scope *scope)
{
    *scope = (lt_jinja_scope){.parent = parent};
    run->scope = scope;
    return lt_jinja_spend(run);
}

/* The items for which the loop's condition holds: loop.length counts only them. */
static lt_status filtered(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_list **items)
{
    lt_jinja_value kept = lt_jinja_list_new(&run->arena), holds;
    lt_jinja_scope *outer = run->scope, scope;
    for (size_t i = 0; i < (*items)->count; i++) {
        LT_TRY(in_scope(run, outer, &scope));
        LT_TRY(assign(run, node->a, (*items)->items[i]));
        LT_TRY(lt_jinja_eval(run, node->e, &holds));
        run->scope = outer;
        if (lt_jinja_truth(&holds))
            lt_jinja_list_add(&run->arena, kept.list, (*items)->items[i]);
    }
    *items = kept.list;
    return LT_OK;
}

static lt_status run_for(lt_jinja_run *run, const lt_jinja_node *node, lt_leave *leave)
{
    lt_jinja_value over;
    lt_jinja_list *items;
    lt_jinja_scope *outer = run->scope, scope;
    LT_TRY(lt_jinja_eval(run, node->b, &over));
    LT_TRY(lt_jinja_iterate(run, &over, &items));
    if (node->e)
        LT_TRY(filtered(run, node, &items));
    if (items->count == 0)
        return run_list(run, node->d, leave);
    lt_jinja_loop *loop = lt_arena_alloc(&run->arena, sizeof *loop);
    loop->items = items;
    for (size_t i = 0; i < items->count; i++) {
        lt_leave inside = STAY;
        loop->index = i;
        LT_TRY(in_scope(run, outer, &scope));
        LT_TRY(assign(run, node->a, items->items[i]));
        lt_jinja_dict_set(&run->arena, &scope.variables, lt_jinja_string("loop"),
                          (lt_jinja_value){.kind = LT_JINJA_V_LOOP, .loop = loop});
        LT_TRY(run_list(run, node->c, &inside));
        run->scope = outer;
        if (inside == LEAVE_LOOP)
            break;
    }
    return LT_OK;
}

/* A macro sees its parameters and what the template set outside of all loops and macros. */
static lt_status fill_parameters(lt_jinja_run *run, const lt_jinja_node *macro,
                                 const lt_jinja_node *args, lt_jinja_scope *scope)
{
    lt_jinja_scope *caller = run->scope;
    *scope = (lt_jinja_scope){.parent = run->root};
    for (const lt_jinja_node *arg = args, *parameter = macro->b; arg; arg = arg->next) {
        lt_jinja_value value;
        lt_text name = arg->text;
        if (name.data == NULL) {
            if (parameter == NULL)
                return lt_jinja_fail(run, LT_INPUT, "macro '%.*s' is given too many arguments",
                                     (int)macro->text.len, macro->text.data);
            name = parameter->text;
            parameter = parameter->next;
        }
        LT_TRY(lt_jinja_eval(run, arg->a, &value));
        lt_jinja_dict_set(&run->arena, &scope->variables, lt_jinja_text(name), value);
    }
    run->scope = scope;
    for (const lt_jinja_node *parameter = macro->b; parameter; parameter = parameter->next) {
        lt_jinja_value key = lt_jinja_text(parameter->text),
                       value = lt_jinja_undefined(parameter->text);
        if (lt_jinja_dict_get(&scope->variables, &key))
            continue;
        if (parameter->a)
            LT_TRY(lt_jinja_eval(run, parameter->a, &value));
        lt_jinja_dict_set(&run->arena, &scope->variables, key, value);
    }
    run->scope = caller;
    return LT_OK;
}

lt_status lt_jinja_call_macro(lt_jinja_run *run, const lt_jinja_node *macro,
                              const lt_jinja_node *args, lt_jinja_value *out)
{
    lt_jinja_scope *caller = run->scope, scope;
    if (run->calls >= LT_JINJA_CALLS_MAX)
        return lt_jinja_fail(run, LT_LIMIT, "macros call each other over %d deep",
                             LT_JINJA_CALLS_MAX);
    run->calls++;
    lt_status status = fill_parameters(run, macro, args, &scope);
    if (status == LT_OK) {
        run->scope = &scope;
        status = capture(run, macro->c, out);
    }
    run->scope = caller;
    run->calls--;
    return status;
}

static lt_status run_set(lt_jinja_run *run, const lt_jinja_node *node)
{
    lt_jinja_value value;
    LT_TRY(node->kind == LT_JINJA_SET ? lt_jinja_eval(run, node->b, &value)
                                      : capture(run, node->b, &value));
    return assign(run, node->a, value);
}

static lt_status run_one(lt_jinja_run *run, const lt_jinja_node *node, lt_leave *leave)
{
    lt_jinja_value value;
    LT_TRY(lt_jinja_spend(run));
    run->line = node->line;
    switch (node->kind) {
    case LT_JINJA_TEXT:
        return add_out(run, node->text);
    case LT_JINJA_PRINT:
        return print(run, node);
    case LT_JINJA_SET:
    case LT_JINJA_SET_BLOCK:
        return run_set(run, node);
    case LT_JINJA_IF:
        LT_TRY(lt_jinja_eval(run, node->a, &value));
        return run_list(run, lt_jinja_truth(&value) ? node->b : node->c, leave);
    case LT_JINJA_FOR:
        return run_for(run, node, leave);
    case LT_JINJA_GROUP:
        return run_list(run, node->b, leave);
    case LT_JINJA_MACRO:
        lt_jinja_dict_set(&run->arena, &run->scope->variables, lt_jinja_text(node->text),
                          (lt_jinja_value){.kind = LT_JINJA_V_MACRO, .macro = node});
        return LT_OK;
    case LT_JINJA_BREAK:
        *leave = LEAVE_LOOP;
        return LT_OK;
    case LT_JINJA_CONTINUE:
        *leave = NEXT_ROUND;
        return LT_OK;
    default: /* REFUSED */
        return lt_jinja_fail(run, LT_UNSUPPORTED, "%.*s is not supported", (int)node->text.len,
                             node->text.data);
    }
}

static lt_status run_list(lt_jinja_run *run, const lt_jinja_node *node, lt_leave *leave)
{
    for (; node && *leave == STAY; node = node->next)
        LT_TRY(run_one(run, node, leave));
    return LT_OK;
}

lt_status lt_jinja_run_statements(lt_jinja_run *run, const lt_jinja_node *statements)
{
    lt_leave leave = STAY;
    return run_list(run, statements, &leave);
}
