#include "worker/engine/tokenizer/jinja.h"

#include <stdlib.h>
#include <string.h>

static lt_status parse_or(lt_jinja_parser *parser, lt_jinja_node **out);

static lt_jinja_node *join(lt_jinja_parser *parser, lt_jinja_node_kind kind, lt_jinja_node *a,
                           lt_text text)
{
    lt_jinja_node *node = lt_jinja_node_new(parser, kind);
    node->a = a;
    node->text = text;
    return node;
}

static lt_status expect(lt_jinja_parser *parser, const char *text)
{
    return lt_jinja_accept(parser, LT_JINJA_OPERATOR, text) ? LT_OK : lt_jinja_syntax(parser, text);
}

/* (a, b, key=c): the opening parenthesis is behind us. */
static lt_status parse_arguments(lt_jinja_parser *parser, lt_jinja_node **out)
{
    lt_jinja_node **end = out;
    while (!lt_jinja_accept(parser, LT_JINJA_OPERATOR, ")")) {
        if (end != out)
            LT_TRY(expect(parser, ","));
        if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, ")"))
            break;
        lt_jinja_node *argument = *end = lt_jinja_node_new(parser, LT_JINJA_GROUP);
        if (parser->at->kind == LT_JINJA_NAME &&
            lt_jinja_is(parser->at + 1, LT_JINJA_OPERATOR, "=")) {
            argument->text = parser->at->text;
            parser->at += 2;
        }
        bool spread = lt_jinja_accept(parser, LT_JINJA_OPERATOR, "*") ||
                      lt_jinja_accept(parser, LT_JINJA_OPERATOR, "**");
        LT_TRY(lt_jinja_expression(parser, true, &argument->a));
        if (spread) {
            argument->a = lt_jinja_node_new(parser, LT_JINJA_REFUSED);
            argument->a->text = lt_text_of("an argument with *");
        }
        end = &argument->next;
    }
    return LT_OK;
}

static lt_status parse_items(lt_jinja_parser *parser, const char *close, lt_jinja_node **out,
                             bool *comma)
{
    lt_jinja_node **end = out;
    *comma = false;
    while (!lt_jinja_accept(parser, LT_JINJA_OPERATOR, close)) {
        if (end != out) {
            LT_TRY(expect(parser, ","));
            *comma = true;
            if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, close))
                break;
        }
        LT_TRY(lt_jinja_expression(parser, true, end));
        end = &(*end)->next;
    }
    return LT_OK;
}

static lt_status parse_dict(lt_jinja_parser *parser, lt_jinja_node **out)
{
    lt_jinja_node *dict = *out = lt_jinja_node_new(parser, LT_JINJA_DICT), **end = &dict->a;
    while (!lt_jinja_accept(parser, LT_JINJA_OPERATOR, "}")) {
        if (end != &dict->a)
            LT_TRY(expect(parser, ","));
        if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "}"))
            break;
        lt_jinja_node *item = *end = lt_jinja_node_new(parser, LT_JINJA_GROUP);
        LT_TRY(lt_jinja_expression(parser, true, &item->a));
        LT_TRY(expect(parser, ":"));
        LT_TRY(lt_jinja_expression(parser, true, &item->b));
        end = &item->next;
    }
    return LT_OK;
}

static lt_jinja_value number(lt_text text)
{
    char digits[64];
    size_t len = 0;
    for (size_t i = 0; i < text.len && len + 1 < sizeof digits; i++)
        if (text.data[i] != '_')
            digits[len++] = text.data[i];
    digits[len] = '\0';
    lt_jinja_value value = lt_jinja_int(0);
    if (memchr(digits, '.', len)) {
        value.kind = LT_JINJA_V_FLOAT;
        value.real = strtod(digits, NULL);
    } else {
        value.integer = strtoll(digits, NULL, 10);
    }
    return value;
}

static bool constant(lt_text name, lt_jinja_value *value)
{
    static const char *const names[] = {"true", "True", "false", "False", "none", "None"};
    for (int i = 0; i < 6; i++) {
        if (lt_jinja_text_is(name, names[i])) {
            *value = i < 4 ? lt_jinja_bool(i < 2) : (lt_jinja_value){.kind = LT_JINJA_V_NONE};
            return true;
        }
    }
    return false;
}

static lt_status parse_strings(lt_jinja_parser *parser, lt_jinja_node **out)
{
    lt_buf joined = {0};
    *out = lt_jinja_node_new(parser, LT_JINJA_CONST);
    for (; parser->at->kind == LT_JINJA_STRING; parser->at++)
        lt_buf_add(&joined, parser->at->text.data, parser->at->text.len);
    (*out)->value = lt_jinja_copy(parser->arena, &joined);
    lt_buf_fini(&joined);
    return LT_OK;
}

static lt_status parse_primary(lt_jinja_parser *parser, lt_jinja_node **out)
{
    const lt_jinja_token *token = parser->at;
    bool comma;
    if (token->kind == LT_JINJA_STRING)
        return parse_strings(parser, out);
    if (token->kind == LT_JINJA_NUMBER) {
        *out = lt_jinja_node_new(parser, LT_JINJA_CONST);
        (*out)->value = number(parser->at++->text);
        return LT_OK;
    }
    if (token->kind == LT_JINJA_NAME) {
        *out = lt_jinja_node_new(parser, LT_JINJA_LOOKUP);
        (*out)->text = parser->at++->text;
        if (constant(token->text, &(*out)->value))
            (*out)->kind = LT_JINJA_CONST;
        parser->uses_date = parser->uses_date || lt_jinja_text_is(token->text, "strftime_now");
        return LT_OK;
    }
    if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "[")) {
        *out = lt_jinja_node_new(parser, LT_JINJA_LIST);
        return parse_items(parser, "]", &(*out)->a, &comma);
    }
    if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "{"))
        return parse_dict(parser, out);
    if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "(")) {
        lt_jinja_node *items = NULL;
        LT_TRY(parse_items(parser, ")", &items, &comma));
        *out = items;
        if (comma || items == NULL)
            *out = join(parser, LT_JINJA_LIST, items, (lt_text){NULL, 0});
        return LT_OK;
    }
    return lt_jinja_syntax(parser, "an expression");
}

static lt_status parse_subscript(lt_jinja_parser *parser, lt_jinja_node **node)
{
    lt_jinja_node *parts[3] = {NULL, NULL, NULL}, *item;
    int part = 0;
    while (!lt_jinja_accept(parser, LT_JINJA_OPERATOR, "]")) {
        if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, ":")) {
            if (++part > 2)
                return lt_jinja_syntax(parser, "]");
            continue;
        }
        if (parts[part])
            return lt_jinja_syntax(parser, "]");
        LT_TRY(lt_jinja_expression(parser, true, &parts[part]));
    }
    item = join(parser, part ? LT_JINJA_SLICE : LT_JINJA_ITEM, *node, (lt_text){NULL, 0});
    item->b = parts[0];
    item->c = parts[1];
    item->d = parts[2];
    if (part == 0 && item->b == NULL)
        return lt_jinja_syntax(parser, "an index");
    *node = item;
    return LT_OK;
}

static lt_status parse_postfix(lt_jinja_parser *parser, lt_jinja_node **node)
{
    for (;;) {
        if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, ".")) {
            const lt_jinja_token *name = parser->at;
            if (name->kind == LT_JINJA_NUMBER) { /* a.0 */
                *node = join(parser, LT_JINJA_ITEM, *node, (lt_text){NULL, 0});
                (*node)->b = lt_jinja_node_new(parser, LT_JINJA_CONST);
                (*node)->b->value = number(parser->at++->text);
                continue;
            }
            if (name->kind != LT_JINJA_NAME)
                return lt_jinja_syntax(parser, "the name of an attribute");
            *node = join(parser, LT_JINJA_ATTRIBUTE, *node, name->text);
            parser->at++;
        } else if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "[")) {
            LT_TRY(parse_subscript(parser, node));
        } else if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "(")) {
            *node = join(parser, LT_JINJA_CALL, *node, (lt_text){NULL, 0});
            LT_TRY(parse_arguments(parser, &(*node)->b));
        } else {
            return LT_OK;
        }
    }
}

/* A test may take its one argument without parentheses: is divisibleby 3, is equalto 'a'. */
static bool begins_argument(const lt_jinja_token *token)
{
    if (token->kind == LT_JINJA_NAME)
        return !lt_jinja_text_is(token->text, "else") && !lt_jinja_text_is(token->text, "or") &&
               !lt_jinja_text_is(token->text, "and") && !lt_jinja_text_is(token->text, "is") &&
               !lt_jinja_text_is(token->text, "if") && !lt_jinja_text_is(token->text, "in") &&
               !lt_jinja_text_is(token->text, "not");
    return token->kind == LT_JINJA_STRING || token->kind == LT_JINJA_NUMBER ||
           lt_jinja_is(token, LT_JINJA_OPERATOR, "[") || lt_jinja_is(token, LT_JINJA_OPERATOR, "{");
}

static lt_status parse_test(lt_jinja_parser *parser, lt_jinja_node **node)
{
    *node = join(parser, LT_JINJA_TEST, *node, (lt_text){NULL, 0});
    (*node)->negated = lt_jinja_accept(parser, LT_JINJA_NAME, "not");
    if (parser->at->kind != LT_JINJA_NAME)
        return lt_jinja_syntax(parser, "the name of a test");
    (*node)->text = parser->at++->text;
    if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "("))
        return parse_arguments(parser, &(*node)->b);
    if (begins_argument(parser->at)) {
        lt_jinja_node *argument = (*node)->b = lt_jinja_node_new(parser, LT_JINJA_GROUP);
        LT_TRY(parse_primary(parser, &argument->a));
        return parse_postfix(parser, &argument->a);
    }
    return LT_OK;
}

static lt_status parse_unary(lt_jinja_parser *parser, bool filters, lt_jinja_node **out)
{
    if (++parser->depth > LT_JINJA_DEPTH_MAX)
        return lt_jinja_syntax(parser, "less nesting");
    if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "-")) {
        *out = lt_jinja_node_new(parser, LT_JINJA_NEGATE);
        LT_TRY(parse_unary(parser, false, &(*out)->a));
    } else if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "+")) {
        LT_TRY(parse_unary(parser, false, out));
    } else {
        LT_TRY(parse_primary(parser, out));
        LT_TRY(parse_postfix(parser, out));
    }
    while (filters) {
        if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "|")) {
            if (parser->at->kind != LT_JINJA_NAME)
                return lt_jinja_syntax(parser, "the name of a filter");
            *out = join(parser, LT_JINJA_FILTER, *out, parser->at->text);
            parser->at++;
            if (lt_jinja_accept(parser, LT_JINJA_OPERATOR, "("))
                LT_TRY(parse_arguments(parser, &(*out)->b));
            LT_TRY(parse_postfix(parser, out));
        } else if (lt_jinja_accept(parser, LT_JINJA_NAME, "is")) {
            LT_TRY(parse_test(parser, out));
        } else {
            break;
        }
    }
    parser->depth--;
    return LT_OK;
}

static bool at_any(const lt_jinja_parser *parser, const char *const *operators)
{
    for (; *operators; operators++)
        if (lt_jinja_is(parser->at, LT_JINJA_OPERATOR, *operators))
            return true;
    return false;
}

/* From the tightest: * / // %, then ~, then + -. */
static lt_status parse_math(lt_jinja_parser *parser, int level, lt_jinja_node **out)
{
    static const char *const levels[3][6] = {
        {"*", "/", "//", "%", "**", NULL}, {"~", NULL}, {"+", "-", NULL}};
    LT_TRY(level == 0 ? parse_unary(parser, true, out) : parse_math(parser, level - 1, out));
    while (at_any(parser, levels[level])) {
        *out = join(parser, LT_JINJA_BINARY, *out, parser->at->text);
        parser->at++;
        LT_TRY(level == 0 ? parse_unary(parser, true, &(*out)->b)
                          : parse_math(parser, level - 1, &(*out)->b));
    }
    return LT_OK;
}

static lt_status parse_compare(lt_jinja_parser *parser, lt_jinja_node **out)
{
    static const char *const operators[] = {"==", "!=", "<", ">", "<=", ">=", NULL};
    lt_jinja_node *left, *all = NULL;
    LT_TRY(parse_math(parser, 2, &left));
    for (;;) {
        bool negated = lt_jinja_is(parser->at, LT_JINJA_NAME, "not") &&
                       lt_jinja_is(parser->at + 1, LT_JINJA_NAME, "in");
        parser->at += negated;
        if (!at_any(parser, operators) && !lt_jinja_is(parser->at, LT_JINJA_NAME, "in"))
            break;
        lt_jinja_node *compare = join(parser, LT_JINJA_COMPARE, left, parser->at->text);
        compare->negated = negated;
        parser->at++;
        LT_TRY(parse_math(parser, 2, &compare->b));
        left = compare->b; /* a < b < c is a < b and b < c */
        if (all) {
            all = join(parser, LT_JINJA_AND, all, (lt_text){NULL, 0});
            all->b = compare;
        } else {
            all = compare;
        }
    }
    *out = all ? all : left;
    return LT_OK;
}

static lt_status parse_not(lt_jinja_parser *parser, lt_jinja_node **out)
{
    if (!lt_jinja_is(parser->at, LT_JINJA_NAME, "not"))
        return parse_compare(parser, out);
    if (++parser->depth > LT_JINJA_DEPTH_MAX)
        return lt_jinja_syntax(parser, "less nesting");
    parser->at++;
    *out = lt_jinja_node_new(parser, LT_JINJA_NOT);
    LT_TRY(parse_not(parser, &(*out)->a));
    parser->depth--;
    return LT_OK;
}

static lt_status parse_and(lt_jinja_parser *parser, lt_jinja_node **out)
{
    LT_TRY(parse_not(parser, out));
    while (lt_jinja_accept(parser, LT_JINJA_NAME, "and")) {
        *out = join(parser, LT_JINJA_AND, *out, (lt_text){NULL, 0});
        LT_TRY(parse_not(parser, &(*out)->b));
    }
    return LT_OK;
}

static lt_status parse_or(lt_jinja_parser *parser, lt_jinja_node **out)
{
    LT_TRY(parse_and(parser, out));
    while (lt_jinja_accept(parser, LT_JINJA_NAME, "or")) {
        *out = join(parser, LT_JINJA_OR, *out, (lt_text){NULL, 0});
        LT_TRY(parse_and(parser, &(*out)->b));
    }
    return LT_OK;
}

lt_status lt_jinja_expression(lt_jinja_parser *parser, bool choice, lt_jinja_node **out)
{
    if (++parser->depth > LT_JINJA_DEPTH_MAX)
        return lt_jinja_syntax(parser, "less nesting");
    LT_TRY(parse_or(parser, out));
    while (choice && lt_jinja_accept(parser, LT_JINJA_NAME, "if")) {
        lt_jinja_node *node = lt_jinja_node_new(parser, LT_JINJA_CHOICE);
        node->b = *out;
        LT_TRY(parse_or(parser, &node->a));
        if (lt_jinja_accept(parser, LT_JINJA_NAME, "else"))
            LT_TRY(lt_jinja_expression(parser, true, &node->c));
        *out = node;
    }
    parser->depth--;
    return LT_OK;
}
