#include "client/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

enum { BAR_CELLS = 24, TERMINAL_MS = 100, PIPE_MS = 5000 };

void lt_progress_init(lt_progress *progress)
{
    memset(progress, 0, sizeof *progress);
    progress->terminal = isatty(STDERR_FILENO) == 1;
}

static void erase(lt_progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}

/* "1 h 02 min", "3 min 20 s", "12 s"; "" when unknown. */
static void put_duration(char out[32], double seconds)
{
    out[0] = '\0';
    if (!(seconds >= 0) || seconds > 1e9)
        return;
    const unsigned long s = (unsigned long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, 32, "%lu h %02lu min left", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, 32, "%lu min %02lu s left", s / 60, s % 60);
    else
        snprintf(out, 32, "%lu s left", s);
}

static size_t columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* The coordinator's rate is of the last half minute; the last line gives the average of all. */
static double rate_of(const lt_progress *progress, const Lefttail__JobStatus *job, uint64_t now,
                      bool last)
{
    if (!last || now <= progress->first_ms)
        return job->rows_per_second;
    const uint64_t done = job->rows_scored + job->rows_failed;
    return (double)(done - progress->first_rows) * 1000 / (double)(now - progress->first_ms);
}

/* One line, cut to the terminal: the bar, what is done, how fast, how long still. */
static void draw(lt_progress *progress, const Lefttail__JobStatus *job, double rate,
                 uint32_t workers)
{
    char bar[3 * BAR_CELLS + 1] = "", left[32], text[256];
    const uint64_t done = job->rows_scored + job->rows_failed;
    const uint64_t all = job->rows_expected ? job->rows_expected : 1;
    const int full = (int)(done * BAR_CELLS / all);
    for (int i = 0; i < BAR_CELLS; i++)
        strcat(bar, i < full ? "█" : "░");
    put_duration(left, job->seconds_left);
    snprintf(text, sizeof text, " %3u %%  %llu of %llu rows  %.0f rows/s  %u worker%s  %s",
             (unsigned)(done * 100 / all), (unsigned long long)done,
             (unsigned long long)job->rows_expected, rate, workers, workers == 1 ? "" : "s", left);
    const size_t room = columns();
    erase(progress);
    if (room > BAR_CELLS + 30)
        fputs(bar, stderr);
    fprintf(stderr, "%.*s", (int)(room > BAR_CELLS + 30 ? room - BAR_CELLS - 1 : room - 1), text);
    fflush(stderr);
    progress->drawn = true;
}

void lt_progress_show(lt_progress *progress, const Lefttail__JobStatus *job, uint32_t workers,
                      bool last)
{
    const uint64_t now = lt_now_ms();
    const uint64_t done = job->rows_scored + job->rows_failed;
    const uint64_t pause = progress->terminal ? TERMINAL_MS : PIPE_MS;
    if (!last && progress->shown_ms && now - progress->shown_ms < pause)
        return;
    if (last && progress->shown_ms && done == progress->shown_rows && !progress->terminal)
        return;
    if (!progress->shown_ms) {
        progress->first_ms = now;
        progress->first_rows = done;
    }
    const double rate = rate_of(progress, job, now, last);
    progress->shown_ms = now;
    progress->shown_rows = done;
    if (progress->terminal)
        draw(progress, job, rate, workers);
    else
        lt_log_info("progress", "job", "%s", job->job, "rows", "%llu", (unsigned long long)done,
                    "of", "%llu", (unsigned long long)job->rows_expected, "failed", "%llu",
                    (unsigned long long)job->rows_failed, "rows_per_second", "%.1f", rate,
                    "seconds_left", "%.0f", job->seconds_left, "workers", "%u", workers, NULL);
}

void lt_progress_note(lt_progress *progress, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    erase(progress);
    if (progress->terminal)
        fprintf(stderr, "%s\n", text);
    else
        lt_log_info("note", "text", "%s", text, NULL);
}

void lt_progress_end(lt_progress *progress)
{
    if (progress->drawn)
        fputc('\n', stderr);
    progress->drawn = false;
}
