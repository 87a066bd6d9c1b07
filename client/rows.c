/* lefttail rows JOB [--format jsonl|csv] [--out FILE] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/job_source.h"
#include "client/options.h"
#include "coordinator/report/output.h"

static lt_status to_stdout(void *context, const char *bytes, size_t count, lt_error *error)
{
    (void)context;
    if (fwrite(bytes, 1, count, stdout) == count)
        return LT_OK;
    return lt_fail_errno(error, "standard output", "cannot be written");
}

static lt_status to_file(void *context, const char *bytes, size_t count, lt_error *error)
{
    return lt_output_add(context, bytes, count, error);
}

static lt_status write_file(const lt_report_source *source, lt_rows_format format, const char *path,
                            lt_error *error)
{
    lt_output output = {.fd = -1};
    lt_status status = lt_output_open(&output, "", path, error);
    if (status == LT_OK)
        status = lt_report_rows(source, format, to_file, &output, error);
    if (status == LT_OK)
        status = lt_output_close(&output, error);
    if (status == LT_OK)
        status = lt_output_publish(&output, error);
    lt_output_drop(&output);
    return status;
}

static lt_status write_rows(const lt_client_options *options, const char *job,
                            lt_rows_format format, const char *path, lt_error *error)
{
    lt_remote *remote = NULL;
    lt_job_source source;
    LT_TRY(lt_client_open(options, &remote, error));
    lt_status status = lt_job_source_open(&source, remote, job, error);
    if (status == LT_OK) {
        if (path)
            status = write_file(&source.source, format, path, error);
        else
            status = lt_report_rows(&source.source, format, to_stdout, NULL, error);
        if (status == LT_OK && fflush(stdout) != 0)
            status = lt_fail_errno(error, "standard output", "cannot be written");
        lt_job_source_close(&source);
    }
    lt_remote_close(&remote);
    return status;
}

static bool format_from(const char *word, lt_rows_format *out)
{
    *out = word && strcmp(word, "csv") == 0 ? LT_ROWS_CSV : LT_ROWS_JSONL;
    return !word || strcmp(word, "csv") == 0 || strcmp(word, "jsonl") == 0;
}

int lt_command_rows(int argc, char **argv)
{
    char *path = NULL, *word = NULL;
    lt_rows_format format;
    const lt_option more[] = {
        {"format", LT_OPTION_TEXT, &word, "FORMAT", "jsonl (the default) or csv"},
        {"out", LT_OPTION_TEXT, &path, "FILE",
         "instead of standard output; appears when it is complete"},
    };
    lt_client_options options = {0};
    int code = lt_client_options_read(
        &options, "rows", "Every row of a job: texts, raw logits, score or label, flags.", "JOB", 1,
        "lefttail rows 3f2a --format csv --out rows.csv", more, 2, argc, argv);
    if (code < 0 && !format_from(word, &format))
        code = lt_command_usage("rows", "there is no format '%s'; jsonl and csv are there", word);
    if (code < 0) {
        lt_error error = {0};
        code = write_rows(&options, argv[1], format, path, &error) == LT_OK
                   ? 0
                   : lt_command_fail("rows", &error);
    }
    free(path);
    free(word);
    lt_client_options_fini(&options);
    return code;
}
