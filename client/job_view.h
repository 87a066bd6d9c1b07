/* What the coordinator says of jobs, for a program (JSON) and for a person (lines). */
#ifndef LT_CLIENT_JOB_VIEW_H
#define LT_CLIENT_JOB_VIEW_H

#include <jansson.h>
#include <stdio.h>

#include "client/remote.h"

const char *lt_job_state_word(Lefttail__JobState state); /* "running", "done", "cancelled" */

/* A new reference. With a manifest (may be NULL), cells carry the names of variant, set and scorer. */
json_t *lt_job_json(const Lefttail__JobStatus *job, const Lefttail__Manifest *manifest);

/* One line for a list of jobs; lt_job_print_head prints the words above. */
void lt_job_print_head(FILE *out);
void lt_job_print_line(FILE *out, const Lefttail__JobStatus *job);

/* A job in full: its account, and a line per cell (estimates while it runs). */
void lt_job_print(FILE *out, const Lefttail__JobStatus *job, const Lefttail__Manifest *manifest);

/* Prints as one line and frees. LT_IO when standard output cannot take it. */
lt_status lt_json_print(json_t *json, lt_error *error);

/* Brings the manifest of a job; freed with lefttail__manifest__free_unpacked. */
lt_status lt_job_manifest(lt_remote *remote, const Lefttail__JobStatus *job, Lefttail__Manifest **out, lt_error *error);

#endif
