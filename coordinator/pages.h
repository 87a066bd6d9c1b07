/* Pages of a job's recorded rows, in manifest order: pack, then scorer, then item. */
#ifndef LT_COORDINATOR_PAGES_H
#define LT_COORDINATOR_PAGES_H

#include "coordinator/jobs.h"

struct lt_shell;

#define LT_PAGE_BYTES_TARGET (1u << 20) /* a page is closed when it passes this */
#define LT_PAGE_GROUPS_MAX 4096         /* (pack, scorer) pairs that one page looks at */

/* The page that begins at the cursor; it lives in shell->arena. The plan of an ended job is read
 * again when it is needed. A cursor behind the end gets an empty page that says so. LT_IO: a
 * damaged row, or the store. */
lt_status lt_pages_make(struct lt_shell *shell, lt_job *job, uint32_t pack_index,
                        uint32_t scorer_index, Lefttail__RowsReply **out, lt_error *error);

#endif
