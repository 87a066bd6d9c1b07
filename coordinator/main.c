/* lefttail-coordinator: settings, log, and the shell around the core. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"
#include "common/net/context.h"
#include "coordinator/settings.h"
#include "coordinator/shell.h"

static int fail(const lt_error *error, int exit_code)
{
    char text[LT_ERROR_TEXT_BYTES];
    fprintf(stderr, "lefttail-coordinator: %s\n", lt_error_text(error, text, sizeof text));
    return exit_code;
}

static lt_status open_log(const lt_settings *settings, lt_error *error)
{
    if (settings->log_file) {
        const int fd = open(settings->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
            return lt_fail_errno(error, settings->log_file, "cannot open the log");
        close(fd);
    }
    lt_log_init("coordinator", settings->log_level, settings->log_format);
    return LT_OK;
}

/* The parent may have ended before this took effect. */
static void die_with_parent(void)
{
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        raise(SIGTERM);
}

static int serve(const lt_settings *settings, lt_error *error)
{
    const lt_status status = open_log(settings, error);
    if (status != LT_OK)
        return fail(error, lt_status_exit_code(status));
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a full disk, not a death */
    if (settings->die_with_parent)
        die_with_parent();
    const int exit_code = lt_shell_run(settings, error);
    lt_net_fini();
    if (error->status != LT_OK)
        lt_log_failure(LT_LOG_ERROR, "failed", error);
    lt_log_info("stopped", "exit_code", "%u", (unsigned)exit_code, NULL);
    return exit_code;
}

int main(int argc, char **argv)
{
    lt_settings settings;
    lt_error error = {0};
    int exit_code = 0;
    const lt_status status = lt_settings_read(&settings, argc, argv, &error);
    if (status != LT_OK)
        exit_code = fail(&error, 2);
    else if (settings.help)
        lt_settings_help(stdout);
    else if (settings.version)
        puts("lefttail-coordinator " LT_VERSION);
    else
        exit_code = serve(&settings, &error);
    lt_settings_fini(&settings);
    return exit_code;
}
