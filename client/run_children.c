/* Children get a process group of their own, so that Ctrl-C in a terminal reaches the run alone and
 * the run decides what stops when. They are told to die with their parent, so that a SIGKILL of the
 * run leaves nothing behind. */
#include "client/run_children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/file.h"

enum {
    QUICK_MS = 5000,      /* a life shorter than this counts as a quick death */
    QUICK_DEATHS_MAX = 6, /* in a row; a test that kills on purpose kills fewer */
    BACKOFF_MS = 100,     /* doubled for every quick death */
    BACKOFF_MS_MAX = 5000,
    STOP_POLL_MS = 10,
    LOG_TAIL_BYTES = 4096,
};

extern char **environ;

lt_status lt_program_path(const char *name, char **out, lt_error *error)
{
    char self[4096];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0)
        return lt_fail_errno(error, "/proc/self/exe", "cannot tell where this program lies");
    self[len] = '\0';
    char *dir = lt_path_dir(self);
    *out = lt_path_join(dir, name);
    free(dir);
    if (access(*out, X_OK) == 0)
        return LT_OK;
    const lt_status status = lt_fail_errno(error, *out, "cannot run this program");
    lt_remedy(error, status,
              "lefttail, lefttail-coordinator and lefttail-worker belong in one folder");
    free(*out);
    *out = NULL;
    return status;
}

/* Standard input from /dev/null; output and errors to the log, or to our standard error. */
static void redirect(posix_spawn_file_actions_t *actions, const char *log_path, bool first)
{
    posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (log_path)
        posix_spawn_file_actions_addopen(actions, STDERR_FILENO, log_path,
                                         O_WRONLY | O_CREAT | O_APPEND | (first ? O_TRUNC : 0),
                                         0644);
    posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO);
}

static lt_status start(lt_child *child, lt_error *error)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    LT_ASSERT(posix_spawn_file_actions_init(&actions) == 0 &&
              posix_spawnattr_init(&attributes) == 0);
    redirect(&actions, child->log_path, child->deaths == 0);
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK);
    errno = posix_spawn(&child->pid, child->argv[0], &actions, &attributes, child->argv, environ);
    const int failure = errno;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    child->started_ms = lt_now_ms();
    if (failure == 0)
        return LT_OK;
    child->pid = 0;
    errno = failure;
    return lt_fail_errno(error, child->argv[0], "cannot start");
}

static char **copy_argv(const char *const *argv)
{
    size_t count = 0;
    while (argv[count])
        count++;
    char **copy = lt_alloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = lt_strdup(argv[i]);
    return copy;
}

lt_status lt_children_add(lt_children *children, const char *name, const char *log_path,
                          const char *const *argv, lt_error *error)
{
    children->children =
        lt_realloc(children->children, (children->count + 1) * sizeof *children->children);
    lt_child *child = &children->children[children->count++];
    memset(child, 0, sizeof *child);
    child->name = lt_strdup(name);
    child->argv = copy_argv(argv);
    child->log_path = log_path ? lt_strdup(log_path) : NULL;
    return start(child, error);
}

/* The last line of a child's log that speaks of an error, else its last line; "" when there is
 * none. */
static void last_words(const lt_child *child, char *out, size_t out_bytes)
{
    out[0] = '\0';
    FILE *log = child->log_path ? fopen(child->log_path, "rb") : NULL;
    if (!log)
        return;
    char line[1024];
    bool error = false;
    if (fseek(log, -(long)LOG_TAIL_BYTES, SEEK_END) != 0)
        rewind(log);
    while (fgets(line, sizeof line, log)) {
        const bool here = strstr(line, "error") != NULL;
        if (error && !here)
            continue;
        error = here;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, out_bytes, "%.380s", line);
    }
    fclose(log);
}

static void how_it_ended(int status, char out[64])
{
    if (WIFSIGNALED(status))
        snprintf(out, 64, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(out, 64, "exit code %d", WEXITSTATUS(status));
}

/* True if it may be started again. */
static bool bury(lt_children *children, lt_child *child, int status)
{
    const uint64_t now = lt_now_ms();
    char how[64];
    how_it_ended(status, how);
    child->pid = 0;
    child->deaths++;
    child->quick_deaths = now - child->started_ms < QUICK_MS ? child->quick_deaths + 1 : 1;
    if (child->quick_deaths > QUICK_DEATHS_MAX) {
        char line[400];
        last_words(child, line, sizeof line);
        lt_fail(&children->error, LT_FAILED, child->name,
                "ended %u times in a row, the last with %s%s%s", child->quick_deaths, how,
                line[0] ? ": " : "", line);
        if (child->log_path)
            lt_remedy(&children->error, LT_FAILED, "its log is %s", child->log_path);
        return false;
    }
    if (children->on_death)
        children->on_death(children->context, child->name, how);
    uint64_t pause = (uint64_t)BACKOFF_MS << (child->quick_deaths - 1);
    child->start_at_ms = now + (pause < BACKOFF_MS_MAX ? pause : BACKOFF_MS_MAX);
    return true;
}

bool lt_children_poll(lt_children *children)
{
    if (children->error.status != LT_OK)
        return false;
    for (size_t i = 0; i < children->count; i++) {
        lt_child *child = &children->children[i];
        int status;
        if (child->pid && waitpid(child->pid, &status, WNOHANG) == child->pid &&
            !bury(children, child, status))
            return false;
        if (child->pid == 0 && lt_now_ms() >= child->start_at_ms &&
            start(child, &children->error) != LT_OK)
            return false;
    }
    return true;
}

static void forget(lt_child *child)
{
    for (char **arg = child->argv; *arg; arg++)
        free(*arg);
    free(child->argv);
    free(child->name);
    free(child->log_path);
    memset(child, 0, sizeof *child);
}

static bool any_left(const lt_children *children, size_t first)
{
    bool left = false;
    for (size_t i = first; i < children->count; i++) {
        lt_child *child = &children->children[i];
        if (child->pid && waitpid(child->pid, NULL, WNOHANG) == child->pid)
            child->pid = 0;
        left = left || child->pid;
    }
    return left;
}

static void signal_all(const lt_children *children, size_t first, int number)
{
    for (size_t i = first; i < children->count; i++)
        if (children->children[i].pid)
            kill(children->children[i].pid, number);
}

void lt_children_stop(lt_children *children, size_t first, uint64_t bound_ms,
                      bool (*hurry)(void *context), void *context)
{
    const uint64_t until = lt_now_ms() + bound_ms;
    signal_all(children, first, SIGTERM);
    while (any_left(children, first)) {
        if (lt_now_ms() >= until || (hurry && hurry(context)))
            signal_all(children, first, SIGKILL);
        usleep(STOP_POLL_MS * 1000);
    }
    for (size_t i = first; i < children->count; i++)
        forget(&children->children[i]);
    children->count = first < children->count ? first : children->count;
}

void lt_children_fini(lt_children *children)
{
    lt_children_stop(children, 0, 0, NULL, NULL);
    free(children->children);
    children->children = NULL;
}
