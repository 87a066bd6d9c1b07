/* lefttail check JOB: everything that can be known about a job before work starts. */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "client/check_report.h"
#include "client/command.h"
#include "common/options.h"

static const char help[] =
    "lefttail check JOB [--json]\n\n"
    "Reads the job file, its tables and its checkpoints as a run would, joins prompts and "
    "responses,\n"
    "looks at every weight, tokenizes every text, and says what came of it: missing answers, "
    "token\n"
    "lengths and truncation per scorer, memory. Scores nothing and writes nothing.\n\n"
    "  lefttail check examples/xstest/job.yaml\n\n";

static int cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static lt_status check_job(const char *path, bool json, int threads, lt_error *error)
{
    lt_job *job = NULL;
    LT_TRY(lt_job_read(&job, path, error));
    lt_check check;
    lt_check_init(&check, job, threads);
    const lt_compile_options options = {
        .scan = true, .look = lt_check_look, .look_context = &check};
    lt_status status = lt_compile(job, &options, NULL, NULL, &check.manifest, error);
    if (status == LT_OK && json)
        status = lt_check_print_json(&check, stdout, error);
    else if (status == LT_OK)
        lt_check_print(&check, stdout);
    if (status == LT_OK && fflush(stdout) != 0)
        status = lt_fail_errno(error, "standard output", "cannot write");
    lt_check_fini(&check);
    lt_job_free(&job);
    return status;
}

int lt_command_check(int argc, char **argv)
{
    bool json = false, show_help = false;
    uint64_t threads = 0;
    const lt_option options[] = {
        {"json", LT_OPTION_FLAG, &json, NULL, "one JSON object, for programs"},
        {"threads", LT_OPTION_COUNT, &threads, "N", "threads that tokenize (default: all cores)"},
        {"help", LT_OPTION_FLAG, &show_help, NULL, "this"},
    };
    enum { OPTION_COUNT = sizeof options / sizeof *options };
    lt_error error = {0};
    int rest = 0;
    if (lt_options_read(options, OPTION_COUNT, argc, argv, &rest, &error) != LT_OK)
        return lt_command_fail("check", &error);
    if (show_help) {
        fputs(help, stdout);
        lt_options_help(options, OPTION_COUNT, stdout);
        return 0;
    }
    if (rest != 1)
        return lt_command_usage("check", rest == 0 ? "which job file?" : "one job file, please");
    if (threads == 0 || threads > 256)
        threads = (uint64_t)cores();
    if (check_job(argv[1], json, (int)threads, &error) != LT_OK)
        return lt_command_fail("check", &error);
    return 0;
}
