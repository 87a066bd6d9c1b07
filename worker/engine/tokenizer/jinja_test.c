/* The tests behind "is": what a value is, and comparisons by name. */
#include "worker/engine/tokenizer/jinja.h"

#define IS(kind_name) (input->kind == LT_JINJA_V_##kind_name)

static bool test_kind(lt_text name, const lt_jinja_value *input, bool *known)
{
    const struct {
        const char *name;
        bool holds;
    } tests[] = {
        {"defined", !IS(UNDEFINED)},
        {"undefined", IS(UNDEFINED)},
        {"none", IS(NONE)},
        {"string", IS(TEXT)},
        {"mapping", IS(DICT) && !input->dict->is_namespace},
        {"sequence",
         IS(LIST) || IS(TEXT) || (IS(DICT) && !input->dict->is_namespace) || IS(UNDEFINED)},
        {"iterable", IS(LIST) || IS(TEXT) || (IS(DICT) && !input->dict->is_namespace) ||
                         IS(UNDEFINED) || IS(LOOP)},
        {"number", IS(INT) || IS(FLOAT) || IS(BOOL)},
        {"integer", IS(INT)},
        {"float", IS(FLOAT)},
        {"boolean", IS(BOOL)},
        {"true", IS(BOOL) && input->truth},
        {"false", IS(BOOL) && !input->truth},
        {"callable", IS(MACRO) || IS(FUNCTION) || IS(METHOD)},
        {"odd", IS(INT) && input->integer % 2 != 0},
        {"even", IS(INT) && input->integer % 2 == 0},
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (lt_jinja_text_is(name, tests[i].name)) {
            *known = true;
            return tests[i].holds;
        }
    }
    *known = false;
    return false;
}

static lt_status test_order(lt_jinja_run *run, const char *name, const lt_jinja_value *a,
                            const lt_jinja_value *b, bool *out)
{
    int order;
    LT_TRY(lt_jinja_order(run, a, b, &order));
    bool equal = order == 0 && name[1] == 'e';
    *out = equal || (name[0] == 'l' ? order < 0 : order > 0);
    return LT_OK;
}

lt_status lt_jinja_test(lt_jinja_run *run, lt_text name, const lt_jinja_value *input,
                        const lt_jinja_value *args, size_t arg_count, bool *out)
{
    static const char *const equal[] = {"eq", "equalto", "==", "sameas"};
    static const struct {
        const char *name, *order;
    } orders[] = {{"lt", "lt"}, {"<", "lt"},           {"lessthan", "lt"}, {"gt", "gt"},
                  {">", "gt"},  {"greaterthan", "gt"}, {"le", "le"},       {"<=", "le"},
                  {"ge", "ge"}, {">=", "ge"}};
    bool known;
    *out = test_kind(name, input, &known);
    if (known)
        return LT_OK;
    for (size_t i = 0; arg_count > 0 && i < sizeof equal / sizeof equal[0]; i++) {
        if (lt_jinja_text_is(name, equal[i])) {
            *out = lt_jinja_equal(input, &args[0]);
            return LT_OK;
        }
    }
    if (arg_count > 0 && (lt_jinja_text_is(name, "ne") || lt_jinja_text_is(name, "!="))) {
        *out = !lt_jinja_equal(input, &args[0]);
        return LT_OK;
    }
    if (arg_count > 0 && lt_jinja_text_is(name, "in"))
        return lt_jinja_contains(run, &args[0], input, out);
    if (arg_count > 0 && lt_jinja_text_is(name, "divisibleby") && IS(INT) &&
        args[0].kind == LT_JINJA_V_INT && args[0].integer > 0) {
        *out = input->integer % args[0].integer == 0;
        return LT_OK;
    }
    for (size_t i = 0; arg_count > 0 && i < sizeof orders / sizeof orders[0]; i++)
        if (lt_jinja_text_is(name, orders[i].name))
            return test_order(run, orders[i].order, input, &args[0], out);
    return lt_jinja_fail(run, LT_UNSUPPORTED, "the test '%.*s' is not supported",
                         (int)(name.len < 60 ? name.len : 60), name.data);
}
