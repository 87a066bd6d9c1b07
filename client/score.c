/* lefttail score: JSON lines in, logits out, no coordinator. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/numbers.h"
#include "client/rows_in.h"
#include "client/rows_out.h"

#define NAME "score"

static const char help[] =
    "Score JSON lines from standard input with a checkpoint; one line out for every line in, in "
    "order.\n"
    "\n"
    "  echo '{\"text\": \"I cannot help with that.\"}' | lefttail score --checkpoint "
    "models/refusal\n"
    "\n"
    "A line is {\"text\"}, {\"text\", \"text_pair\"} or {\"messages\": [{\"role\", \"content\"}, "
    "...]}; with\n"
    "\"add_special_tokens\": false for text that is rendered already. The answer is\n"
    "{\"logits\": [...], \"tokens\": n, \"truncated\": bool}, or {\"error\": \"...\"} for a line "
    "that cannot be\n"
    "scored; the others are scored all the same, and the exit code is then 1. Logits are raw "
    "float32.\n"
    "\n"
    "  --checkpoint DIR           a Hugging Face directory: config.json, *.safetensors, "
    "tokenizer.json\n"
    "  --template text|pair|chat  every line must have this shape; without it each line's shape "
    "decides\n"
    "  --precision f32|bf16       default: bf16 if the weights are, else f32\n"
    "  --threads N                default: all cores\n"
    "  --max-length N             tokens; default: what the checkpoint allows\n"
    "  --on-overflow truncate|fail  longer texts: cut (default), or an error for that line\n"
    "  --literal-specials         special tokens spelled in a text stay text\n"
    "  --date YYYY-MM-DD          for chat templates that insert today's date\n"
    "  --ids                      put \"input_ids\" into the answer\n"
    "  --help\n";

typedef struct arguments {
    const char *checkpoint, *template;
    lt_scorer_options options;
    bool ids, help;
} arguments;

enum {
    CHECKPOINT = 256,
    TEMPLATE,
    PRECISION,
    THREADS,
    MAX_LENGTH,
    ON_OVERFLOW,
    LITERAL,
    DATE,
    IDS,
    HELP
};

static const struct option long_options[] = {
    {"checkpoint", required_argument, NULL, CHECKPOINT},
    {"template", required_argument, NULL, TEMPLATE},
    {"precision", required_argument, NULL, PRECISION},
    {"threads", required_argument, NULL, THREADS},
    {"max-length", required_argument, NULL, MAX_LENGTH},
    {"on-overflow", required_argument, NULL, ON_OVERFLOW},
    {"literal-specials", no_argument, NULL, LITERAL},
    {"date", required_argument, NULL, DATE},
    {"ids", no_argument, NULL, IDS},
    {"help", no_argument, NULL, HELP},
    {0},
};

/* 0, or the exit code after a complaint. */
static int read_option(int option, arguments *args)
{
    uint32_t number;
    switch (option) {
    case CHECKPOINT:
        args->checkpoint = optarg;
        return 0;
    case TEMPLATE:
        args->template = optarg;
        return 0;
    case PRECISION:
        if (strcmp(optarg, "f32") != 0 && strcmp(optarg, "bf16") != 0)
            return lt_command_usage(NAME, "--precision is f32 or bf16, not '%s'", optarg);
        args->options.precision = strcmp(optarg, "f32") == 0 ? LEFTTAIL__PRECISION__PRECISION_F32
                                                             : LEFTTAIL__PRECISION__PRECISION_BF16;
        return 0;
    case THREADS:
        if (!lt_number_from(optarg, 1, LT_THREADS_MAX, &number))
            return lt_command_usage(NAME, "--threads is a number from 1 to %d, not '%s'",
                                    LT_THREADS_MAX, optarg);
        args->options.threads = (int)number;
        return 0;
    case MAX_LENGTH:
        if (!lt_number_from(optarg, 1, UINT32_MAX, &args->options.max_length))
            return lt_command_usage(NAME, "--max-length is a number of tokens from 1, not '%s'",
                                    optarg);
        return 0;
    case ON_OVERFLOW:
        if (strcmp(optarg, "truncate") != 0 && strcmp(optarg, "fail") != 0)
            return lt_command_usage(NAME, "--on-overflow is truncate or fail, not '%s'", optarg);
        args->options.fail_on_overflow = strcmp(optarg, "fail") == 0;
        return 0;
    case LITERAL:
        args->options.literal_specials = true;
        return 0;
    case DATE:
        if (!lt_date_is_valid(optarg))
            return lt_command_usage(NAME, "--date is YYYY-MM-DD, not '%s'", optarg);
        args->options.date = optarg;
        return 0;
    case IDS:
        args->ids = true;
        return 0;
    case HELP:
        args->help = true;
        return 0;
    default:
        return lt_command_usage(NAME, "unknown option, or a value is missing");
    }
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
    if (optind < argc)
        return lt_command_usage(
            NAME, "unexpected argument '%s'; lines are read from standard input", argv[optind]);
    if (!args->checkpoint)
        return lt_command_usage(NAME, "--checkpoint DIR is missing");
    return 0;
}

/* ---- rows ---- */

static void print_score(lt_rows_out *out, const lt_score *score, uint32_t label_count, bool ids)
{
    lt_buf_puts(&out->buf, "{\"logits\":[");
    for (uint32_t i = 0; i < label_count; i++) /* nine digits give a float32 back */
        lt_buf_printf(&out->buf, "%s%.9g", i ? "," : "", (double)score->logits[i]);
    lt_buf_printf(&out->buf, "],\"tokens\":%u,\"truncated\":%s", score->tokens,
                  score->tokens_cut ? "true" : "false");
    if (ids) {
        lt_buf_puts(&out->buf, ",\"input_ids\":");
        lt_rows_out_ids(out, score->ids, score->tokens);
    }
    lt_buf_puts(&out->buf, "}\n");
}

static void print_row(lt_rows_out *out, const lt_row_in *row, const lt_score *score,
                      uint32_t label_count, bool ids)
{
    if (row->problem) {
        lt_rows_out_error(out, row->problem);
    } else if (score->reason != LEFTTAIL__FAILURE_REASON__FAILURE_NONE) {
        char text[256];
        snprintf(text, sizeof text, "line %llu: %s", (unsigned long long)row->line, score->detail);
        lt_rows_out_error(out, text);
    } else {
        print_score(out, score, label_count, ids);
    }
}

/* The window's items, scored and printed. */
static lt_status score_window(lt_scorer *scorer, const lt_rows_in *in, lt_rows_out *out, bool ids,
                              lt_error *error)
{
    const uint32_t label_count = lt_scorer_facts_of(scorer)->label_count;
    lt_item *items = lt_alloc(in->row_count * sizeof *items);
    lt_score *scores = lt_alloc(in->row_count * sizeof *scores);
    size_t count = 0;
    for (size_t i = 0; i < in->row_count; i++)
        if (!in->rows[i].problem)
            items[count++] = in->rows[i].item;
    lt_status status = lt_scorer_run(scorer, items, count, scores, ids, NULL, NULL, NULL, error);
    const lt_score *score = scores;
    for (size_t i = 0; i < in->row_count && status == LT_OK; i++) {
        print_row(out, &in->rows[i], score, label_count, ids);
        score += !in->rows[i].problem;
    }
    for (size_t i = 0; i < count; i++)
        free(scores[i].ids);
    if (status == LT_OK)
        status = lt_rows_out_flush(out, error);
    free(items);
    free(scores);
    return status;
}

static lt_status score_all(lt_scorer *scorer, lt_rows_in *in, lt_rows_out *out, bool ids,
                           lt_error *error)
{
    for (;;) {
        LT_TRY(lt_rows_in_next(in, error));
        if (in->row_count == 0 || out->closed)
            return LT_OK;
        LT_TRY(score_window(scorer, in, out, ids, error));
    }
}

static lt_status run(const arguments *args, lt_rows_in *in, lt_rows_out *out, lt_error *error)
{
    lt_scorer *scorer;
    LT_TRY(lt_scorer_open(&scorer, args->checkpoint, &args->options, error));
    lt_status status =
        in->any_template ? LT_OK : lt_scorer_check_template(scorer, in->template, error);
    if (status == LT_OK)
        status = score_all(scorer, in, out, args->ids, error);
    lt_scorer_free(&scorer);
    return status;
}

int lt_command_score(int argc, char **argv)
{
    arguments args = {0};
    const int code = read_arguments(argc, argv, &args);
    if (code != 0)
        return code;
    if (args.help) {
        fputs(help, stdout);
        return 0;
    }
    lt_rows_in in;
    if (!lt_rows_in_init(&in, STDIN_FILENO, args.template))
        return lt_command_usage(NAME, "--template is text, pair or chat, not '%s'", args.template);
    lt_rows_out out = {0};
    lt_error error = {0};
    const lt_status status = run(&args, &in, &out, &error);
    lt_rows_in_fini(&in);
    lt_rows_out_fini(&out);
    if (status != LT_OK)
        return lt_command_fail(NAME, &error);
    return out.failed > 0 ? 1 : 0;
}
