/* A job on a coordinator as the source of a report (coordinator/report/report.h). Rows are brought
 * once, in pages, into an unlinked temporary file; packs are brought when they are read. Used by
 * rows, report and run. */
#ifndef LT_CLIENT_JOB_SOURCE_H
#define LT_CLIENT_JOB_SOURCE_H

#include <stdio.h>

#include "client/remote.h"
#include "coordinator/report/report.h"

typedef struct lt_job_source {
    lt_report_source source; /* valid from open until close */
    lt_remote *remote;       /* borrowed */
    Lefttail__Manifest *manifest;
    FILE *spool; /* length, packed RowGroup, ... */
    lt_buf bytes;
    char job[17];             /* the whole id */
    Lefttail__JobState state; /* when it was opened */
} lt_job_source;

/* `job` is an id or a unique prefix of it. Brings the manifest and all rows that are recorded now.
 */
lt_status lt_job_source_open(lt_job_source *source, lt_remote *remote, const char *job,
                             lt_error *error);
void lt_job_source_close(lt_job_source *source); /* safe on zeroed memory */

/* Makes the report of a job in `dir` (lt_report_make with the present time). `summary` may be NULL.
 */
lt_status lt_job_report(lt_remote *remote, const char *job, const char *dir, lt_buf *summary,
                        lt_error *error);

#endif
