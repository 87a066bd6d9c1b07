/* lefttail inspect: what a checkpoint directory is, and all that would be refused in it. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "worker/engine/encoder.h"
#include "worker/engine/model/config.h"
#include "worker/engine/model/weights.h"

#define NAME "inspect"

static const char help[] =
    "Say what a checkpoint is and how it would be read; every weight is looked at once.\n"
    "\n"
    "  lefttail inspect models/refusal\n"
    "\n"
    "  --precision f32|bf16  default: bf16 if the weights are, else f32\n"
    "  --no-scan             do not look for NaN and infinity in the weights\n"
    "  --json                one JSON object\n"
    "  --help\n"
    "\n"
    "The exit code is 2 if the checkpoint would be refused.\n";

typedef struct arguments {
    const char *dir;
    lt_scorer_options options;
    bool no_scan, json, help;
} arguments;

enum { PRECISION = 256, NO_SCAN, JSON, HELP };

static const struct option long_options[] = {
    {"precision", required_argument, NULL, PRECISION},
    {"no-scan", no_argument, NULL, NO_SCAN},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, HELP},
    {0},
};

static int read_option(int option, arguments *args)
{
    if (option == PRECISION) {
        if (strcmp(optarg, "f32") != 0 && strcmp(optarg, "bf16") != 0)
            return lt_command_usage(NAME, "--precision is f32 or bf16, not '%s'", optarg);
        args->options.precision = strcmp(optarg, "f32") == 0 ? LEFTTAIL__PRECISION__PRECISION_F32
                                                             : LEFTTAIL__PRECISION__PRECISION_BF16;
    }
    args->no_scan |= option == NO_SCAN;
    args->json |= option == JSON;
    args->help |= option == HELP;
    return 0;
}

static int read_arguments(int argc, char **argv, arguments *args)
{
    opterr = 0;
    optind = 1;
    int option;
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return lt_command_usage(
                NAME, option == '?' ? "there is no option '%s'" : "'%s' needs a value",
                argv[optind - 1]);
        const int code = read_option(option, args);
        if (code != 0 || args->help)
            return code;
    }
    if (argc - optind != 1)
        return lt_command_usage(NAME, argc == optind ? "the checkpoint directory is missing"
                                                     : "one checkpoint directory at a time");
    args->dir = argv[optind];
    return 0;
}

/* ---- looking ---- */

/* Each part is opened on its own, so that one refusal does not hide the next. */
typedef struct findings {
    lt_config config;    /* path NULL: refused */
    lt_encoder *encoder; /* NULL: refused */
    lt_scorer *scorer;   /* NULL: refused */
    size_t file_count, tensor_count;
    char refused[4][LT_ERROR_TEXT_BYTES];
    size_t refused_count;
    char
        chat[LT_ERROR_TEXT_BYTES]; /* why chats cannot be scored; empty: they can, or no template */
    int exit_code;
} findings;

static void refuse(findings *f, lt_status status, const lt_error *error)
{
    char text[LT_ERROR_TEXT_BYTES];
    if (status == LT_OK)
        return;
    lt_error_text(error, text, sizeof text);
    for (size_t i = 0; i < f->refused_count; i++)
        if (strcmp(f->refused[i], text) == 0)
            return;
    memcpy(f->refused[f->refused_count++], text, sizeof text);
    if (f->exit_code == 0)
        f->exit_code = lt_status_exit_code(status);
}

static void look(findings *f, const arguments *args)
{
    lt_error error = {0};
    lt_weights *weights = NULL;
    const lt_encoder_options encoder = {.date =
                                            "2000-01-01"}; /* a missing date is the job's affair */
    refuse(f, lt_config_read(&f->config, args->dir, &error), &error);
    refuse(f, lt_weights_open(&weights, args->dir, &error), &error);
    refuse(f, lt_encoder_open(&f->encoder, args->dir, &encoder, &error), &error);
    if (weights) {
        f->file_count = lt_weights_file_count(weights);
        f->tensor_count = lt_weights_count(weights);
        lt_weights_close(&weights);
    }
    if (f->refused_count == 0)
        refuse(f, lt_scorer_inspect(&f->scorer, args->dir, &args->options, !args->no_scan, &error),
               &error);
    if (f->encoder && lt_encoder_facts(f->encoder)->chat_template &&
        lt_encoder_check_template(f->encoder, LT_TEMPLATE_CHAT, &error) != LT_OK)
        lt_error_text(&error, f->chat, sizeof f->chat);
}

static void findings_fini(findings *f)
{
    lt_scorer_free(&f->scorer);
    lt_encoder_close(&f->encoder);
    lt_config_fini(&f->config);
}

/* ---- telling: for programs ---- */

static json_t *json_text(const char *text)
{
    json_t *value = text ? json_string(text) : json_null();
    return value ? value : json_string("(not UTF-8)");
}

static void put_model(const findings *f, json_t *root)
{
    const lt_spec *spec = &f->config.spec;
    if (!f->config.path)
        return;
    json_t *labels = json_array();
    for (uint32_t i = 0; i < spec->label_count; i++)
        json_array_append_new(labels, json_text(spec->labels[i]));
    json_object_set_new(root, "architecture", json_text(spec->family->architecture));
    json_object_set_new(root, "head", json_text(spec->family->head));
    json_object_set_new(root, "labels", labels);
    json_object_set_new(root, "layers", json_integer(spec->layer_count));
    json_object_set_new(root, "hidden", json_integer(spec->hidden));
    json_object_set_new(root, "heads", json_integer(spec->heads));
    json_object_set_new(root, "kv_heads", json_integer(spec->kv_heads));
    json_object_set_new(root, "head_dim", json_integer(spec->head_dim));
    json_object_set_new(root, "intermediate", json_integer(spec->intermediate));
    json_object_set_new(root, "embeddings", json_integer(spec->vocab));
    json_object_set_new(root, "positions", json_integer(spec->positions));
}

static void put_tokenizer(const findings *f, json_t *root)
{
    if (!f->encoder)
        return;
    const lt_tokenizer_facts *facts = lt_encoder_facts(f->encoder);
    json_t *tokenizer = json_object();
    json_object_set_new(tokenizer, "model", json_text(facts->model));
    json_object_set_new(tokenizer, "normalizer", json_text(facts->normalizer));
    json_object_set_new(tokenizer, "pre_tokenizer", json_text(facts->pre_tokenizer));
    json_object_set_new(tokenizer, "post_processor", json_text(facts->post_processor));
    json_object_set_new(tokenizer, "vocab_size", json_integer(facts->vocab_size));
    json_object_set_new(tokenizer, "special_tokens", json_integer(facts->special_count));
    json_object_set_new(root, "tokenizer", tokenizer);
    json_object_set_new(root, "chat_template", json_text(facts->chat_template_file));
    json_object_set_new(root, "chat_template_refused", json_text(f->chat[0] ? f->chat : NULL));
}

static void put_scorer(const findings *f, json_t *root)
{
    if (!f->scorer)
        return;
    const lt_scorer_facts *facts = lt_scorer_facts_of(f->scorer);
    const bool bf16 = facts->precision == LEFTTAIL__PRECISION__PRECISION_BF16;
    json_object_set_new(root, "parameters", json_integer((json_int_t)facts->parameter_count));
    json_object_set_new(root, "precision", json_string(bf16 ? "bf16" : "f32"));
    json_object_set_new(root, "memory_bytes", json_integer((json_int_t)facts->weight_bytes));
    json_object_set_new(root, "max_length", json_integer(facts->max_length));
    json_object_set_new(root, "kernels", json_text(facts->kernels));
}

static void print_json(const findings *f, const arguments *args)
{
    json_t *root = json_object(), *refused = json_array();
    json_object_set_new(root, "path", json_text(args->dir));
    put_model(f, root);
    put_scorer(f, root);
    put_tokenizer(f, root);
    json_object_set_new(root, "weight_files", json_integer((json_int_t)f->file_count));
    json_object_set_new(root, "tensors", json_integer((json_int_t)f->tensor_count));
    for (size_t i = 0; i < f->refused_count; i++)
        json_array_append_new(refused, json_text(f->refused[i]));
    json_object_set_new(root, "refused", refused);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

/* ---- telling: for people ---- */

static void print_count(const char *key, uint64_t value, const char *unit)
{
    char digits[32], out[48];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    int at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    printf("%-16s %s%s\n", key, out, unit);
}

/* Labels come from a file: nothing in them may reach the terminal as a control. */
static void print_label(uint32_t index, const char *label)
{
    printf("%s%u ", index ? ", " : "", index);
    for (; *label; label++)
        putchar((unsigned char)*label < 0x20 || *label == 0x7f ? '?' : *label);
}

static void print_model(const findings *f)
{
    const lt_spec *spec = &f->config.spec;
    if (!f->config.path)
        return;
    printf("%-16s %s\n", "architecture", spec->family->architecture);
    printf("%-16s %u layers, hidden size %u, %u heads of %u (%u for keys and values), MLP %u\n",
           "shape", spec->layer_count, spec->hidden, spec->heads, spec->head_dim, spec->kv_heads,
           spec->intermediate);
    printf("%-16s %s\n%-16s ", "head", spec->family->head, "labels");
    for (uint32_t i = 0; i < spec->label_count; i++)
        print_label(i, spec->labels[i]);
    putchar('\n');
}

static void print_tokenizer(const findings *f)
{
    if (!f->encoder)
        return;
    const lt_tokenizer_facts *facts = lt_encoder_facts(f->encoder);
    printf("%-16s %s, %u tokens, %u of them special\n", "tokenizer", facts->model,
           facts->vocab_size, facts->special_count);
    printf("%-16s %s\n", "normalizer", facts->normalizer);
    printf("%-16s %s\n", "pre-tokenizer", facts->pre_tokenizer);
    printf("%-16s %s\n", "post-processor", facts->post_processor);
    if (!facts->chat_template)
        printf("%-16s none\n", "chat template");
    else
        printf("%-16s %s\n", "chat template", facts->chat_template_file);
    if (f->chat[0])
        printf("%-16s chats would be refused: %s\n", "", f->chat);
}

static void print_scorer(const findings *f)
{
    if (!f->scorer)
        return;
    const lt_scorer_facts *facts = lt_scorer_facts_of(f->scorer);
    print_count("parameters", facts->parameter_count, "");
    printf("%-16s %s, %.1f MB in memory, %s kernels\n", "precision",
           facts->precision == LEFTTAIL__PRECISION__PRECISION_BF16 ? "bf16" : "f32",
           (double)facts->weight_bytes / 1e6, facts->kernels);
    print_count("maximum length", facts->max_length, " tokens");
}

static void print_text(const findings *f)
{
    print_model(f);
    print_scorer(f);
    if (f->tensor_count)
        printf("%-16s %zu tensors in %zu file%s\n", "weights", f->tensor_count, f->file_count,
               f->file_count == 1 ? "" : "s");
    print_tokenizer(f);
    for (size_t i = 0; i < f->refused_count; i++)
        printf("%-16s %s\n", "refused", f->refused[i]);
    if (f->refused_count == 0)
        printf("%-16s nothing\n", "refused");
}

int lt_command_inspect(int argc, char **argv)
{
    arguments args = {0};
    const int code = read_arguments(argc, argv, &args);
    if (code != 0)
        return code;
    if (args.help) {
        fputs(help, stdout);
        return 0;
    }
    findings f = {0};
    look(&f, &args);
    if (args.json)
        print_json(&f, &args);
    else
        print_text(&f);
    findings_fini(&f);
    return f.exit_code;
}
