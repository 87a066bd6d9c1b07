/* From a job file to a job on a coordinator: compiles it, brings what is missing, submits. Used by
 * submit and run. */
#ifndef LT_CLIENT_SEND_H
#define LT_CLIENT_SEND_H

#include "client/compile.h"
#include "client/remote.h"

/* Nothing is sent before the whole job is found to be good (its packs wait in an unlinked temporary
 * file). *reply is a job_reply; free with lt_wire_free. */
lt_status lt_send_job(lt_remote *remote, const lt_job *job, const lt_compile_options *options,
                      lt_remote_progress_fn *on_progress, void *context, Lefttail__Message **reply,
                      lt_error *error);

#endif
