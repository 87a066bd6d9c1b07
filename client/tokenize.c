/* lefttail tokenize: JSON lines in, token ids out. Needs tokenizer.json and no weights. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/numbers.h"
#include "client/rows_in.h"
#include "client/rows_out.h"
#include "worker/engine/encoder.h"

#define NAME "tokenize"

static const char help[] =
    "Token ids of JSON lines from standard input, as the checkpoint's tokenizer.json says.\n"
    "\n"
    "  echo '{\"text\": \"Hello there\"}' | lefttail tokenize --checkpoint models/refusal\n"
    "\n"
    "Lines are those of 'lefttail score --help'. The answer is {\"ids\": [...]}, or {\"error\": "
    "\"...\"}; the\n"
    "exit code is 1 if any line has an error. Nothing is cut unless --max-length is given.\n"
    "\n"
    "  --checkpoint DIR           a directory with tokenizer.json\n"
    "  --template text|pair|chat  every line must have this shape; without it each line's shape "
    "decides\n"
    "  --max-length N             cut to N tokens, as 'score' would\n"
    "  --literal-specials         special tokens spelled in a text stay text\n"
    "  --date YYYY-MM-DD          for chat templates that insert today's date\n"
    "  --help\n";

typedef struct arguments {
    const char *checkpoint, *template;
    lt_encoder_options options;
    bool help;
} arguments;

enum { CHECKPOINT = 256, TEMPLATE, MAX_LENGTH, LITERAL, DATE, HELP };

static const struct option long_options[] = {
    {"checkpoint", required_argument, NULL, CHECKPOINT},
    {"template", required_argument, NULL, TEMPLATE},
    {"max-length", required_argument, NULL, MAX_LENGTH},
    {"literal-specials", no_argument, NULL, LITERAL},
    {"date", required_argument, NULL, DATE},
    {"help", no_argument, NULL, HELP},
    {0},
};

static int read_option(int option, arguments *args)
{
    switch (option) {
    case CHECKPOINT:
        args->checkpoint = optarg;
        return 0;
    case TEMPLATE:
        args->template = optarg;
        return 0;
    case MAX_LENGTH:
        if (!lt_number_from(optarg, 1, UINT32_MAX, &args->options.max_length))
            return lt_command_usage(NAME, "--max-length is a number of tokens from 1, not '%s'",
                                    optarg);
        return 0;
    case LITERAL:
        args->options.literal_specials = true;
        return 0;
    case DATE:
        if (!lt_date_is_valid(optarg))
            return lt_command_usage(NAME, "--date is YYYY-MM-DD, not '%s'", optarg);
        args->options.date = optarg;
        return 0;
    default:
        args->help = true;
        return 0;
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

static void tokenize_row(const lt_encoder *encoder, lt_encoder_scratch *scratch,
                         const lt_row_in *row, lt_rows_out *out)
{
    lt_score score;
    lt_token_row tokens;
    if (row->problem) {
        lt_rows_out_error(out, row->problem);
        return;
    }
    lt_encoder_run(encoder, scratch, &row->item, &score, &tokens);
    /* no tokens is an answer here */
    if (score.reason != LEFTTAIL__FAILURE_REASON__FAILURE_NONE &&
        score.reason != LEFTTAIL__FAILURE_REASON__FAILURE_NO_TOKENS) {
        char text[256];
        snprintf(text, sizeof text, "line %llu: %s", (unsigned long long)row->line, score.detail);
        lt_rows_out_error(out, text);
        return;
    }
    lt_buf_puts(&out->buf, "{\"ids\":");
    lt_rows_out_ids(out, tokens.ids, tokens.count);
    lt_buf_puts(&out->buf, "}\n");
}

static lt_status tokenize_all(const lt_encoder *encoder, lt_rows_in *in, lt_rows_out *out,
                              lt_error *error)
{
    lt_encoder_scratch *scratch = lt_encoder_scratch_new(encoder);
    lt_status status;
    while ((status = lt_rows_in_next(in, error)) == LT_OK && in->row_count > 0 && !out->closed) {
        for (size_t i = 0; i < in->row_count; i++)
            tokenize_row(encoder, scratch, &in->rows[i], out);
        status = lt_rows_out_flush(out, error);
        if (status != LT_OK)
            break;
    }
    lt_encoder_scratch_free(&scratch);
    return status;
}

static lt_status run(const arguments *args, lt_rows_in *in, lt_rows_out *out, lt_error *error)
{
    lt_encoder *encoder;
    LT_TRY(lt_encoder_open(&encoder, args->checkpoint, &args->options, error));
    lt_status status =
        in->any_template ? LT_OK : lt_encoder_check_template(encoder, in->template, error);
    if (status == LT_OK)
        status = tokenize_all(encoder, in, out, error);
    lt_encoder_close(&encoder);
    return status;
}

int lt_command_tokenize(int argc, char **argv)
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
