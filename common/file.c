#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static lt_status read_all(int fd, const char *path, size_t bytes_max, lt_buf *out, lt_error *error)
{
    for (;;) {
        char *end = lt_buf_reserve(out, 64 << 10);
        const ssize_t got = read(fd, end, 64 << 10);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lt_fail_errno(error, path, "cannot read");
        if (got == 0)
            break;
        out->len += (size_t)got;
        if (out->len > bytes_max)
            return lt_fail(error, LT_LIMIT, path, "is larger than %zu bytes", bytes_max);
    }
    *lt_buf_reserve(out, 0) = '\0';
    return LT_OK;
}

lt_status lt_file_read(const char *path, size_t bytes_max, lt_buf *out, lt_error *error)
{
    lt_buf_clear(out);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lt_fail_errno(error, path, "cannot open");
    struct stat st;
    lt_status status = LT_OK;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        status = lt_expected(error, lt_fail(error, LT_INPUT, path, "is a folder"), "a file");
    else
        status = read_all(fd, path, bytes_max, out, error);
    close(fd);
    return status;
}

static lt_status write_all(int fd, const char *path, const char *bytes, size_t count,
                           lt_error *error)
{
    while (count > 0) {
        const ssize_t put = write(fd, bytes, count);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return lt_fail_errno(error, path, "cannot write");
        bytes += put;
        count -= (size_t)put;
    }
    if (fsync(fd) != 0)
        return lt_fail_errno(error, path, "cannot sync");
    return LT_OK;
}

lt_status lt_file_write(const char *path, const void *bytes, size_t count, lt_error *error)
{
    lt_buf temporary = {0};
    lt_buf_printf(&temporary, "%s.tmp-%d", path, (int)getpid());
    lt_status status;
    const int fd = open(lt_buf_str(&temporary), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = lt_fail_errno(error, path, "cannot create");
        goto out;
    }
    status = write_all(fd, path, bytes, count, error);
    close(fd);
    if (status == LT_OK && rename(lt_buf_str(&temporary), path) != 0)
        status = lt_fail_errno(error, path, "cannot rename into place");
    if (status != LT_OK) {
        unlink(lt_buf_str(&temporary));
        goto out;
    }
    char *dir = lt_path_dir(path);
    status = lt_dir_sync(dir, error);
    free(dir);
out:
    lt_buf_fini(&temporary);
    return status;
}

lt_status lt_dir_make(const char *path, lt_error *error)
{
    char *copy = lt_strdup(path);
    lt_status status = LT_OK;
    for (char *p = copy + 1; status == LT_OK && *copy; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        const char kept = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            status = lt_fail_errno(error, copy, "cannot make the folder");
        else if (!lt_dir_exists(copy))
            status = lt_expected(error, lt_fail(error, LT_INPUT, copy, "exists and is a file"),
                                 "a folder");
        *p = kept;
        if (kept == '\0')
            break;
    }
    free(copy);
    return status;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

lt_status lt_dir_remove(const char *path, lt_error *error)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return lt_fail_errno(error, path, "cannot remove");
    return LT_OK;
}

lt_status lt_dir_sync(const char *path, lt_error *error)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return lt_fail_errno(error, path, "cannot open the folder");
    lt_status status = LT_OK;
    if (fsync(fd) != 0 && errno != EINVAL)
        status = lt_fail_errno(error, path, "cannot sync the folder");
    close(fd);
    return status;
}

bool lt_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool lt_dir_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *lt_path_join(const char *dir, const char *name)
{
    if (name[0] == '/' || dir[0] == '\0')
        return lt_strdup(name);
    lt_buf path = {0};
    lt_buf_printf(&path, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return lt_buf_take(&path);
}

char *lt_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return lt_strdup(".");
    return lt_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

char *lt_path_absolute(const char *path)
{
    if (path[0] == '/')
        return lt_strdup(path);
    char *cwd = getcwd(NULL, 0);
    LT_ASSERT(cwd != NULL);
    char *joined = lt_path_join(cwd, path);
    free(cwd);
    return joined;
}
