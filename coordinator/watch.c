#include "coordinator/watch.h"

#include <stdarg.h>
#include <stdio.h>

#include "coordinator/figures.h"
#include "coordinator/shell.h"

static void drop_at(lt_watchers *watchers, size_t i)
{
    watchers->list[i] = watchers->list[--watchers->count];
}

static bool has_ended(const lt_job *job)
{
    return job->record.state != LEFTTAIL__JOB_STATE__JOB_RUNNING;
}

lt_status lt_watch_add(lt_shell *shell, lt_peer peer, uint64_t request, lt_job *job,
                       uint64_t after_sequence, lt_error *error)
{
    lt_watchers *watchers = &shell->watchers;
    size_t of_peer = 0;
    for (size_t i = 0; i < watchers->count; i++) {
        if (watchers->list[i].peer == peer &&
            watchers->list[i].job == job) { /* asked again: one stream */
            watchers->list[i] = (struct lt_watcher){peer, request, job, after_sequence};
            return LT_OK;
        }
        of_peer += watchers->list[i].peer == peer;
    }
    if (watchers->count >= LT_WATCHERS_MAX || of_peer >= LT_WATCHES_PER_CLIENT_MAX)
        return lt_remedy(error, lt_fail(error, LT_LIMIT, NULL, "too many watch already"),
                         "try again, or ask for the status");
    /* An ended job without a kept event (the coordinator was restarted since) still gets its end.
     */
    if (has_ended(job) && !lt_events_after(&job->events, after_sequence))
        lt_events_add(&job->events,
                      job->record.state == LEFTTAIL__JOB_STATE__JOB_DONE ? "job_done"
                                                                         : "job_cancelled",
                      "ended before");
    watchers->list[watchers->count++] = (struct lt_watcher){peer, request, job, after_sequence};
    return LT_OK;
}

void lt_watch_drop_peer(lt_shell *shell, lt_peer peer)
{
    for (size_t i = shell->watchers.count; i-- > 0;)
        if (shell->watchers.list[i].peer == peer)
            drop_at(&shell->watchers, i);
}

void lt_watch_drop_job(lt_shell *shell, const lt_job *job)
{
    for (size_t i = shell->watchers.count; i-- > 0;)
        if (shell->watchers.list[i].job == job)
            drop_at(&shell->watchers, i);
}

static void send_event(lt_shell *shell, const struct lt_watcher *watcher,
                       const lt_happening *happening)
{
    Lefttail__WatchEvent event;
    lefttail__watch_event__init(&event);
    event.sequence = happening->sequence;
    event.wall_ms = happening->wall_ms;
    event.event = (char *)happening->word;
    event.text = (char *)happening->text;
    event.job = lt_figures_job(shell, watcher->job, true, &shell->arena);
    event.workers = lt_peers_worker_count(&shell->worker_peers);
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.body_case = LEFTTAIL__MESSAGE__BODY_WATCH_EVENT;
    message.watch_event = &event;
    lt_shell_reply(shell, watcher->peer, watcher->request, &message);
}

/* True when the stream has come to its end. */
static bool pump_one(lt_shell *shell, struct lt_watcher *watcher)
{
    const lt_happening *next;
    while ((next = lt_events_after(&watcher->job->events, watcher->sequence))) {
        if (lt_router_parked_bytes(shell->client_router, watcher->peer) > LT_WATCH_PARKED_BYTES_MAX)
            return false;
        watcher->sequence = next->sequence;
        send_event(shell, watcher, next);
    }
    return has_ended(watcher->job);
}

void lt_watch_pump(lt_shell *shell)
{
    for (size_t i = shell->watchers.count; i-- > 0;)
        if (pump_one(shell, &shell->watchers.list[i]))
            drop_at(&shell->watchers, i);
}

void lt_watch_tell_all(lt_shell *shell, const char *word, const char *format, ...)
{
    char text[LT_EVENT_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < shell->jobs.count; i++)
        if (shell->jobs.list[i]->ready && !has_ended(shell->jobs.list[i]))
            lt_events_add(&shell->jobs.list[i]->events, word, "%s", text);
}
