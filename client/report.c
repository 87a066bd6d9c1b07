/* lefttail report JOB --out DIR */
#include <stdio.h>
#include <stdlib.h>

#include "client/command.h"
#include "client/job_source.h"
#include "client/options.h"

static lt_status make_report(const lt_client_options *options, const char *job, const char *dir,
                             lt_error *error)
{
    lt_remote *remote = NULL;
    LT_TRY(lt_client_open(options, &remote, error));
    lt_buf summary = {0};
    const lt_status status = lt_job_report(remote, job, dir, &summary, error);
    if (status == LT_OK && !options->json)
        fputs(lt_buf_str(&summary), stdout);
    else if (status == LT_OK)
        printf("{\"files\":[\"report.html\",\"report.json\",\"rows.jsonl\",\"cells.csv\"]}\n");
    lt_buf_fini(&summary);
    lt_remote_close(&remote);
    return status;
}

int lt_command_report(int argc, char **argv)
{
    char *dir = NULL;
    const lt_option more[] = {
        {"out", LT_OPTION_TEXT, &dir, "DIR", "where the four files go (made if it is missing)"},
    };
    lt_client_options options = {0};
    int code = lt_client_options_read(
        &options, "report",
        "Makes the report of a job: report.html, report.json, rows.jsonl, cells.csv.", "JOB", 1,
        "lefttail report 3f2a --out report", more, 1, argc, argv);
    if (code < 0 && !dir)
        code = lt_command_usage("report", "--out DIR is missing");
    if (code < 0) {
        lt_error error = {0};
        code = make_report(&options, argv[1], dir, &error) == LT_OK
                   ? 0
                   : lt_command_fail("report", &error);
    }
    free(dir);
    lt_client_options_fini(&options);
    return code;
}
