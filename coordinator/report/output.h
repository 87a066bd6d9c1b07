/* A few files that appear together: written under temporary names, renamed when all are complete.
 */
#ifndef LT_REPORT_OUTPUT_H
#define LT_REPORT_OUTPUT_H

#include "common/buf.h"
#include "common/status.h"

typedef struct lt_output {
    char *path, *temporary; /* owned */
    int fd;                 /* -1: closed */
    lt_buf pending;
} lt_output;

/* Opens DIR/NAME.tmp-PID. The output is safe to drop from here on, after failures too. */
lt_status lt_output_open(lt_output *output, const char *dir, const char *name, lt_error *error);
lt_status lt_output_add(lt_output *output, const void *bytes, size_t count, lt_error *error);
lt_status lt_output_close(lt_output *output, lt_error *error);   /* flush, sync, close: complete */
lt_status lt_output_publish(lt_output *output, lt_error *error); /* rename; after close only */
void lt_output_drop(
    lt_output *output); /* removes what was not published, frees; safe on {.fd = -1} */

#endif
