/* lefttail cancel JOB */
#include "client/command.h"
#include "client/job_view.h"
#include "client/options.h"
#include "common/wire.h"

static lt_status cancel(const lt_client_options *options, const char *name, lt_error *error)
{
    lt_remote *remote;
    Lefttail__Message *reply = NULL;
    LT_TRY(lt_client_open(options, &remote, error));
    lt_status status = lt_remote_cancel(remote, name, &reply, error);
    lt_remote_close(&remote);
    if (status != LT_OK)
        return status;
    const Lefttail__JobStatus *job = reply->job_reply->job;
    if (options->json)
        status = lt_json_print(lt_job_json(job, NULL), error);
    else
        printf("%s is %s; its %llu rows stay, and a new submission goes on from them\n", job->job,
               lt_job_state_word(job->state),
               (unsigned long long)(job->rows_scored + job->rows_failed));
    lt_wire_free(&reply);
    return status;
}

int lt_command_cancel(int argc, char **argv)
{
    lt_client_options options = {0};
    int code =
        lt_client_options_read(&options, "cancel", "Stops a job. What is recorded stays recorded.",
                               "JOB", 1, "lefttail cancel 3f2a", NULL, 0, argc, argv);
    lt_error error = {0};
    if (code < 0)
        code = cancel(&options, argv[1], &error) == LT_OK ? 0 : lt_command_fail("cancel", &error);
    lt_client_options_fini(&options);
    return code;
}
