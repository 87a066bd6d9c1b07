/* lefttail submit JOB */
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/follow.h"
#include "client/job_view.h"
#include "client/options.h"
#include "client/send.h"
#include "common/wire.h"

static void on_upload(void *context, uint64_t bytes_there, uint64_t bytes_all)
{
    bool *drawn = context;
    if (isatty(STDERR_FILENO) != 1)
        return;
    fprintf(stderr, "\rsending: %.1f of %.1f MB ", (double)bytes_there / 1e6,
            (double)bytes_all / 1e6);
    *drawn = true;
}

/* Sends the job; its id ends up in `id`. */
static lt_status send_job(const lt_client_options *options, lt_remote *remote, const lt_job *job,
                          const lt_compile_options *compile, char id[17], lt_error *error)
{
    Lefttail__Message *reply = NULL;
    bool drawn = false;
    lt_status status = lt_send_job(remote, job, compile, on_upload, &drawn, &reply, error);
    if (drawn)
        fputs("\n", stderr);
    if (status != LT_OK)
        return status;
    const Lefttail__JobStatus *sent = reply->job_reply->job;
    snprintf(id, 17, "%s", sent->job);
    if (options->json) {
        json_t *json = lt_job_json(sent, NULL);
        json_object_set_new(json, "existed", json_boolean(reply->job_reply->existed));
        status = lt_json_print(json, error);
    } else {
        printf("job %s %s: %llu rows, %llu known already\n", sent->job,
               reply->job_reply->existed ? "was here" : "submitted",
               (unsigned long long)sent->rows_expected,
               (unsigned long long)(sent->rows_scored + sent->rows_failed));
        fflush(stdout);
    }
    lt_wire_free(&reply);
    return status;
}

static lt_status submit(const lt_client_options *options, const char *path, uint64_t shard_items,
                        bool follow, lt_error *error)
{
    lt_job *job = NULL;
    LT_TRY(lt_job_read(&job, path, error));
    lt_remote *remote = NULL;
    const lt_compile_options compile = {.shard_items = (uint32_t)shard_items, .scan = true};
    char id[17];
    lt_status status = lt_client_open(options, &remote, error);
    if (status == LT_OK)
        status = send_job(options, remote, job, &compile, id, error);
    if (status == LT_OK && follow)
        status = lt_follow(remote, id, options->json, error);
    lt_remote_close(&remote);
    lt_job_free(&job);
    return status;
}

int lt_command_submit(int argc, char **argv)
{
    bool follow = false;
    uint64_t shard_items = 0;
    const lt_option more[] = {
        {"watch", LT_OPTION_FLAG, &follow, NULL, "follow the job until it ends"},
        {"shard-items", LT_OPTION_COUNT, &shard_items, "N",
         "answers in one unit of work (default: 64)"},
    };
    lt_client_options options = {0};
    int code = lt_client_options_read(
        &options, "submit",
        "Checks a job, sends its texts and checkpoints to a coordinator, and leaves it there. The "
        "same\n"
        "work submitted twice is one job. Prints the job's id.",
        "JOB.yaml", 1, "lefttail submit job.yaml --coordinator tcp://10.0.0.1:7302 --keys keys",
        more, 2, argc, argv);
    if (code < 0 && shard_items > LT_PACK_ITEMS_MAX)
        code = lt_command_usage("submit", "--shard-items is %llu; 1 to %d are allowed",
                                (unsigned long long)shard_items, LT_PACK_ITEMS_MAX);
    lt_error error = {0};
    if (code < 0)
        code = submit(&options, argv[1], shard_items, follow, &error) == LT_OK
                   ? 0
                   : lt_command_fail("submit", &error);
    lt_client_options_fini(&options);
    return code;
}
