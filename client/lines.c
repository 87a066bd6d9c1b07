#include "client/lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"

enum { READ_BYTES = 256 << 10 };

void lt_lines_init(lt_lines *lines, int fd)
{
    *lines = (lt_lines){.fd = fd};
}

void lt_lines_fini(lt_lines *lines)
{
    lt_buf_fini(&lines->buf);
}

/* Moves what is left to the front, so that the buffer does not grow with the file. */
static void compact(lt_lines *lines)
{
    if (lines->at == 0)
        return;
    lines->buf.len -= lines->at;
    memmove(lines->buf.data, lines->buf.data + lines->at, lines->buf.len);
    lines->searched -= lines->at;
    lines->at = 0;
}

static bool is_ready(const lt_lines *lines)
{
    struct pollfd fd = {.fd = lines->fd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

/* Reads once. */
static lt_status fill(lt_lines *lines, lt_error *error)
{
    compact(lines);
    char *end = lt_buf_reserve(&lines->buf, READ_BYTES);
    ssize_t got;
    do
        got = read(lines->fd, end, READ_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return lt_fail_errno(error, "standard input", "cannot read");
    lines->buf.len += (size_t)got;
    lines->ended = got == 0;
    if (lines->number == 0 && lines->at == 0 && lines->buf.len >= 3 &&
        memcmp(lines->buf.data, "\xef\xbb\xbf", 3) == 0)
        lines->at = lines->searched = 3;
    return LT_OK;
}

/* A complete line out of the buffer, if there is one. */
static bool take(lt_lines *lines, lt_line_kind *kind, const char **text, size_t *len)
{
    const size_t from = lines->searched > lines->at ? lines->searched : lines->at;
    const char *feed =
        lines->buf.len > from ? memchr(lines->buf.data + from, '\n', lines->buf.len - from) : NULL;
    const size_t end = feed ? (size_t)(feed - lines->buf.data) : lines->buf.len;
    if (!feed && end - lines->at > LT_TABLE_LINE_BYTES_MAX) { /* drop it as it comes */
        lines->skipping = true;
        lines->at = end;
    }
    lines->searched = end;
    if (!feed && (!lines->ended || (end == lines->at && !lines->skipping)))
        return false;
    *text = lines->buf.data + lines->at;
    *len = end - lines->at;
    *kind = lines->skipping || *len > LT_TABLE_LINE_BYTES_MAX ? LT_LINE_TOO_LONG : LT_LINE_TEXT;
    lines->skipping = false;
    lines->at = lines->searched = end + (feed != NULL);
    lines->number++;
    return true;
}

lt_status lt_lines_next(lt_lines *lines, bool wait, lt_line_kind *kind, const char **text,
                        size_t *len, lt_error *error)
{
    while (!take(lines, kind, text, len)) {
        *kind = lines->ended ? LT_LINE_END : LT_LINE_NOT_READY;
        if (lines->ended || (!wait && !is_ready(lines)))
            return LT_OK;
        LT_TRY(fill(lines, error));
    }
    return LT_OK;
}
