/* lefttail watch JOB */
#include "client/command.h"
#include "client/follow.h"
#include "client/options.h"

static lt_status watch(const lt_client_options *options, const char *job, lt_error *error)
{
    lt_remote *remote;
    LT_TRY(lt_client_open(options, &remote, error));
    const lt_status status = lt_follow(remote, job, options->json, error);
    lt_remote_close(&remote);
    return status;
}

int lt_command_watch(int argc, char **argv)
{
    lt_client_options options = {0};
    int code = lt_client_options_read(&options, "watch",
                                      "Follows a job until it ends; exit code 0 when it is done. "
                                      "Stopping it does not stop the job.",
                                      "JOB", 1, "lefttail watch 3f2a", NULL, 0, argc, argv);
    lt_error error = {0};
    if (code < 0)
        code = watch(&options, argv[1], &error) == LT_OK ? 0 : lt_command_fail("watch", &error);
    lt_client_options_fini(&options);
    return code;
}
