/* Files and folders, with errors that name the path. */
#ifndef LT_COMMON_FILE_H
#define LT_COMMON_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/status.h"

/* The whole file into *out (cleared first). More than bytes_max is LT_LIMIT. "-" is not special. */
lt_status lt_file_read(const char *path, size_t bytes_max, lt_buf *out, lt_error *error);

/* Writes path.tmp-PID, syncs it, renames it over path, syncs the folder. A failure leaves the old
 * file and no temporary. */
lt_status lt_file_write(const char *path, const void *bytes, size_t count, lt_error *error);

lt_status lt_dir_make(const char *path, lt_error *error);      /* with parents; existing is fine */
lt_status lt_dir_remove(const char *path, lt_error *error);    /* the whole tree; missing is fine */
lt_status lt_dir_sync(const char *path, lt_error *error);
bool lt_file_exists(const char *path);                         /* a regular file, or a link to one */
bool lt_dir_exists(const char *path);

/* "dir/name", or name alone when it is absolute or dir is empty. Caller frees. */
char *lt_path_join(const char *dir, const char *name);
char *lt_path_dir(const char *path);                           /* "." for a bare name. Caller frees */
char *lt_path_absolute(const char *path);                      /* lexically against the cwd. Caller frees */

#endif
