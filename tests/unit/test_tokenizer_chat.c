/* Chat templates that go wrong: the sentence, the line, and the bounds that hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/engine/tokenizer/chat_template.h"

static lt_error error;

static lt_status render(const char *source, const char *date, lt_buf *out)
{
    const lt_chat_tokens tokens = {.bos = "<s>"};
    const lt_chat_message messages[] = {{lt_text_of("user"), lt_text_of("hello")}};
    const lt_chat_options options = {.date = date};
    lt_chat_template *chat;
    memset(&error, 0, sizeof error);
    lt_status status =
        lt_chat_template_parse(&chat, source, strlen(source), "chat.jinja", &tokens, &error);
    if (status == LT_OK)
        status = lt_chat_template_render(chat, messages, 1, &options, out, &error);
    lt_chat_template_close(&chat);
    return status;
}

static void expect(const char *source, lt_status status, const char *where, const char *what)
{
    lt_buf out = {0};
    lt_status got = render(source, NULL, &out);
    if (got != status || !strstr(error.where, where) || !strstr(error.what, what))
        fail_msg("'%s': got %s, '%s': '%s'; expected '%s': '%s'", source, lt_status_word(got),
                 error.where, error.what, where, what);
    assert_int_equal(out.len, 0);
    lt_buf_fini(&out);
}

static void says_the_line(void **state)
{
    (void)state;
    expect("a\n{% if x %}\nb", LT_INPUT, "chat.jinja:3", "the end of the template");
    expect("\n{{ 'a }}", LT_INPUT, "chat.jinja:2", "closing quote");
    expect("{{ a b }}", LT_INPUT, "chat.jinja:1", "'b'");
    expect("{% include 'x' %}", LT_UNSUPPORTED, "chat.jinja:1", "'include'");
    expect("\n\n{{ messages | shuffle }}", LT_UNSUPPORTED, "chat.jinja:3", "'shuffle'");
    expect("{{ messages is happy }}", LT_UNSUPPORTED, "chat.jinja:1", "'happy'");
    expect("\n{{ raise_exception('only two') }}", LT_INPUT, "chat.jinja:2", "only two");
    expect("{{ nothing.here }}", LT_INPUT, "chat.jinja:1", "'nothing' is undefined");
    expect("{# never closed", LT_INPUT, "chat.jinja:1", "#}");
}

static void asks_for_a_date(void **state)
{
    (void)state;
    lt_buf out = {0};
    expect("{{ strftime_now('%d %b %Y') }}", LT_INPUT, "chat.jinja:1", "no date is given");
    assert_int_equal(render("{{ strftime_now('%d %b %Y') }}", "2026-01-31", &out), LT_OK);
    assert_string_equal(out.data, "31 Jan 2026");
    assert_int_equal(render("{{ strftime_now('%d') }}", "2026-02-30", &out), LT_INPUT);
    assert_int_equal(render("{{ strftime_now('%d') }}", "tomorrow", &out), LT_INPUT);
    lt_buf_fini(&out);
}

static void what_is_not_reached_does_no_harm(void **state)
{
    (void)state;
    lt_buf out = {0};
    assert_int_equal(render("{% if tools %}{{ tools | shuffle }}{% call f() %}x{% endcall %}{{ "
                            "f(*a) }}{% endif %}ok",
                            NULL, &out),
                     LT_OK);
    assert_string_equal(out.data, "ok");
    lt_buf_fini(&out);
}

static void is_bounded(void **state)
{
    (void)state;
    expect("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
           LT_LIMIT, "chat.jinja", "over");
    expect("{% set n = namespace(s='xxxxxxxxxxxxxxxx') %}{% for a in range(60) %}{% set n.s = n.s "
           "+ n.s %}{% endfor %}",
           LT_LIMIT, "chat.jinja", "memory");
    expect("{% for a in range(100000) %}{{ 'x' * 1000 }}{% endfor %}", LT_LIMIT, "chat.jinja",
           "output");
    expect("{{ 'x' * 100000000000 }}", LT_LIMIT, "chat.jinja", "too often");
    expect("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", LT_LIMIT, "chat.jinja", "macros");
    expect("{% set n = namespace(a=[], b=[]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] "
           "%}{% set n.b = [n.b, n.b] %}"
           "{% endfor %}{{ n.a == n.b }}{{ nothing.here }}",
           LT_INPUT, "chat.jinja", "'nothing'");
    lt_buf deep = {0};
    lt_buf_puts(&deep, "{{");
    for (int i = 0; i < 5000; i++)
        lt_buf_putc(&deep, '(');
    lt_buf_puts(&deep, "}}");
    expect(deep.data, LT_INPUT, "chat.jinja:1", "'('");
    lt_buf_fini(&deep);
}

static void bytes_that_are_no_utf8_pass_through(void **state)
{
    (void)state;
    const lt_chat_tokens tokens = {0};
    const lt_chat_options options = {0};
    const lt_chat_message message = {lt_text_of("user"), {" \xff\xc3 a\0\xe2\x82", 8}};
    static const char source[] = "{{ messages[0].content | trim }}{{ messages[0].content | length "
                                 "}}{{ messages[0].content[1:2] }}";
    lt_chat_template *chat;
    lt_buf out = {0};
    assert_int_equal(lt_chat_template_parse(&chat, source, strlen(source), "t", &tokens, &error),
                     LT_OK);
    assert_int_equal(lt_chat_template_render(chat, &message, 1, &options, &out, &error), LT_OK);
    assert_int_equal(out.len, 9);
    assert_memory_equal(out.data,
                        "\xff\xc3 a\0\xe2\x82"
                        "8\xff",
                        9);
    lt_chat_template_close(&chat);
    lt_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_the_line),
        cmocka_unit_test(asks_for_a_date),
        cmocka_unit_test(what_is_not_reached_does_no_harm),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(bytes_that_are_no_utf8_pass_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
