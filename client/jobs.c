/* lefttail jobs */
#include "client/command.h"
#include "client/job_view.h"
#include "client/options.h"
#include "common/wire.h"

static lt_status list_jobs(const lt_client_options *options, lt_error *error)
{
    lt_remote *remote;
    Lefttail__Message *reply = NULL;
    LT_TRY(lt_client_open(options, &remote, error));
    lt_status status = lt_remote_status(remote, NULL, &reply, error);
    lt_remote_close(&remote);
    if (status != LT_OK)
        return status;
    const Lefttail__StatusReply *jobs = reply->status_reply;
    if (options->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < jobs->n_jobs; i++)
            json_array_append_new(list, lt_job_json(jobs->jobs[i], NULL));
        status = lt_json_print(json_pack("{s:o}", "jobs", list), error);
    } else if (jobs->n_jobs == 0) {
        puts("no jobs");
    } else {
        lt_job_print_head(stdout);
        for (size_t i = 0; i < jobs->n_jobs; i++)
            lt_job_print_line(stdout, jobs->jobs[i]);
    }
    lt_wire_free(&reply);
    return status;
}

int lt_command_jobs(int argc, char **argv)
{
    lt_client_options options = {0};
    int code = lt_client_options_read(
        &options, "jobs", "Lists the jobs of a coordinator, the oldest first.", NULL, 0,
        "lefttail jobs --coordinator tcp://10.0.0.1:7302", NULL, 0, argc, argv);
    lt_error error = {0};
    if (code < 0)
        code = list_jobs(&options, &error) == LT_OK ? 0 : lt_command_fail("jobs", &error);
    lt_client_options_fini(&options);
    return code;
}
