#include "client/follow.h"

#include <string.h>

#include "client/job_view.h"
#include "client/progress.h"
#include "common/clock.h"

typedef struct follower {
    lt_progress progress;
    bool json;
    Lefttail__JobState state;
    lt_status status; /* of standard output */
    lt_error *error;
} follower;

static json_t *event_json(const Lefttail__WatchEvent *event)
{
    char when[32];
    json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:i}", "sequence", (json_int_t)event->sequence,
                             "time", lt_wall_text(event->wall_ms, when), "event", event->event,
                             "text", event->text, "workers", (int)event->workers);
    LT_ASSERT(json != NULL);
    if (event->job)
        json_object_set_new(json, "job", lt_job_json(event->job, NULL));
    return json;
}

static bool on_event(void *context, const Lefttail__WatchEvent *event)
{
    follower *f = context;
    if (event->job)
        f->state = event->job->state;
    if (f->json) {
        f->status = lt_json_print(event_json(event), f->error);
        return f->status == LT_OK;
    }
    if (strcmp(event->event, "progress") != 0 && event->text[0])
        lt_progress_note(&f->progress, "%s: %s", event->event, event->text);
    if (event->job)
        lt_progress_show(&f->progress, event->job, event->workers,
                         f->state != LEFTTAIL__JOB_STATE__JOB_RUNNING);
    return true;
}

lt_status lt_follow(lt_remote *remote, const char *job, bool json, lt_error *error)
{
    follower f = {.json = json, .error = error};
    lt_progress_init(&f.progress);
    lt_status status = lt_remote_watch(remote, job, on_event, &f, error);
    lt_progress_end(&f.progress);
    if (status == LT_OK)
        status = f.status;
    if (status == LT_OK && f.state == LEFTTAIL__JOB_STATE__JOB_CANCELLED)
        status = lt_fail(error, LT_FAILED, job, "the job was cancelled");
    return status;
}
