/* The functions a template may call: transformers gives it raise_exception and strftime_now, Jinja
 * itself namespace, range and dict. */
#include "worker/engine/tokenizer/jinja.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static lt_status strftime_now(lt_jinja_run *run, const lt_jinja_value *format, lt_jinja_value *out)
{
    int year = 0, month = 0, day = 0, used = 0;
    if (run->date == NULL)
        return lt_jinja_fail(run, LT_INPUT,
                             "it prints today's date, and no date is given for this scorer");
    if (sscanf(run->date, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || run->date[used])
        return lt_jinja_fail(run, LT_INPUT, "the date '%.40s' is not of the form 2026-01-31",
                             run->date);
    if (format->kind != LT_JINJA_V_TEXT)
        return lt_jinja_fail(run, LT_INPUT, "strftime_now of %s", lt_jinja_kind_name(format));
    struct tm when = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12, .tm_isdst = -1};
    if (timegm(&when) == (time_t)-1 || when.tm_mday != day || when.tm_mon != month - 1)
        return lt_jinja_fail(run, LT_INPUT, "the date '%.40s' does not exist", run->date);
    when.tm_hour = 0;
    char form[200], text[400];
    snprintf(form, sizeof form, "%.*s", (int)(format->text.len < 199 ? format->text.len : 199),
             format->text.data);
    size_t len = strftime(text, sizeof text, form, &when);
    *out = lt_jinja_text((lt_text){lt_arena_strndup(&run->arena, text, len), len});
    return LT_OK;
}

static lt_status make_dict(lt_jinja_run *run, const lt_jinja_node *args, bool is_namespace,
                           lt_jinja_value *out)
{
    *out = lt_jinja_dict_new(&run->arena);
    out->dict->is_namespace = is_namespace;
    for (; args; args = args->next) {
        lt_jinja_value value;
        LT_TRY(lt_jinja_eval(run, args->a, &value));
        if (args->text.data) {
            lt_jinja_dict_set(&run->arena, out->dict, lt_jinja_text(args->text), value);
            continue;
        }
        if (value.kind != LT_JINJA_V_DICT)
            return lt_jinja_fail(run, LT_INPUT, "a dict is made of %s", lt_jinja_kind_name(&value));
        for (size_t i = 0; i < value.dict->keys.count; i++)
            lt_jinja_dict_set(&run->arena, out->dict, value.dict->keys.items[i],
                              value.dict->values.items[i]);
    }
    return LT_OK;
}

static lt_status make_range(lt_jinja_run *run, const lt_jinja_value *args, lt_jinja_value *out)
{
    int64_t from = 0, to, step = 1;
    if (args[0].kind != LT_JINJA_V_INT ||
        (args[1].kind != LT_JINJA_V_INT && args[1].kind != LT_JINJA_V_UNDEFINED))
        return lt_jinja_fail(run, LT_INPUT, "range of something that is no number");
    to = args[0].integer;
    if (args[1].kind == LT_JINJA_V_INT) {
        from = to;
        to = args[1].integer;
    }
    if (args[2].kind == LT_JINJA_V_INT && args[2].integer != 0)
        step = args[2].integer;
    *out = lt_jinja_list_new(&run->arena);
    bool over = false;
    for (int64_t i = from; !over && (step < 0 ? i > to : i < to);
         over = __builtin_add_overflow(i, step, &i)) {
        lt_jinja_list_add(&run->arena, out->list, lt_jinja_int(i));
        LT_TRY(lt_jinja_spend(run));
    }
    return LT_OK;
}

lt_status lt_jinja_call_function(lt_jinja_run *run, lt_jinja_function function,
                                 const lt_jinja_node *args, lt_jinja_value *out)
{
    lt_jinja_value given[3];
    if (function == LT_JINJA_NAMESPACE || function == LT_JINJA_MAKE_DICT)
        return make_dict(run, args, function == LT_JINJA_NAMESPACE, out);
    LT_TRY(lt_jinja_arguments(run, args, NULL, 3, given));
    if (function == LT_JINJA_RANGE)
        return make_range(run, given, out);
    if (function == LT_JINJA_STRFTIME)
        return strftime_now(run, &given[0], out);
    lt_buf message = {0};
    lt_status status = lt_jinja_str(run, &given[0], &message);
    if (status == LT_OK)
        status =
            lt_jinja_fail(run, LT_INPUT, "it refuses these messages: %s", lt_buf_str(&message));
    lt_buf_fini(&message);
    return status;
}
