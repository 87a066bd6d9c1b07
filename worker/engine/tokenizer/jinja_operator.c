#include "worker/engine/tokenizer/jinja.h"

static lt_status concat(lt_jinja_run *run, const lt_jinja_value *a, const lt_jinja_value *b,
                        lt_jinja_value *out)
{
    lt_buf text = {0};
    lt_status status = lt_jinja_str(run, a, &text);
    if (status == LT_OK)
        status = lt_jinja_str(run, b, &text);
    if (status == LT_OK)
        *out = lt_jinja_copy(&run->arena, &text);
    lt_buf_fini(&text);
    return status;
}

static lt_status repeat(lt_jinja_run *run, lt_text text, int64_t times, lt_jinja_value *out)
{
    lt_buf all = {0};
    if (times > 0 && text.len > 0 && (uint64_t)times > LT_JINJA_MEMORY_BYTES_MAX / text.len)
        return lt_jinja_fail(run, LT_LIMIT, "a string is repeated too often");
    for (int64_t i = 0; i < times; i++)
        lt_buf_add(&all, text.data, text.len);
    *out = lt_jinja_copy(&run->arena, &all);
    lt_buf_fini(&all);
    return LT_OK;
}

static lt_status integers(lt_jinja_run *run, char op, int64_t a, int64_t b, lt_jinja_value *out)
{
    int64_t result = 0;
    if ((op == '/' || op == '%') && b == 0)
        return lt_jinja_fail(run, LT_INPUT, "a division by zero");
    bool over = op == '+'   ? __builtin_add_overflow(a, b, &result)
                : op == '-' ? __builtin_sub_overflow(a, b, &result)
                : op == '*' ? __builtin_mul_overflow(a, b, &result)
                            : a == INT64_MIN && b == -1;
    if (over)
        return lt_jinja_fail(run, LT_LIMIT, "a number over 64 bits");
    if (op == '/')
        result = a / b - (a % b != 0 && (a < 0) != (b < 0)); /* rounds down, as Python does */
    else if (op == '%')
        result = a % b + (a % b != 0 && (a < 0) != (b < 0) ? b : 0);
    *out = lt_jinja_int(result);
    return LT_OK;
}

/* Beyond 2^53 every double is whole already. */
static double rounded_down(double real)
{
    if (!(real > -9e15 && real < 9e15))
        return real;
    double whole = (double)(int64_t)real;
    return whole > real ? whole - 1 : whole;
}

static lt_status arithmetic(lt_jinja_run *run, lt_text op, const lt_jinja_value *a,
                            const lt_jinja_value *b, lt_jinja_value *out)
{
    bool integral = (a->kind == LT_JINJA_V_INT || a->kind == LT_JINJA_V_BOOL) &&
                    (b->kind == LT_JINJA_V_INT || b->kind == LT_JINJA_V_BOOL);
    int64_t i = a->kind == LT_JINJA_V_BOOL ? a->truth : a->integer,
            j = b->kind == LT_JINJA_V_BOOL ? b->truth : b->integer;
    bool divides = lt_jinja_text_is(op, "/");
    if (op.len == 2 && op.data[0] == '*')
        return lt_jinja_fail(run, LT_UNSUPPORTED, "the operator **");
    if (integral && !divides)
        return integers(run, op.data[0], i, j, out);
    double x = a->kind == LT_JINJA_V_FLOAT ? a->real : (double)i,
           y = b->kind == LT_JINJA_V_FLOAT ? b->real : (double)j;
    *out = (lt_jinja_value){.kind = LT_JINJA_V_FLOAT};
    if ((op.data[0] == '/' || op.data[0] == '%') && y == 0)
        return lt_jinja_fail(run, LT_INPUT, "a division by zero");
    if (op.data[0] == '%')
        out->real = x - y * rounded_down(x / y);
    else if (op.data[0] == '/')
        out->real = divides ? x / y : rounded_down(x / y);
    else
        out->real = op.data[0] == '+' ? x + y : op.data[0] == '-' ? x - y : x * y;
    return LT_OK;
}

static bool is_number(const lt_jinja_value *value)
{
    return value->kind == LT_JINJA_V_INT || value->kind == LT_JINJA_V_FLOAT ||
           value->kind == LT_JINJA_V_BOOL;
}

lt_status lt_jinja_binary(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out)
{
    lt_jinja_value a, b;
    char op = node->text.data[0];
    LT_TRY(lt_jinja_eval(run, node->a, &a));
    LT_TRY(lt_jinja_eval(run, node->b, &b));
    run->line = node->line;
    if (op == '~')
        return concat(run, &a, &b, out);
    if (a.kind == LT_JINJA_V_UNDEFINED || b.kind == LT_JINJA_V_UNDEFINED)
        return lt_jinja_undefined_used(run, a.kind == LT_JINJA_V_UNDEFINED ? &a : &b);
    if (is_number(&a) && is_number(&b))
        return arithmetic(run, node->text, &a, &b, out);
    if (op == '+' && a.kind == LT_JINJA_V_TEXT && b.kind == LT_JINJA_V_TEXT)
        return concat(run, &a, &b, out);
    if (op == '*' && node->text.len == 1 && a.kind == LT_JINJA_V_TEXT && b.kind == LT_JINJA_V_INT)
        return repeat(run, a.text, b.integer, out);
    if (op == '+' && a.kind == LT_JINJA_V_LIST && b.kind == LT_JINJA_V_LIST) {
        *out = lt_jinja_list_new(&run->arena);
        for (size_t i = 0; i < a.list->count; i++)
            lt_jinja_list_add(&run->arena, out->list, a.list->items[i]);
        for (size_t i = 0; i < b.list->count; i++)
            lt_jinja_list_add(&run->arena, out->list, b.list->items[i]);
        return LT_OK;
    }
    return lt_jinja_fail(run, LT_INPUT, "%s %.*s %s", lt_jinja_kind_name(&a), (int)node->text.len,
                         node->text.data, lt_jinja_kind_name(&b));
}

lt_status lt_jinja_compare(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out)
{
    lt_jinja_value a, b;
    bool result;
    int order;
    LT_TRY(lt_jinja_eval(run, node->a, &a));
    LT_TRY(lt_jinja_eval(run, node->b, &b));
    run->line = node->line;
    if (lt_jinja_text_is(node->text, "in")) {
        LT_TRY(lt_jinja_contains(run, &b, &a, &result));
        *out = lt_jinja_bool(result != node->negated);
        return LT_OK;
    }
    if (node->text.data[1] == '=' && (node->text.data[0] == '=' || node->text.data[0] == '!')) {
        *out = lt_jinja_bool(lt_jinja_equal(&a, &b) == (node->text.data[0] == '='));
        return LT_OK;
    }
    if (a.kind == LT_JINJA_V_UNDEFINED || b.kind == LT_JINJA_V_UNDEFINED)
        return lt_jinja_undefined_used(run, a.kind == LT_JINJA_V_UNDEFINED ? &a : &b);
    LT_TRY(lt_jinja_order(run, &a, &b, &order));
    bool equal = order == 0 && node->text.len == 2;
    *out = lt_jinja_bool(equal || (node->text.data[0] == '<' ? order < 0 : order > 0));
    return LT_OK;
}
