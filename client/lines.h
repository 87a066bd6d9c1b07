/* Lines from a file descriptor, with a bound on their length, and without waiting longer than there
 * is a reason to: a program that answers line by line must know when nothing more is ready. */
#ifndef LT_CLIENT_LINES_H
#define LT_CLIENT_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/status.h"

typedef struct lt_lines {
    int fd;                 /* borrowed */
    lt_buf buf;
    size_t at;              /* first byte that was not handed out */
    size_t searched;        /* no line feed in [at, searched) */
    uint64_t number;        /* of the last line handed out; from 1 */
    bool ended;             /* end of file */
    bool skipping;          /* inside a line that is too long */
} lt_lines;

typedef enum lt_line_kind {
    LT_LINE_TEXT,           /* a line, without its line feed */
    LT_LINE_TOO_LONG,       /* more than LT_TABLE_LINE_BYTES_MAX bytes; skipped */
    LT_LINE_NOT_READY,      /* nothing complete without waiting */
    LT_LINE_END,
} lt_line_kind;

void lt_lines_init(lt_lines *lines, int fd);
void lt_lines_fini(lt_lines *lines);

/* The next line; *text stays valid until the next call. A last line needs no line feed. Waits only
 * if `wait`. A byte order mark at the start of the file is left out. LT_IO: cannot read. */
lt_status lt_lines_next(lt_lines *lines, bool wait, lt_line_kind *kind, const char **text, size_t *len,
                        lt_error *error);

#endif
