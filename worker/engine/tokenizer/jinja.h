/* The part of Jinja that chat templates use: parsed once into a tree, run per text against values
 * in an arena. Private to the chat template; nothing here reaches files, clocks or the host.
 *
 *   jinja_lex.c    text -> tokens, with trim_blocks and lstrip_blocks as transformers sets them
 *   jinja_parse.c  tokens -> statements;  jinja_expression.c  tokens -> expressions
 *   jinja_value.c  Python's str, bool, ==, <, in over values
 *   jinja_eval.c   expressions -> values; jinja_run.c  statements -> text
 *   jinja_operator.c, jinja_function.c  + - * < in ...; namespace, range, strftime_now, ...
 *   jinja_filter.c, jinja_test.c, jinja_method.c  x | name, x is name, x.name() */
#ifndef LT_TOKENIZER_JINJA_H
#define LT_TOKENIZER_JINJA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/status.h"
#include "worker/engine/tokenizer/tokenizer.h"

#define LT_JINJA_SOURCE_BYTES_MAX (1u << 20)
#define LT_JINJA_DEPTH_MAX 100                 /* nesting of expressions and blocks */
#define LT_JINJA_STEPS_MAX 5000000             /* nodes evaluated in one rendering */
#define LT_JINJA_MEMORY_BYTES_MAX (128u << 20) /* strings and lists made in one rendering */
#define LT_JINJA_CALLS_MAX 32                  /* macros inside of macros */

/* ---- tokens ---- */

typedef enum lt_jinja_token_kind {
    LT_JINJA_DATA,
    LT_JINJA_BLOCK_BEGIN,
    LT_JINJA_BLOCK_END,
    LT_JINJA_PRINT_BEGIN,
    LT_JINJA_PRINT_END,
    LT_JINJA_NAME,
    LT_JINJA_STRING,
    LT_JINJA_NUMBER,
    LT_JINJA_OPERATOR,
    LT_JINJA_END,
} lt_jinja_token_kind;

typedef struct lt_jinja_token {
    lt_jinja_token_kind kind;
    int line;
    lt_text text; /* of a string: its value */
} lt_jinja_token;

typedef struct lt_jinja_tokens {
    lt_jinja_token *tokens; /* [count], owned; the last is END */
    size_t count, cap;
} lt_jinja_tokens;

/* Strings of the tokens lie in the arena. `where` names the template; LT_INPUT with its line. */
lt_status lt_jinja_lex(lt_text source, const char *where, lt_arena *arena, lt_jinja_tokens *out,
                       lt_error *error);

/* ---- the tree ---- */

typedef enum lt_jinja_node_kind {
    /* statements */
    LT_JINJA_TEXT,
    LT_JINJA_PRINT,
    LT_JINJA_SET,
    LT_JINJA_SET_BLOCK,
    LT_JINJA_IF,
    LT_JINJA_FOR,
    LT_JINJA_MACRO,
    LT_JINJA_BREAK,
    LT_JINJA_CONTINUE,
    LT_JINJA_GROUP,
    LT_JINJA_REFUSED,
    /* expressions */
    LT_JINJA_CONST,
    LT_JINJA_LOOKUP,
    LT_JINJA_LIST,
    LT_JINJA_DICT,
    LT_JINJA_ATTRIBUTE,
    LT_JINJA_ITEM,
    LT_JINJA_SLICE,
    LT_JINJA_CALL,
    LT_JINJA_FILTER,
    LT_JINJA_TEST,
    LT_JINJA_NOT,
    LT_JINJA_NEGATE,
    LT_JINJA_BINARY,
    LT_JINJA_COMPARE,
    LT_JINJA_AND,
    LT_JINJA_OR,
    LT_JINJA_CHOICE,
} lt_jinja_node_kind;

typedef enum lt_jinja_value_kind {
    LT_JINJA_V_UNDEFINED,
    LT_JINJA_V_NONE,
    LT_JINJA_V_BOOL,
    LT_JINJA_V_INT,
    LT_JINJA_V_FLOAT,
    LT_JINJA_V_TEXT,
    LT_JINJA_V_LIST,
    LT_JINJA_V_DICT,
    LT_JINJA_V_LOOP,
    LT_JINJA_V_MACRO,
    LT_JINJA_V_FUNCTION,
    LT_JINJA_V_METHOD,
} lt_jinja_value_kind;

typedef enum lt_jinja_function {
    LT_JINJA_RAISE,
    LT_JINJA_STRFTIME,
    LT_JINJA_NAMESPACE,
    LT_JINJA_RANGE,
    LT_JINJA_MAKE_DICT
} lt_jinja_function;

typedef struct lt_jinja_value lt_jinja_value;
typedef struct lt_jinja_node lt_jinja_node;

typedef struct lt_jinja_list {
    lt_jinja_value *items; /* [count] */
    size_t count, cap;
} lt_jinja_list;

typedef struct lt_jinja_dict {
    lt_jinja_list keys, values; /* in the order of insertion */
    bool is_namespace;          /* {% set ns.x = ... %} may write to it */
} lt_jinja_dict;

typedef struct lt_jinja_loop {
    const lt_jinja_list *items;
    size_t index; /* from 0 */
} lt_jinja_loop;

typedef struct lt_jinja_method {
    lt_text name;
    lt_jinja_value *self;
} lt_jinja_method;

struct lt_jinja_value {
    lt_jinja_value_kind kind;
    union {
        bool truth;
        int64_t integer;
        double real;
        lt_text text; /* of UNDEFINED: the name that was looked up */
        lt_jinja_list *list;
        lt_jinja_dict *dict;
        lt_jinja_loop *loop;
        const lt_jinja_node *macro;
        lt_jinja_function function;
        lt_jinja_method *method;
    };
};

struct lt_jinja_node {
    lt_jinja_node_kind kind;
    int line;
    bool negated;         /* TEST: is not; COMPARE: not in */
    lt_text text;         /* TEXT, and names, operators, keyword of an argument */
    lt_jinja_value value; /* CONST */
    lt_jinja_node *a, *b, *c, *d, *e;
    lt_jinja_node *next; /* in a list of statements, items, arguments */
};

/* Which fields hold what:
 *   PRINT a; SET a = b; SET_BLOCK a = body b; IF a then b else c; GROUP b
 *   FOR a in b, body c, else d, if e; MACRO text(b: parameters, their defaults in a) body c
 *   LIST, DICT items in a (of a dict: key a, value b); ATTRIBUTE a.text; ITEM a[b]; SLICE a[b:c:d]
 *   CALL a(b...); FILTER a|text(b...); TEST a is text(b...); NOT a; NEGATE a
 *   BINARY, COMPARE a text b; AND, OR a b; CHOICE b if a else c
 *   REFUSED text: something not supported, an error only if it is reached */

typedef struct lt_jinja_parser {
    const lt_jinja_token *at;
    lt_arena *arena;
    const char *where;
    lt_error *error;
    int depth;
    bool uses_date; /* strftime_now is named */
} lt_jinja_parser;

lt_status lt_jinja_parse(lt_jinja_parser *parser, lt_jinja_node **statements);
lt_status lt_jinja_expression(lt_jinja_parser *parser, bool choice,
                              lt_jinja_node **out); /* choice: a if b else c */
lt_status lt_jinja_syntax(lt_jinja_parser *parser,
                          const char *expected); /* LT_INPUT at the token */
lt_jinja_node *lt_jinja_node_new(lt_jinja_parser *parser, lt_jinja_node_kind kind);
bool lt_jinja_is(const lt_jinja_token *token, lt_jinja_token_kind kind, const char *text);
bool lt_jinja_accept(lt_jinja_parser *parser, lt_jinja_token_kind kind,
                     const char *text); /* and step over it */

/* ---- running ---- */

typedef struct lt_jinja_scope {
    struct lt_jinja_scope *parent;
    lt_jinja_dict variables;
} lt_jinja_scope;

typedef struct lt_jinja_run {
    lt_arena arena;
    const char *where;
    const char *date; /* YYYY-MM-DD or NULL */
    lt_jinja_scope *root, *scope;
    lt_buf *out;
    size_t out_bytes_max;
    uint64_t steps;
    int calls;
    int line;
    lt_error *error;
} lt_jinja_run;

lt_status lt_jinja_run_statements(lt_jinja_run *run, const lt_jinja_node *statements);
lt_status lt_jinja_eval(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out);
lt_status lt_jinja_call_macro(lt_jinja_run *run, const lt_jinja_node *macro,
                              const lt_jinja_node *args, lt_jinja_value *out);
lt_status lt_jinja_call_function(lt_jinja_run *run, lt_jinja_function function,
                                 const lt_jinja_node *args, lt_jinja_value *out);
lt_status lt_jinja_binary(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out);
lt_status lt_jinja_compare(lt_jinja_run *run, const lt_jinja_node *node, lt_jinja_value *out);
lt_status lt_jinja_undefined_used(lt_jinja_run *run, const lt_jinja_value *value); /* LT_INPUT */
lt_status lt_jinja_filter(lt_jinja_run *run, lt_text name, const lt_jinja_value *input,
                          const lt_jinja_node *args, lt_jinja_value *out);
lt_status lt_jinja_test(lt_jinja_run *run, lt_text name, const lt_jinja_value *input,
                        const lt_jinja_value *args, size_t arg_count, bool *out);
lt_status lt_jinja_call_method(lt_jinja_run *run, const lt_jinja_method *method,
                               const lt_jinja_node *args, lt_jinja_value *out);
bool lt_jinja_has_method(const lt_jinja_value *self, lt_text name);

/* Arguments by position or keyword, evaluated; missing ones stay UNDEFINED. names[i] may be NULL.
 */
lt_status lt_jinja_arguments(lt_jinja_run *run, const lt_jinja_node *args, const char *const *names,
                             size_t count, lt_jinja_value *out);

lt_status lt_jinja_fail(lt_jinja_run *run, lt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
lt_status lt_jinja_spend(lt_jinja_run *run); /* LT_LIMIT when the steps or the memory are used up */

/* ---- values ---- */

lt_jinja_value lt_jinja_bool(bool truth);
lt_jinja_value lt_jinja_int(int64_t integer);
lt_jinja_value lt_jinja_text(lt_text text);
lt_jinja_value lt_jinja_string(const char *literal);
lt_jinja_value lt_jinja_undefined(lt_text name);
lt_jinja_value lt_jinja_list_new(lt_arena *arena);
lt_jinja_value lt_jinja_dict_new(lt_arena *arena);
lt_jinja_value lt_jinja_copy(lt_arena *arena, const lt_buf *buf); /* a text */

void lt_jinja_list_add(lt_arena *arena, lt_jinja_list *list, lt_jinja_value item);
void lt_jinja_dict_set(lt_arena *arena, lt_jinja_dict *dict, lt_jinja_value key,
                       lt_jinja_value value);
const lt_jinja_value *lt_jinja_dict_get(const lt_jinja_dict *dict, const lt_jinja_value *key);

bool lt_jinja_truth(const lt_jinja_value *value);
bool lt_jinja_equal(const lt_jinja_value *a, const lt_jinja_value *b);
bool lt_jinja_text_is(lt_text text, const char *literal);
const char *lt_jinja_kind_name(const lt_jinja_value *value);
/* Python's str(), appended. LT_UNSUPPORTED for lists and dicts. */
lt_status lt_jinja_str(lt_jinja_run *run, const lt_jinja_value *value, lt_buf *out);
lt_status lt_jinja_order(lt_jinja_run *run, const lt_jinja_value *a, const lt_jinja_value *b,
                         int *order);
lt_status lt_jinja_contains(lt_jinja_run *run, const lt_jinja_value *container,
                            const lt_jinja_value *item, bool *out);
/* What {% for %} goes through: a list, the keys of a dict, the characters of a text. */
lt_status lt_jinja_iterate(lt_jinja_run *run, const lt_jinja_value *value, lt_jinja_list **out);
lt_status lt_jinja_json(lt_jinja_run *run, const lt_jinja_value *value, int indent, int depth,
                        lt_buf *out);

/* Code points; a byte that begins no well-formed sequence counts as one. */
size_t lt_jinja_char_len(lt_text text, size_t at);
size_t lt_jinja_length(lt_text text);
size_t lt_jinja_offset(lt_text text, size_t index); /* of the index-th character */
bool lt_jinja_is_space(lt_text text, size_t at);    /* Python's str.isspace */
lt_text lt_jinja_strip(lt_text text, bool left, bool right, const lt_text *characters);

#endif
