#include "coordinator/report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

enum { PENDING_BYTES = 256 << 10 };

lt_status lt_output_open(lt_output *output, const char *dir, const char *name, lt_error *error)
{
    memset(output, 0, sizeof *output);
    output->path = lt_path_join(dir, name);
    const size_t room = strlen(output->path) + 32;
    output->temporary = lt_alloc(room);
    snprintf(output->temporary, room, "%s.tmp-%ld", output->path, (long)getpid());
    output->fd = open(output->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output->fd < 0)
        return lt_fail_errno(error, output->temporary, "cannot be made");
    return LT_OK;
}

static lt_status flush(lt_output *output, lt_error *error)
{
    size_t done = 0;
    while (done < output->pending.len) {
        const ssize_t count =
            write(output->fd, output->pending.data + done, output->pending.len - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return lt_fail_errno(error, output->temporary, "cannot be written");
        done += (size_t)count;
    }
    lt_buf_clear(&output->pending);
    return LT_OK;
}

lt_status lt_output_add(lt_output *output, const void *bytes, size_t count, lt_error *error)
{
    lt_buf_add(&output->pending, bytes, count);
    return output->pending.len < PENDING_BYTES ? LT_OK : flush(output, error);
}

lt_status lt_output_close(lt_output *output, lt_error *error)
{
    LT_TRY(flush(output, error));
    lt_buf_fini(&output->pending);
    lt_status status = LT_OK;
    if (fsync(output->fd) != 0)
        status = lt_fail_errno(error, output->temporary, "cannot be synced");
    if (close(output->fd) != 0 && status == LT_OK)
        status = lt_fail_errno(error, output->temporary, "cannot be closed");
    output->fd = -1;
    return status;
}

lt_status lt_output_publish(lt_output *output, lt_error *error)
{
    LT_ASSERT(output->fd < 0);
    if (rename(output->temporary, output->path) != 0)
        return lt_fail_errno(error, output->path, "cannot be put in place");
    free(output->temporary);
    output->temporary = NULL;
    return LT_OK;
}

void lt_output_drop(lt_output *output)
{
    if (output->fd >= 0)
        close(output->fd);
    if (output->temporary)
        unlink(output->temporary);
    free(output->temporary);
    free(output->path);
    lt_buf_fini(&output->pending);
    memset(output, 0, sizeof *output);
    output->fd = -1;
}
