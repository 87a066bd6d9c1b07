#include "client/run_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"

enum { SOCKETS_BYTES_MAX = 90 }; /* sun_path has 108: room for a slash, a name, a NUL */

static lt_status take_lock(lt_run_place *place, lt_error *error)
{
    char *path = lt_run_place_path(place, "lock");
    lt_status status = LT_OK;
    place->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (place->lock_fd < 0) {
        status = lt_fail_errno(error, path, "cannot open the lock");
    } else if (flock(place->lock_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        char owner[32] = "";
        if (read(place->lock_fd, owner, sizeof owner - 1) < 0)
            owner[0] = '\0';
        status = lt_fail(error, LT_CONFLICT, place->dir, "another run is at work here (process %s)",
                         owner[0] ? owner : "unknown");
        lt_remedy(error, status, "wait for it, or give this one another --out");
    } else {
        char owner[32];
        const int len = snprintf(owner, sizeof owner, "%d", (int)getpid());
        if (ftruncate(place->lock_fd, 0) != 0 ||
            pwrite(place->lock_fd, owner, (size_t)len, 0) != len)
            status = lt_fail_errno(error, path, "cannot write");
    }
    free(path);
    return status;
}

/* Sockets of a run that was killed; the lock says that nobody uses them. */
static void remove_stale_sockets(const lt_run_place *place)
{
    DIR *state = opendir(place->state);
    for (struct dirent *entry; state && (entry = readdir(state));) {
        if (strncmp(entry->d_name, "run-", 4) != 0)
            continue;
        char *path = lt_run_place_path(place, entry->d_name);
        lt_dir_remove(path, NULL);
        free(path);
    }
    if (state)
        closedir(state);
}

/* Beside the state when the path is short enough, else under TMPDIR, else under /tmp. */
static lt_status make_sockets(lt_run_place *place, lt_error *error)
{
    char *absolute = lt_path_absolute(place->state);
    const char *temporary = getenv("TMPDIR");
    const char *const parents[] = {absolute, temporary && temporary[0] == '/' ? temporary : "/tmp",
                                   "/tmp"};
    lt_status status = LT_IO;
    for (size_t i = 0; i < sizeof parents / sizeof *parents && status != LT_OK; i++) {
        lt_buf path = {0};
        lt_buf_printf(&path, "%s/%s-XXXXXX", parents[i], i == 0 ? "run" : "lefttail");
        if (path.len > SOCKETS_BYTES_MAX)
            lt_fail(error, LT_LIMIT, parents[i], "the path is too long for a socket");
        else if (!mkdtemp(path.data))
            lt_fail_errno(error, parents[i], "cannot make a folder for sockets");
        else
            status = LT_OK;
        if (status == LT_OK)
            place->sockets = lt_buf_take(&path);
        lt_buf_fini(&path);
    }
    free(absolute);
    return status == LT_OK ? LT_OK : error ? error->status : status;
}

lt_status lt_run_place_open(lt_run_place *place, const char *dir, lt_error *error)
{
    memset(place, 0, sizeof *place);
    place->lock_fd = -1;
    place->dir = lt_strdup(dir);
    place->state = lt_path_join(dir, ".lefttail");
    LT_TRY(lt_dir_make(place->state, error));
    LT_TRY(take_lock(place, error));
    remove_stale_sockets(place);
    return make_sockets(place, error);
}

void lt_run_place_close(lt_run_place *place)
{
    if (place->sockets)
        lt_dir_remove(place->sockets, NULL);
    if (place->lock_fd >= 0)
        close(place->lock_fd);
    free(place->sockets);
    free(place->state);
    free(place->dir);
    memset(place, 0, sizeof *place);
    place->lock_fd = -1;
}

char *lt_run_place_path(const lt_run_place *place, const char *name)
{
    return lt_path_join(place->state, name);
}

char *lt_run_place_endpoint(const lt_run_place *place, const char *name)
{
    lt_buf endpoint = {0};
    lt_buf_printf(&endpoint, "ipc://%s/%s", place->sockets, name);
    return lt_buf_take(&endpoint);
}

void lt_run_place_job(const char *dir, char id[17])
{
    char *state = lt_path_join(dir, ".lefttail");
    char *path = lt_path_join(state, "job");
    lt_buf text = {0};
    id[0] = '\0';
    if (lt_file_read(path, 64, &text, NULL) == LT_OK &&
        strspn(lt_buf_str(&text), "0123456789abcdef") == 16) {
        memcpy(id, text.data, 16);
        id[16] = '\0';
    }
    lt_buf_fini(&text);
    free(path);
    free(state);
}

lt_status lt_run_place_set_job(const lt_run_place *place, const char *id, lt_error *error)
{
    char *path = lt_run_place_path(place, "job");
    char text[24];
    const int len = snprintf(text, sizeof text, "%s\n", id);
    const lt_status status = lt_file_write(path, text, (size_t)len, error);
    free(path);
    return status;
}
