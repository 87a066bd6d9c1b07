#include "worker/engine/tokenizer/jinja.h"

#include <stdio.h>
#include <string.h>

bool lt_jinja_is(const lt_jinja_token *token, lt_jinja_token_kind kind, const char *text)
{
    return token->kind == kind && (text == NULL || lt_jinja_text_is(token->text, text));
}

bool lt_jinja_accept(lt_jinja_parser *parser, lt_jinja_token_kind kind, const char *text)
{
    if (!lt_jinja_is(parser->at, kind, text))
        return false;
    parser->at++;
    return true;
}

lt_jinja_node *lt_jinja_node_new(lt_jinja_parser *parser, lt_jinja_node_kind kind)
{
    lt_jinja_node *node = lt_arena_alloc(parser->arena, sizeof *node);
    node->kind = kind;
    node->line = parser->at->line;
    return node;
}

lt_status lt_jinja_syntax(lt_jinja_parser *parser, const char *expected)
{
    static const char *const ends[] = {"text", "{%", "%}", "{{", "}}",
                                       "",     "",   "",   "",   "the end of the template"};
    const lt_jinja_token *token = parser->at;
    char where[320];
    snprintf(where, sizeof where, "%.280s:%d", parser->where, token->line);
    const char *named = ends[token->kind];
    lt_text text = named[0] ? lt_text_of(named) : token->text;
    lt_fail(parser->error, LT_INPUT, where,
            "the chat template is not valid Jinja: unexpected '%.*s'",
            (int)(text.len < 60 ? text.len : 60), text.data);
    return lt_expected(parser->error, LT_INPUT, "%s", expected);
}

static lt_status unsupported(lt_jinja_parser *parser, const char *what, lt_text name)
{
    char where[320];
    snprintf(where, sizeof where, "%.280s:%d", parser->where, parser->at->line);
    lt_fail(parser->error, LT_UNSUPPORTED, where,
            "the chat template uses %s '%.*s', which is not supported", what,
            (int)(name.len < 60 ? name.len : 60), name.data);
    return lt_expected(parser->error, LT_UNSUPPORTED,
                       "set, if, for, macro, generation, break, continue");
}

static lt_status parse_body(lt_jinja_parser *parser, const char *const *ends, lt_jinja_node **out);

static lt_status expect_block_end(lt_jinja_parser *parser)
{
    return lt_jinja_accept(parser, LT_JINJA_BLOCK_END, NULL) ? LT_OK
                                                             : lt_jinja_syntax(parser, "%}");
}

/* A name, a name.attribute, or names with commas between them. */
static lt_status parse_target(lt_jinja_parser *parser, lt_jinja_node **out)
{
    lt_jinja_node *list = NULL, **end = &list;
    bool parens = lt_jinja_accept(parser, LT_JINJA_OPERATOR, "(");
    do {
        if (parser->at->kind != LT_JINJA_NAME)
            return lt_jinja_syntax(parser, "a name");
        lt_jinja_node *name = lt_jinja_node_new(parser, LT_JINJA_LOOKUP);
        name->text = parser->at++->text;
        if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, ".")) {
            if (parser->at->kind != LT_JINJA_NAME)
                return lt_jinja_syntax(parser, "the name of an attribute");
            lt_jinja_node *attribute = lt_jinja_node_new(parser, LT_JINJA_ATTRIBUTE);
            attribute->a = name;
            attribute->text = parser->at++->text;
            name = attribute;
        }
        *end = name;
        end = &name->next;
    } while (lt_jinja_accept(parser, LT_JINJA_OPERATOR, ","));
    if (parens && !lt_jinja_accept(parser, LT_JINJA_OPERATOR, ")"))
        return lt_jinja_syntax(parser, ")");
    *out = list;
    if (list->next) {
        *out = lt_jinja_node_new(parser, LT_JINJA_LIST);
        (*out)->a = list;
    }
    return LT_OK;
}

static lt_status parse_set(lt_jinja_parser *parser, lt_jinja_node **out)
{
    static const char *const ends[] = {"endset", NULL};
    lt_jinja_node *node = *out = lt_jinja_node_new(parser, LT_JINJA_SET);
    LT_TRY(parse_target(parser, &node->a));
    if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "=")) {
        LT_TRY(lt_jinja_expression(parser, true, &node->b));
        if (lt_jinja_is(parser->at, LT_JINJA_OPERATOR, ",")) {
            lt_jinja_node *list = lt_jinja_node_new(parser, LT_JINJA_LIST), *last = node->b;
            list->a = node->b;
            node->b = list;
            while (lt_jinja_accept(parser, LT_JINJA_OPERATOR, ",")) {
                LT_TRY(lt_jinja_expression(parser, true, &last->next));
                last = last->next;
            }
        }
        return expect_block_end(parser);
    }
    node->kind = LT_JINJA_SET_BLOCK;
    if (lt_jinja_is(parser->at, LT_JINJA_OPERATOR, "|"))
        return unsupported(parser, "a filter on", lt_text_of("set"));
    LT_TRY(expect_block_end(parser));
    LT_TRY(parse_body(parser, ends, &node->b));
    parser->at++;
    return expect_block_end(parser);
}

static lt_status parse_if(lt_jinja_parser *parser, lt_jinja_node **out)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const endif[] = {"endif",
                                                                                         NULL};
    lt_jinja_node *node = *out = lt_jinja_node_new(parser, LT_JINJA_IF);
    LT_TRY(lt_jinja_expression(parser, true, &node->a));
    LT_TRY(expect_block_end(parser));
    LT_TRY(parse_body(parser, ends, &node->b));
    while (lt_jinja_accept(parser, LT_JINJA_NAME, "elif")) {
        lt_jinja_node *other = node->c = lt_jinja_node_new(parser, LT_JINJA_IF);
        LT_TRY(lt_jinja_expression(parser, true, &other->a));
        LT_TRY(expect_block_end(parser));
        LT_TRY(parse_body(parser, ends, &other->b));
        node = other;
    }
    if (lt_jinja_accept(parser, LT_JINJA_NAME, "else")) {
        LT_TRY(expect_block_end(parser));
        LT_TRY(parse_body(parser, endif, &node->c));
    }
    parser->at++;
    return expect_block_end(parser);
}

static lt_status parse_for(lt_jinja_parser *parser, lt_jinja_node **out)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const endfor[] = {"endfor", NULL};
    lt_jinja_node *node = *out = lt_jinja_node_new(parser, LT_JINJA_FOR);
    LT_TRY(parse_target(parser, &node->a));
    if (!lt_jinja_accept(parser, LT_JINJA_NAME, "in"))
        return lt_jinja_syntax(parser, "in");
    LT_TRY(lt_jinja_expression(parser, false, &node->b));
    if (lt_jinja_accept(parser, LT_JINJA_NAME, "if"))
        LT_TRY(lt_jinja_expression(parser, true, &node->e));
    if (lt_jinja_is(parser->at, LT_JINJA_NAME, "recursive"))
        return unsupported(parser, "a loop that is", parser->at->text);
    LT_TRY(expect_block_end(parser));
    LT_TRY(parse_body(parser, ends, &node->c));
    if (lt_jinja_accept(parser, LT_JINJA_NAME, "else")) {
        LT_TRY(expect_block_end(parser));
        LT_TRY(parse_body(parser, endfor, &node->d));
    }
    parser->at++;
    return expect_block_end(parser);
}

static lt_status parse_macro(lt_jinja_parser *parser, lt_jinja_node **out)
{
    static const char *const ends[] = {"endmacro", NULL};
    lt_jinja_node *node = *out = lt_jinja_node_new(parser, LT_JINJA_MACRO), **end = &node->b;
    if (parser->at->kind != LT_JINJA_NAME)
        return lt_jinja_syntax(parser, "the name of the macro");
    node->text = parser->at++->text;
    if (!lt_jinja_accept(parser, LT_JINJA_OPERATOR, "("))
        return lt_jinja_syntax(parser, "(");
    while (!lt_jinja_accept(parser, LT_JINJA_OPERATOR, ")")) {
        if (node->b && !lt_jinja_accept(parser, LT_JINJA_OPERATOR, ","))
            return lt_jinja_syntax(parser, ", or )");
        if (parser->at->kind != LT_JINJA_NAME)
            return lt_jinja_syntax(parser, "the name of a parameter");
        lt_jinja_node *parameter = *end = lt_jinja_node_new(parser, LT_JINJA_LOOKUP);
        end = &parameter->next;
        parameter->text = parser->at++->text;
        if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "="))
            LT_TRY(lt_jinja_expression(parser, true, &parameter->a));
    }
    LT_TRY(expect_block_end(parser));
    LT_TRY(parse_body(parser, ends, &node->c));
    parser->at++;
    lt_jinja_accept(parser, LT_JINJA_NAME, NULL); /* {% endmacro name %} */
    return expect_block_end(parser);
}

static lt_status parse_generation(lt_jinja_parser *parser, lt_jinja_node **out)
{
    static const char *const ends[] = {"endgeneration", NULL};
    lt_jinja_node *node = *out = lt_jinja_node_new(parser, LT_JINJA_GROUP);
    LT_TRY(expect_block_end(parser));
    LT_TRY(parse_body(parser, ends, &node->b));
    parser->at++;
    return expect_block_end(parser);
}

/* {% call %} is for tools; templates that have it run without. */
static lt_status parse_call(lt_jinja_parser *parser, lt_jinja_node **out)
{
    static const char *const ends[] = {"endcall", NULL};
    lt_jinja_node *node = *out = lt_jinja_node_new(parser, LT_JINJA_REFUSED);
    node->text = lt_text_of("the statement 'call'");
    while (parser->at->kind != LT_JINJA_BLOCK_END && parser->at->kind != LT_JINJA_END)
        parser->at++;
    LT_TRY(expect_block_end(parser));
    LT_TRY(parse_body(parser, ends, &node->b));
    parser->at++;
    return expect_block_end(parser);
}

static lt_status parse_block(lt_jinja_parser *parser, lt_jinja_node **out)
{
    static const struct {
        const char *name;
        lt_status (*parse)(lt_jinja_parser *, lt_jinja_node **);
    } blocks[] = {{"set", parse_set},
                  {"if", parse_if},
                  {"for", parse_for},
                  {"macro", parse_macro},
                  {"generation", parse_generation},
                  {"call", parse_call}};
    if (parser->at->kind != LT_JINJA_NAME)
        return lt_jinja_syntax(parser, "a statement");
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if (lt_jinja_accept(parser, LT_JINJA_NAME, blocks[i].name))
            return blocks[i].parse(parser, out);
    bool leaves = lt_jinja_is(parser->at, LT_JINJA_NAME, "break");
    if (!leaves && !lt_jinja_is(parser->at, LT_JINJA_NAME, "continue"))
        return unsupported(parser, "the statement", parser->at->text);
    *out = lt_jinja_node_new(parser, leaves ? LT_JINJA_BREAK : LT_JINJA_CONTINUE);
    parser->at++;
    return expect_block_end(parser);
}

static bool ends_here(const lt_jinja_parser *parser, const char *const *ends)
{
    for (; parser->at->kind == LT_JINJA_BLOCK_BEGIN && *ends; ends++)
        if (lt_jinja_is(parser->at + 1, LT_JINJA_NAME, *ends))
            return true;
    return false;
}

/* Statements up to one of `ends` (its name is the next token then), or without ends to the end. */
static lt_status parse_body(lt_jinja_parser *parser, const char *const *ends, lt_jinja_node **out)
{
    lt_jinja_node **end = out;
    if (++parser->depth > LT_JINJA_DEPTH_MAX)
        return lt_jinja_syntax(parser, "less nesting");
    while (!ends_here(parser, ends)) {
        if (parser->at->kind == LT_JINJA_END && *ends == NULL)
            break;
        if (parser->at->kind == LT_JINJA_DATA) {
            *end = lt_jinja_node_new(parser, LT_JINJA_TEXT);
            (*end)->text = parser->at++->text;
        } else if (lt_jinja_accept(parser, LT_JINJA_PRINT_BEGIN, NULL)) {
            *end = lt_jinja_node_new(parser, LT_JINJA_PRINT);
            LT_TRY(lt_jinja_expression(parser, true, &(*end)->a));
            if (!lt_jinja_accept(parser, LT_JINJA_PRINT_END, NULL))
                return lt_jinja_syntax(parser, "}}");
        } else if (lt_jinja_accept(parser, LT_JINJA_BLOCK_BEGIN, NULL)) {
            LT_TRY(parse_block(parser, end));
        } else {
            return lt_jinja_syntax(parser, *ends ? *ends : "a statement");
        }
        end = &(*end)->next;
    }
    parser->depth--;
    parser->at += *ends != NULL; /* over {%, to the name that ends it */
    return LT_OK;
}

lt_status lt_jinja_parse(lt_jinja_parser *parser, lt_jinja_node **statements)
{
    static const char *const none[] = {NULL};
    return parse_body(parser, none, statements);
}
