/* lefttail status JOB */
#include "client/command.h"
#include "client/job_view.h"
#include "client/options.h"
#include "common/wire.h"

static lt_status show(lt_remote *remote, const Lefttail__JobStatus *job, bool json, lt_error *error)
{
    Lefttail__Manifest *manifest;
    LT_TRY(lt_job_manifest(remote, job, &manifest, error));
    lt_status status = LT_OK;
    if (json)
        status = lt_json_print(lt_job_json(job, manifest), error);
    else
        lt_job_print(stdout, job, manifest);
    lefttail__manifest__free_unpacked(manifest, NULL);
    return status;
}

static lt_status show_status(const lt_client_options *options, const char *name, lt_error *error)
{
    lt_remote *remote;
    Lefttail__Message *reply = NULL;
    LT_TRY(lt_client_open(options, &remote, error));
    lt_status status = lt_remote_status(remote, name, &reply, error);
    if (status == LT_OK && reply->status_reply->n_jobs != 1)
        status = lt_fail(error, LT_NOT_FOUND, name, "there is no such job");
    if (status == LT_OK)
        status = show(remote, reply->status_reply->jobs[0], options->json, error);
    lt_wire_free(&reply);
    lt_remote_close(&remote);
    return status;
}

int lt_command_status(int argc, char **argv)
{
    lt_client_options options = {0};
    int code = lt_client_options_read(
        &options, "status",
        "Shows how far a job is, with the estimates so far. JOB is its id or the beginning of it.",
        "JOB", 1, "lefttail status 3f2a", NULL, 0, argc, argv);
    lt_error error = {0};
    if (code < 0)
        code =
            show_status(&options, argv[1], &error) == LT_OK ? 0 : lt_command_fail("status", &error);
    lt_client_options_fini(&options);
    return code;
}
